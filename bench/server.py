"""A real S3 server for the time of a run: SeaweedFS, on this machine and reachable from nowhere else."""

import contextlib
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from local import processes

from bench.measure import MeasurementError

REGION = "us-east-1"
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
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
    "metricsPort",
)
_COUNTED = re.compile(r'^SeaweedFS_s3_request_total\{bucket="([^"]*)",code="\d+",type="(\w+)"\} (\d+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server. ``environment`` is what S3 clients need to talk to it and to nothing else."""

    endpoint: str
    metrics: str
    environment: dict[str, str]

    def create_bucket(self, name: str) -> None:
        """Create a bucket; the server may still be starting. Raises MeasurementError."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )
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

    def requests(self, bucket: str) -> Counter[str]:
        """Return how many requests for a bucket the server has answered so far, by its own count.

        Its classes are ``GET`` (with HEAD), ``PUT``, ``POST``, ``DELETE`` and ``LIST``.
        """
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:
            text = answer.read().decode()
        counts: Counter[str] = Counter()
        for name, kind, count in _COUNTED.findall(text):
            if name == bucket:
                counts[kind] += int(count)
        return counts


@contextlib.contextmanager
def s3_server(weed: Path, state: Path) -> Iterator[S3Server]:
    """Run a server whose data lies in ``state`` until the block is left. One that an earlier crash left is stopped."""
    note, data = state / "s3.json", state / "s3"
    processes.stop(note, mark=str(data))
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    ports = dict(zip(_PORTS, processes.free_ports(len(_PORTS)), strict=True))
    environment = {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench-secret",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [str(weed), "mini", f"-dir={data}", f"-ip={_HOST}", f"-ip.bind={_HOST}", "-master.telemetry=false"]
    command += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(data), "TMPDIR": str(data), **environment}
    process = processes.start(command, cwd=data, env=env, log=state / "s3.log", note=note)
    endpoint = f"http://{_HOST}:{ports['s3.port']}"
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "S3_ENDPOINT_URL")
    try:
        yield S3Server(
            endpoint, f"http://{_HOST}:{ports['metricsPort']}/metrics", environment | dict.fromkeys(names, endpoint)
        )
    finally:
        processes.stop(note, mark=str(data))
        process.wait()
        shutil.rmtree(data, ignore_errors=True)
