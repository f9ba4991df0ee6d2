"""stream-zip with boto3: a zip whose members are fetched when their turn comes.

What it stores uncompressed it holds in memory first, for the CRC that stands before the content.
"""

import os
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

from stream_zip import NO_COMPRESSION_32, ZIP_32, stream_zip

from bench.peers.boto3_objects import client, keys, readable


def main(bucket: str, prefix: str, key: str) -> None:
    """Pack the objects of a bucket under a prefix."""
    s3 = client()
    now = datetime.now(UTC)
    method = NO_COMPRESSION_32 if os.environ.get("STORED") else ZIP_32

    def content(name: str) -> Iterator[bytes]:
        yield s3.get_object(Bucket=bucket, Key=name)["Body"].read()

    members = ((name, now, 0o100644, method, content(name)) for name in keys(s3, bucket, prefix))
    archive = stream_zip(members, get_compressobj=lambda: zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS))
    s3.upload_fileobj(readable(archive), bucket, key)


if __name__ == "__main__":
    main(*sys.argv[1:])
