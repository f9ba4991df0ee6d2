"""An export from its job record to its manifest, run by the real state machine."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.workflow.conftest import Stack
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.entry.bootstrap import wiring
from waybill.services.create_export import create_export

TENANT = "alice"


def put_records(stack: Stack, doctype: str, bodies: dict[str, str]) -> None:
    table = stack.client("dynamodb")
    for name, body in bodies.items():
        item = {"pk": {"S": f"{TENANT}#{doctype}"}, "sk": {"S": name}, "body": {"S": body}}
        table.put_item(TableName=stack.documents, Item=item)


def contact(name: str) -> str:
    return json.dumps({"_id": name, "fullname": name.title()})


def run(stack: Stack, options: ExportOptions | None = None) -> ExportJob:
    parts = wiring()
    job = create_export(
        TENANT,
        options or ExportOptions(),
        catalog=parts.catalog,
        jobs=parts.jobs,
        workflow=parts.workflow,
        clock=parts.clock,
        metrics=parts.metrics,
    )
    deadline = time.monotonic() + 60
    execution = stack.state_machine.replace(":stateMachine:", ":execution:") + f":{job.id}"
    while stack.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline, stack.steps.calls
    return parts.jobs.get(TENANT, job.id)


def history(stack: Stack, job: ExportJob) -> list[str]:
    execution = stack.state_machine.replace(":stateMachine:", ":execution:") + f":{job.id}"
    events = stack.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def manifest(stack: Stack, job: ExportJob) -> dict[str, Any]:
    body = stack.client("s3").get_object(Bucket=stack.archives, Key=f"exports/{job.id}/manifest.json")["Body"].read()
    return dict(json.loads(body))


def test_an_export_that_fits_one_worker_takes_at_most_ten_transitions(stack: Stack) -> None:
    put_records(stack, "io.cozy.contacts", {name: contact(name) for name in ("ada", "bob", "cyd")})

    job = run(stack)

    assert (job.state, job.error, job.gaps, job.parts) == (ExportState.DONE, "", 0, 1)
    assert manifest(stack, job)["doctypes"]["io.cozy.contacts"] == {
        "expected": 3,
        "written": 3,
        "skipped": 0,
        "failed": 0,
    }
    entered = history(stack, job) + ["ReadChunk", "PackPart"]
    assert len(entered) <= 10, entered
