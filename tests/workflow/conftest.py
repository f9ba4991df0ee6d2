"""The real state machine, run by moto inside the test process, on the real handlers and adapters.

moto's interpreter reaches the steps through its Lambda; here that calls the handler of the same name. What moto does
not do as AWS does (a failure inside a Distributed Map, presigned signatures) is tested on the embedded AWS instead.
"""

import importlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from tests.template.conftest import REPOSITORY, SUBSTITUTION

STEPS = {"PlanExport", "ReadChunk", "PlanParts", "PackPart", "FinishExport", "FailExport"}
IMPORT_STEPS = {"StageImport", "ValidateRows", "LoadRows", "FinishImport", "UndoRows", "FinishUndo", "FailImport"}
ACCOUNT = "123456789012"
REGION = "us-east-1"
HOUR_MS = 3_600_000

Fault = Callable[[dict[str, Any], int], Exception | None]


@dataclass
class Steps:
    """How the state machine's steps are run, and what went through them.

    ``faults`` maps a step's name to a function that may give an error instead of the call, or after it with ``late``.
    """

    calls: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    milliseconds: Callable[[str], int] = lambda _: HOUR_MS

    def invoke(self, name: str, payload: dict[str, Any]) -> Any:
        """Run one step as Lambda would."""
        self.calls.append(name)
        fault = self.faults.get(name)
        error = fault(payload, self.calls.count(name)) if fault else None
        if error is not None and name not in self.late:
            raise error
        folder = "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
        context = SimpleNamespace(
            aws_request_id=f"request-{len(self.calls)}",
            get_remaining_time_in_millis=lambda: self.milliseconds(name),
        )
        answer = importlib.import_module(f"{folder}.app").handler(payload, context)
        if error is not None:
            raise error
        return answer


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The moto server on a free port, in this process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_PORT", str(port))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_REGION", REGION)
        from moto.core.config import default_user_config  # noqa: PLC0415 - MOTO_PORT is read at import
        from moto.server import ThreadedMotoServer  # noqa: PLC0415

        patch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
        patch.setitem(default_user_config, "lambda", {"use_docker": False})
        started = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        started.start()
        yield f"http://localhost:{port}"
        started.stop()


def client(service: str, server: str) -> Any:
    """A boto3 client of the moto server."""
    return boto3.client(service, endpoint_url=server, region_name=REGION)  # type: ignore[call-overload]


@dataclass
class Stack:
    """What the tests have of the deployed stack."""

    server: str
    steps: Steps
    state_machine: str
    import_machine: str
    jobs: str = "jobs"
    documents: str = "documents"
    files: str = "files"
    archives: str = "archives"

    def client(self, service: str) -> Any:
        """A boto3 client of the stack."""
        return client(service, self.server)


@pytest.fixture
def stack(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Tables, buckets and the state machine, fresh for every test."""
    from moto.awslambda_simple.models import LambdaSimpleBackend  # noqa: PLC0415 - after MOTO_PORT is set

    from waybill.entry import bootstrap, catalog_file  # noqa: PLC0415

    steps = Steps()

    def invoke(self: object, function_name: str, *request: Any) -> bytes:
        _, body, _, response_headers = request
        name = function_name.rpartition(":")[2]
        try:
            return json.dumps(steps.invoke(name, json.loads(body))).encode()
        except Exception as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()

    monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)
    environment = {
        "AWS_ENDPOINT_URL": server,
        "AWS_REGION": REGION,
        "JOBS_TABLE": "jobs",
        "DOCUMENTS_TABLE": "documents",
        "FILES_BUCKET": "files",
        "ARCHIVES_BUCKET": "archives",
        "POWERTOOLS_METRICS_NAMESPACE": "Waybill",
        "POWERTOOLS_SERVICE_NAME": "waybill",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _create_storage(server)
    state_machine = _create_state_machine(server, "export", STEPS)
    monkeypatch.setenv("EXPORT_WORKFLOW_ARN", state_machine)
    import_machine = _create_state_machine(server, "import", IMPORT_STEPS)
    monkeypatch.setenv("IMPORT_WORKFLOW_ARN", import_machine)
    monkeypatch.setenv("SIGNING_KEY_ID", _create_signing_key(server))
    monkeypatch.setattr(
        catalog_file,
        "deployed_catalog",
        lambda: catalog_file.load_catalog(REPOSITORY / "layers" / "catalog", os.environ),
    )
    bootstrap.wiring.cache_clear()
    yield Stack(server, steps, state_machine, import_machine)
    bootstrap.wiring.cache_clear()
    import requests  # noqa: PLC0415

    requests.post(f"{server}/moto-api/reset", timeout=10)


def _create_storage(server: str) -> None:
    for bucket in ("files", "archives"):
        client("s3", server).create_bucket(Bucket=bucket)
    for table in ("jobs", "documents"):
        client("dynamodb", server).create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )


def _create_signing_key(server: str) -> str:
    created = client("kms", server).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    return str(created["KeyMetadata"]["Arn"])


def _create_state_machine(server: str, kind: str, steps: set[str]) -> str:
    text = (REPOSITORY / "functions" / f"{kind}_workflow" / "definition.asl.json").read_text()
    values = {"Partition": "aws", "ArchivesBucket": "archives"}
    values |= {f"{step}FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{step}" for step in steps}
    definition = SUBSTITUTION.sub(lambda match: values[match[1]], text)
    # The retries wait less; nothing else is different from what is deployed.
    definition = re.sub(r'"(IntervalSeconds|MaxDelaySeconds)": \d+', r'"\1": 1', definition)
    created = client("stepfunctions", server).create_state_machine(
        name=f"waybill-{kind}", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/states"
    )
    return str(created["stateMachineArn"])
