"""A whole export, step by step: each call of a function is a fresh process, and its memory is kept."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.context import Bench
from bench.deployed import allocator_settings
from bench.measure import MeasurementError
from bench.memories import Memory
from bench.ours.stand_ins import running_job
from bench.ours.tables import DOCUMENTS, JOBS
from bench.server import REGION
from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.clock import system_clock
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain import keys
from waybill.domain.options import ExportOptions

ARCHIVES = "archives"
FILES = "files"


@dataclass(frozen=True, slots=True)
class Tables:
    """The stand-in for DynamoDB."""

    endpoint: str


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


class ExportRun:
    """One export of the made-up tenant with so many records and files."""

    def __init__(self, bench: Bench, endpoint: Tables, *, records: int, files: int, options: ExportOptions) -> None:
        self.memory = Memory()
        self._bench = bench
        self._job = running_job(
            f"memory-{records}-{files}-{options.parts_size}", options, tenant=tenant(records, files)
        )
        self._environment = {
            **allocator_settings(),
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint.endpoint,
            "AWS_ENDPOINT_URL_KMS": endpoint.endpoint,
            "SIGNING_KEY_ID": "made-up",
            "JOBS_TABLE": JOBS,
            "DOCUMENTS_TABLE": DOCUMENTS,
            "FILES_BUCKET": FILES,
            "ARCHIVES_BUCKET": ARCHIVES,
            "POWERTOOLS_SERVICE_NAME": "waybill",
            "POWERTOOLS_METRICS_NAMESPACE": "Waybill",
        }
        client = AwsJsonClient(
            "dynamodb",
            "DynamoDB_20120810",
            endpoint=endpoint.endpoint,
            region=REGION,
            credentials=lambda: bench.s3.credentials,
        )
        self._jobs = DynamoDbJobs(client, JOBS, clock=system_clock)
        self._archives = bench.s3.store(ARCHIVES)

    def run(self) -> int:
        """Make the export, remove it again, and return how many bytes its parts had. Raises MeasurementError."""
        self._jobs.create(self._job)
        work = self._call("plan_export")
        for batch in json.loads(self._archives.get(work["key"])):
            self._call("read_chunk", batch=batch)
        work = self._call("plan_parts")
        for batch in json.loads(self._archives.get(work["key"])):
            self._call("pack_part", batch=batch)
        if not self._call("finish_export")["ready"]:
            raise MeasurementError("The export did not become ready.")
        size = sum(part.size for part in self._archives.list(keys.prefix(self._job.id)))
        self._archives.delete_prefix(keys.prefix(self._job.id))
        return size

    def _call(self, function: str, **payload: object) -> dict[str, Any]:
        event = {"tenant": self._job.tenant, "export_id": self._job.id, **payload}
        usage = self._bench.run_module("bench.ours.run_step", function, json.dumps(event), env=self._environment)
        said = json.loads(usage.output.splitlines()[-1])
        self.memory.add(function, said["start_mib"], said["peak_mib"])
        answer: dict[str, Any] = said["answer"]
        if not answer.get("done", True):
            raise MeasurementError(f"{function} came back before it was done.")
        return answer


def tenant(records: int, files: int) -> str:
    """Return the name of the tenant that has so many records and files."""
    return f"r{records}-f{files}"
