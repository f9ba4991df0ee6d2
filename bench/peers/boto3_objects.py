"""What the peers on boto3 share: a client, a listing, and a stream to upload from."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

_BUFFER = 1024 * 1024


def client() -> "S3Client":
    """Return an S3 client with boto3's defaults."""
    return boto3.client("s3")


def keys(s3: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys under a prefix."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield entry["Key"]


def readable(chunks: Iterable[bytes]) -> io.BufferedReader:
    """Return chunks as a file, as ``upload_fileobj`` wants it."""
    return io.BufferedReader(_Chunks(chunks), _BUFFER)


class _Chunks(io.RawIOBase):
    """Chunks as a raw file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        """Say that this file can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer from the next chunk and return with how many bytes; none at the end."""
        target = memoryview(buffer).cast("B")
        chunk = self._rest or next((chunk for chunk in self._chunks if chunk), b"")
        size = min(len(target), len(chunk))
        target[:size] = chunk[:size]
        self._rest = chunk[size:]
        return size
