"""s3-tar of PyPI, as its README uses it. It leaves no choice of the gzip level, which is 9."""

import sys

from s3_tar import S3Tar


def main(bucket: str, prefix: str, key: str) -> None:
    """Pack the objects of a bucket under a prefix."""
    job = S3Tar(bucket, key)
    job.add_files(prefix, preserve_paths=True)
    job.tar()


if __name__ == "__main__":
    main(*sys.argv[1:])
