"""The obvious way from a file of rows to records: json.load, and put_item for each row.

Arguments: DOCTYPE FILE KEY_FIELD. Prints the rows written and the processor seconds that it took.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3


def main(doctype: str, file: str, key_field: str) -> None:
    """Write every row of a file."""
    table: Any = boto3.resource("dynamodb").Table("documents")
    table.put_item(Item={"pk": "warm", "sk": "up"})
    begin = time.process_time()
    with Path(file).open(encoding="utf-8") as text:
        rows = json.load(text)
    for row in rows:
        table.put_item(Item={"pk": f"tenant#{doctype}", "sk": row[key_field], "body": json.dumps(row)})
    print(json.dumps({"rows": len(rows), "seconds": time.process_time() - begin}))


if __name__ == "__main__":
    main(*sys.argv[1:])
