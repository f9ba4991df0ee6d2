"""zipstream-ng with boto3: a zip whose members are fetched when their turn comes."""

import os
import sys
import zipfile
from collections.abc import Iterator

from zipstream import ZipStream

from bench.peers.boto3_objects import client, keys, readable


def main(bucket: str, prefix: str, key: str) -> None:
    """Pack the objects of a bucket under a prefix."""
    s3 = client()

    def content(name: str) -> Iterator[bytes]:
        yield s3.get_object(Bucket=bucket, Key=name)["Body"].read()

    method = zipfile.ZIP_STORED if os.environ.get("STORED") else zipfile.ZIP_DEFLATED
    archive = ZipStream(compress_type=method, compress_level=None if os.environ.get("STORED") else 1)
    for name in keys(s3, bucket, prefix):
        archive.add(content(name), arcname=name)
    s3.upload_fileobj(readable(archive), bucket, key)


if __name__ == "__main__":
    main(*sys.argv[1:])
