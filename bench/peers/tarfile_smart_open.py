"""The standard library's tarfile, from and to S3 by smart_open."""

import contextlib
import gzip
import sys
import tarfile
from typing import IO, cast

import smart_open

from bench.peers.boto3_objects import client, keys


def main(bucket: str, prefix: str, key: str) -> None:
    """Pack the objects of a bucket under a prefix."""
    s3 = client()
    transport = {"client": s3}
    with (
        smart_open.open(f"s3://{bucket}/{key}", "wb", compression="disable", transport_params=transport) as target,
        _packed(target, key) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for name in keys(s3, bucket, prefix):
            with smart_open.open(f"s3://{bucket}/{name}", "rb", transport_params=transport) as source:
                source.seek(0, 2)
                entry = tarfile.TarInfo(name)
                entry.size = source.tell()
                source.seek(0)
                archive.addfile(entry, source)


def _packed(target: IO[bytes], key: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    """Return what to write the tar to, so that it comes compressed to ``target`` if the key says so."""
    if not key.endswith(".gz"):
        return contextlib.nullcontext(target)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
