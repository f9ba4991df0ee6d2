"""What every Workflow promises, held against the one in memory and the one on Step Functions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.fakes import FakeClock, MemoryWorkflow

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.stepfunctions import StepFunctionsWorkflow
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExecutionState, ExportJob, new_export
from waybill.domain.options import ExportOptions
from waybill.ports import Workflow

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
        roleArn="arn:aws:iam::123456789012:role/exports",
    )
    return str(created["stateMachineArn"])


@pytest.fixture(params=["memory", "step functions"])
def workflow_and_running(request: pytest.FixtureRequest, moto_endpoint: str) -> tuple[Workflow, Running]:
    if request.param == "memory":
        memory = MemoryWorkflow()
        return memory, lambda: sorted(memory.running)
    arn = request.getfixturevalue("state_machine")
    boto3: Any = boto("stepfunctions", moto_endpoint)

    def running() -> list[str]:
        found = boto3.list_executions(stateMachineArn=arn, statusFilter="RUNNING")
        return sorted(execution["name"] for execution in found["executions"])

    return StepFunctionsWorkflow(request.getfixturevalue("client"), arn), running


def a_job(clock: FakeClock) -> ExportJob:
    return new_export("anna", ExportOptions(), clock())


def test_an_export_is_started_once(workflow_and_running: tuple[Workflow, Running], clock: FakeClock) -> None:
    workflow, running = workflow_and_running
    job = a_job(clock)

    workflow.start(job)
    workflow.start(job)

    assert running() == [job.id]


def test_a_stopped_export_stays_stopped(workflow_and_running: tuple[Workflow, Running], clock: FakeClock) -> None:
    workflow, running = workflow_and_running
    job, other = a_job(clock), a_job(clock)
    workflow.start(job)
    workflow.start(other)

    workflow.stop(job)
    workflow.stop(job)

    assert running() == [other.id]


def test_stopping_what_never_ran_does_nothing(workflow_and_running: tuple[Workflow, Running], clock: FakeClock) -> None:
    workflow, running = workflow_and_running

    workflow.stop(a_job(clock))

    assert running() == []


def test_the_state_of_an_execution_is_told(workflow_and_running: tuple[Workflow, Running], clock: FakeClock) -> None:
    workflow, _ = workflow_and_running
    job = a_job(clock)

    states = [workflow.state(job)]
    for change in (workflow.start, workflow.stop):
        change(job)
        states.append(workflow.state(job))

    assert states == [ExecutionState.MISSING, ExecutionState.RUNNING, ExecutionState.ENDED]


def test_every_attempt_is_an_execution_of_its_own(
    workflow_and_running: tuple[Workflow, Running], clock: FakeClock
) -> None:
    workflow, running = workflow_and_running
    first = a_job(clock)
    second = first.failed(clock(), "No.").retried(clock())
    workflow.start(first)
    workflow.stop(first)

    assert workflow.state(second) is ExecutionState.MISSING
    workflow.start(second)
    workflow.start(second)

    assert running() == [f"{first.id}-1"]
    assert workflow.state(first) is ExecutionState.ENDED
    workflow.stop(second)
    assert running() == []


def test_the_execution_gets_tenant_export_and_attempt(
    client: AwsJsonClient, state_machine: str, moto_endpoint: str, clock: FakeClock
) -> None:
    job = a_job(clock)

    StepFunctionsWorkflow(client, state_machine).start(job)

    arn = f"{state_machine.replace(':stateMachine:', ':execution:')}:{job.id}"
    execution = boto("stepfunctions", moto_endpoint).describe_execution(executionArn=arn)
    assert json.loads(execution["input"]) == {"tenant": "anna", "export_id": job.id, "attempt": 0}


def test_a_missing_state_machine_is_an_error(client: AwsJsonClient, clock: FakeClock) -> None:
    workflow = StepFunctionsWorkflow(client, f"arn:aws:states:{REGION}:123456789012:stateMachine:none")

    with pytest.raises(StorageUnavailable, match="StateMachineDoesNotExist"):
        workflow.start(a_job(clock))


def test_a_state_that_cannot_be_asked_for_is_an_error(client: AwsJsonClient, clock: FakeClock) -> None:
    workflow = StepFunctionsWorkflow(client, "no-arn")

    with pytest.raises(StorageUnavailable, match="DescribeExecution"):
        workflow.state(a_job(clock))
