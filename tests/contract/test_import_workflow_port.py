"""What every ImportWorkflow promises, held against the one in memory and the one on Step Functions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.fakes import FakeClock, MemoryImportWorkflow

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.import_executions import ImportExecutions
from waybill.domain.errors import StorageUnavailable
from waybill.domain.import_job import ImportJob, RowCounts, new_import
from waybill.domain.import_options import ImportOptions
from waybill.domain.job import ExecutionState
from waybill.ports import ImportWorkflow

Running = Callable[[], list[str]]


@pytest.fixture
def client(moto_endpoint: str, impatient: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "states", "AWSStepFunctions", endpoint=moto_endpoint, region=REGION, credentials=credentials, backoff=impatient
    )


@pytest.fixture
def state_machine(moto_endpoint: str) -> str:
    """The ARN of a new state machine."""
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    created = boto("stepfunctions", moto_endpoint).create_state_machine(
        name=new_name(),
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/imports",
    )
    return str(created["stateMachineArn"])


@pytest.fixture(params=["memory", "step functions"])
def workflow_and_running(request: pytest.FixtureRequest, moto_endpoint: str) -> tuple[ImportWorkflow, Running]:
    if request.param == "memory":
        memory = MemoryImportWorkflow()
        return memory, lambda: sorted(memory.running)
    arn = request.getfixturevalue("state_machine")
    boto3: Any = boto("stepfunctions", moto_endpoint)

    def running() -> list[str]:
        found = boto3.list_executions(stateMachineArn=arn, statusFilter="RUNNING")
        return sorted(execution["name"] for execution in found["executions"])

    return ImportExecutions(request.getfixturevalue("client"), arn), running


def an_import(clock: FakeClock) -> ImportJob:
    return new_import("anna", ImportOptions(inputs=()), clock())


def test_an_import_is_started_once_and_stays_stopped(
    workflow_and_running: tuple[ImportWorkflow, Running], clock: FakeClock
) -> None:
    workflow, running = workflow_and_running
    job, other = an_import(clock), an_import(clock)
    assert workflow.state(job) is ExecutionState.MISSING

    for each in (job, job, other):
        workflow.start(each)
    assert running() == sorted([job.id, other.id])
    assert workflow.state(job) is ExecutionState.RUNNING

    for _ in range(2):
        workflow.stop(job)
    assert running() == [other.id]
    assert workflow.state(job) is ExecutionState.ENDED


def test_every_try_to_undo_is_an_execution_of_its_own_and_stopping_stops_what_runs(
    workflow_and_running: tuple[ImportWorkflow, Running], clock: FakeClock
) -> None:
    workflow, running = workflow_and_running
    first = an_import(clock).finished(clock(), RowCounts()).undoing()
    second = first.failed(clock(), "No.", "undo_failed").undoing()

    workflow.start(first)
    workflow.stop(first)
    assert workflow.state(second) is ExecutionState.MISSING
    workflow.start(second)
    assert running() == [f"{second.id}-undo-2"]

    workflow.stop(second.deleted(clock()))
    assert running() == []


def test_stopping_what_never_ran_does_nothing(
    workflow_and_running: tuple[ImportWorkflow, Running], clock: FakeClock
) -> None:
    workflow, running = workflow_and_running

    workflow.stop(an_import(clock))

    assert running() == []


def test_an_execution_gets_tenant_import_and_which_try_to_undo_it_is(
    client: AwsJsonClient, state_machine: str, moto_endpoint: str, clock: FakeClock
) -> None:
    job = an_import(clock)
    undoing = job.finished(clock(), RowCounts()).undoing()
    workflow = ImportExecutions(client, state_machine)

    for each in (job, undoing):
        workflow.start(each)

    inputs = []
    for each in (job, undoing):
        arn = f"{state_machine.replace(':stateMachine:', ':execution:')}:{each.execution}"
        execution = boto("stepfunctions", moto_endpoint).describe_execution(executionArn=arn)
        inputs.append(json.loads(execution["input"]))
    assert inputs == [{"tenant": "anna", "import_id": job.id, "undo": number} for number in (0, 1)]


def test_a_missing_state_machine_is_an_error_that_names_the_workflow(client: AwsJsonClient, clock: FakeClock) -> None:
    workflow = ImportExecutions(client, f"arn:aws:states:{REGION}:123456789012:stateMachine:none")

    with pytest.raises(StorageUnavailable, match=r"import workflow .*StateMachineDoesNotExist"):
        workflow.start(an_import(clock))
