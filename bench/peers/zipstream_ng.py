"""zipstream-ng with boto3: a zip whose members are fetched when their turn comes."""

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

    archive = ZipStream(compress_type=zipfile.ZIP_DEFLATED, compress_level=1)
    for name in keys(s3, bucket, prefix):
        archive.add(content(name), arcname=name)
    s3.upload_fileobj(readable(archive), bucket, key)


if __name__ == "__main__":
    main(*sys.argv[1:])
