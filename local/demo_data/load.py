"""Puts demo data where the catalog reads it: records into the Documents table, contents into the Files bucket."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, cast

from local.aws import Aws
from local.demo_data import cloud
from local.demo_data.record import Record, StoredFile

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef
    from mypy_boto3_s3 import S3Client

_BATCH = 25  # the most that one BatchWriteItem takes
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was put in for one user."""

    records: int
    files: int
    bytes: int


class Loader:
    """Writes to one stack's table and bucket."""

    def __init__(self, endpoint_url: str, *, documents_table: str, files_bucket: str) -> None:
        aws = Aws(endpoint_url)
        self._dynamodb: DynamoDBClient = aws.dynamodb
        self._s3: S3Client = aws.s3
        self._table = documents_table
        self._bucket = files_bucket

    def load(self, user: str, tenant: str) -> Loaded:
        """Put in everything that the demo user has, as the data of ``tenant``."""
        records, files = list(cloud.records(user)), []
        for item in cloud.library(user).items():
            records.append(item.record)
            if item.file is not None:
                files.append(item.file)
        self.put(tenant, records, files)
        return Loaded(len(records), len(files), sum(len(file.content) for file in files))

    def put(self, tenant: str, records: Iterable[Record], files: Iterable[StoredFile] = ()) -> None:
        """Put in records and contents of one tenant, replacing those of the same id."""
        with ThreadPoolExecutor(_THREADS) as pool:
            writes = [pool.submit(self._put_file, tenant, file) for file in files]
            writes += [pool.submit(self._put_records, tenant, batch) for batch in _batches(records)]
            for write in writes:
                write.result()

    def _put_file(self, tenant: str, file: StoredFile) -> None:
        """Store a content with its SHA-256, so that large files can be copied without being read."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{tenant}/{file.id}",
            Body=file.content,
            ContentType=file.mime,
            ChecksumAlgorithm="SHA256",
        )

    def _put_records(self, tenant: str, batch: list[Record]) -> None:
        left: list[WriteRequestTypeDef] = [{"PutRequest": {"Item": _item(tenant, record)}} for record in batch]
        while left:
            answer = self._dynamodb.batch_write_item(RequestItems={self._table: left})
            left = cast("list[WriteRequestTypeDef]", answer["UnprocessedItems"].get(self._table, []))


def _item(tenant: str, record: Record) -> dict[str, dict[str, str]]:
    return {
        "pk": {"S": f"{tenant}#{record.doctype}"},
        "sk": {"S": record.id},
        "body": {"S": json.dumps(record.body, ensure_ascii=False, separators=(",", ":"))},
        "updated_at": {"S": record.updated_at},
    }


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(records)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
