"""The job of an export as one would write it on boto3's defaults: one program, everything in turn.

Arguments: TENANT KEY. Queries the records of TENANT and the index of its files, gets each file that the bucket lists,
packs all into a tar.gz on the disk, and uploads it as KEY. DOCUMENTS_TABLE, FILES_BUCKET and ARCHIVES_BUCKET say where.
"""

import io
import json
import os
import sys
import tarfile
import tempfile
from typing import TYPE_CHECKING, Any

import boto3

from bench.peers.boto3_objects import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCTYPES = ("io.cozy.contacts", "io.cozy.files")


def main(tenant: str, key: str) -> None:
    """Make the archive of one tenant."""
    table: Any = boto3.resource("dynamodb").Table(os.environ["DOCUMENTS_TABLE"])
    s3 = boto3.client("s3")
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for doctype in _DOCTYPES:
                lines = "".join(f"{json.dumps(json.loads(item['body']))}\n" for item in _items(table, tenant, doctype))
                _add(archive, f"{doctype}.ndjson", lines.encode())
            for name in keys(s3, os.environ["FILES_BUCKET"], f"{tenant}/"):
                _add(archive, name, s3.get_object(Bucket=os.environ["FILES_BUCKET"], Key=name)["Body"].read())
        file.seek(0)
        s3.upload_fileobj(file, os.environ["ARCHIVES_BUCKET"], key)


def _items(table: Any, tenant: str, doctype: str) -> "Iterator[dict[str, Any]]":
    query: dict[str, Any] = {
        "KeyConditionExpression": "pk = :partition",
        "ExpressionAttributeValues": {":partition": f"{tenant}#{doctype}"},
    }
    while True:
        answer = table.query(**query)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(*sys.argv[1:])
