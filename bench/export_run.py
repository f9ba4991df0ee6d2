"""A whole export, step by step: each call of a function is a fresh process, and its memory is kept."""

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.context import Bench
from bench.deployed import allocator_settings
from bench.measure import MeasurementError, Usage
from bench.memories import Memory
from bench.ours.stand_ins import running_job
from bench.ours.tables import DOCUMENTS, JOBS
from bench.server import REGION, S3Server
from bench.state_machine import states_entered
from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.clock import system_clock
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.ports import ObjectStore

ARCHIVES = "archives"
FILES = "files"


@dataclass(frozen=True, slots=True)
class Tables:
    """The stand-in for DynamoDB, KMS and Step Functions."""

    endpoint: str

    def used(self) -> dict[str, float]:
        """Return the capacity that was used since the last call, as ``bench.ours.tables`` says."""
        with urllib.request.urlopen(f"{self.endpoint}/used", timeout=10) as answer:
            used: dict[str, float] = json.load(answer)
        return used


@contextlib.contextmanager
def tables(bench: Bench) -> Iterator[Tables]:
    """Run the stand-in for DynamoDB until the block is left."""
    command = [str(bench.python), "-m", "bench.ours.tables"]
    with subprocess.Popen(
        command, env=bench.environment(), cwd=bench.state, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise MeasurementError("The stand-in for DynamoDB has no pipes.")
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise MeasurementError("The stand-in for DynamoDB did not start.")
            yield Tables(f"http://127.0.0.1:{port}")
        finally:
            process.stdin.close()


def buckets(bench: Bench) -> None:
    """Make the buckets of the files and of the archives."""
    bench.s3.create_bucket(FILES)
    bench.s3.create_bucket(ARCHIVES)


class Functions:
    """Calls the export's functions, each in a fresh process, and keeps what they used.

    ``s3`` is how they reach the S3 server. ``jobs`` are the job records that they see.
    """

    def __init__(self, bench: Bench, endpoint: Tables, *, s3: S3Server) -> None:
        self.memory = Memory()
        self.calls: list[tuple[str, Usage]] = []
        client = AwsJsonClient(
            "dynamodb",
            "DynamoDB_20120810",
            endpoint=endpoint.endpoint,
            region=REGION,
            credentials=lambda: bench.s3.credentials,
        )
        self.jobs = DynamoDbJobs(client, JOBS, clock=system_clock)
        self._bench = bench
        self._environment = {
            **s3.environment,
            **allocator_settings(),
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint.endpoint,
            "AWS_ENDPOINT_URL_KMS": endpoint.endpoint,
            "AWS_ENDPOINT_URL_SFN": endpoint.endpoint,
            "SIGNING_KEY_ID": "made-up",
            "EXPORT_WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:exports",
            "JOBS_TABLE": JOBS,
            "DOCUMENTS_TABLE": DOCUMENTS,
            "FILES_BUCKET": FILES,
            "ARCHIVES_BUCKET": ARCHIVES,
            "POWERTOOLS_SERVICE_NAME": "waybill",
            "POWERTOOLS_METRICS_NAMESPACE": "Waybill",
        }

    def call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function and return its answer. Raises MeasurementError."""
        usage = self._bench.run_module("bench.ours.run_step", function, json.dumps(event), env=self._environment)
        said = json.loads(usage.output.splitlines()[-1])
        self.memory.add(function, said["start_mib"], said["peak_mib"])
        self.calls.append((function, usage))
        answer: dict[str, Any] = said["answer"]
        return answer


class ExportRun:
    """One export of the made-up tenant with so many records and files, by its state machine."""

    def __init__(self, bench: Bench, endpoint: Tables, *, records: int, files: int, options: ExportOptions) -> None:
        self._functions = Functions(bench, endpoint, s3=bench.s3)
        self._job = export_of(records, files, options)
        self._archives = bench.s3.store(ARCHIVES)

    @property
    def memory(self) -> Memory:
        """What the functions needed of it."""
        return self._functions.memory

    def run(self) -> None:
        """Make the export and remove it again. Raises MeasurementError."""
        self._functions.jobs.create(self._job)
        state = {"tenant": self._job.tenant, "export_id": self._job.id, "attempt": self._job.attempt}
        states_entered(state, call=self._functions.call, read_list=lambda key: list_of(self._archives, key))
        self._archives.delete_prefix(keys.prefix(self._job.id))


def export_of(records: int, files: int, options: ExportOptions) -> ExportJob:
    """Return an export of the made-up tenant with so many records and files, not stored yet."""
    return running_job(f"bench-{records}-{files}-{options.parts_size}", options, tenant=tenant(records, files))


def list_of(archives: ObjectStore, key: str) -> list[Any]:
    """Return what the state machine reads as the items of a Map."""
    items: list[Any] = json.loads(archives.get(key))
    return items


def tenant(records: int, files: int) -> str:
    """Return the name of the tenant that has so many records and files."""
    return f"r{records}-f{files}"
