"""Waybill's way from DynamoDB's answers to NDJSON lines: TableRecords on a client that has the answer already.

Arguments: FILE KIND TIMES. FILE holds the body of one answer, KIND is ``text`` or ``attributes``. Prints the processor
seconds that reading it TIMES times took, and how many bytes of NDJSON that gave.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from waybill.domain.catalog import Doctype, TableSource
from waybill.domain.plan import Shard
from waybill.sources.dynamodb import TableRecords


class _Answered:
    """A client that gives the same answer every time."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:  # noqa: ARG002 - nothing is asked
        """Return the answer."""
        return self._body


def main(file: str, kind: str, times: str) -> None:
    """Read the answer as one shard, again and again."""
    text = kind == "text"
    table = TableSource(
        table="documents",
        partition_key="pk",
        partition_value="{tenant}",
        sort_key="sk",
        body_attribute="body" if text else None,
        updated_at_attribute="updated_at" if text else None,
    )
    records = TableRecords(Doctype("bench", table, "{}"), _Answered(Path(file).read_bytes()))
    shard = Shard(0, "bench")
    size = 0
    begin = time.process_time()
    for _ in range(int(times)):
        for item in records.read(tenant="tenant", shard=shard, after=None):
            size += len(item.line or b"") + 1
    print(json.dumps({"seconds": time.process_time() - begin, "bytes": size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
