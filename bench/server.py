"""A real S3 server for the time of a run: SeaweedFS, on this machine and reachable from nowhere else."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from local import processes

from bench.measure import MeasurementError
from waybill.adapters.credentials import Credentials
from waybill.adapters.s3_objects import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_CLIENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench-secret",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that clients reach as ``endpoint``."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What S3 clients need to talk to this server and to nothing else."""
        return _CLIENT | dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "S3_ENDPOINT_URL"), self.endpoint)

    @property
    def credentials(self) -> Credentials:
        """What requests are signed with."""
        return Credentials(_CLIENT["AWS_ACCESS_KEY_ID"], _CLIENT["AWS_SECRET_ACCESS_KEY"])

    def store(self, bucket: str) -> S3Objects:
        """Return a bucket by the product's own adapter."""
        return S3Objects(bucket, region=REGION, endpoint=self.endpoint, credentials=lambda: self.credentials)

    def client(self, *, attempts: int = 3) -> "S3Client":
        """Return boto3's client, for what the product's adapter has no need to do."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            config=Config(retries={"total_max_attempts": attempts}, connect_timeout=2, read_timeout=60),
        )

    def create_bucket(self, name: str) -> None:
        """Create a bucket; the server may still be starting. Raises MeasurementError."""
        client = self.client(attempts=1)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                client.create_bucket(Bucket=name)
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() > deadline:
                    raise MeasurementError(f"The S3 server does not create the bucket {name}: {error}") from error
                time.sleep(0.2)
            else:
                return


@contextlib.contextmanager
def s3_server(weed: Path, state: Path) -> Iterator[S3Server]:
    """Run a server whose data lies in ``state`` until the block is left. One that an earlier crash left is stopped."""
    note, data = state / "s3.json", state / "s3"
    processes.stop(note, mark=str(data))
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    ports = dict(zip(_PORTS, processes.free_ports(len(_PORTS)), strict=True))
    command = [str(weed), "mini", f"-dir={data}", f"-ip={_HOST}", f"-ip.bind={_HOST}", "-master.telemetry=false"]
    command += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(data), "TMPDIR": str(data), **_CLIENT}
    process = processes.start(command, cwd=data, env=env, log=state / "s3.log", note=note)
    try:
        yield S3Server(f"http://{_HOST}:{ports['s3.port']}")
    finally:
        processes.stop(note, mark=str(data))
        process.wait()
        shutil.rmtree(data, ignore_errors=True)
