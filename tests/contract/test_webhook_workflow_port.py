"""What every WebhookWorkflow promises, held against the one in memory and the one on Step Functions."""

import json
import re
from collections.abc import Callable

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.fake_events import MemoryWebhookWorkflow

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.webhook_executions import WebhookExecutions
from waybill.domain.errors import StorageUnavailable
from waybill.domain.webhook_message import WebhookMessage
from waybill.ports import WebhookWorkflow

EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"
TENANT = "anna@example.org"
MESSAGE = WebhookMessage(f"{EXPORT}/2", "waybill.export.done", "2026-03-01T12:00:00+00:00", {"export_id": EXPORT})


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
        name=new_name(), definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/webhooks"
    )
    return str(created["stateMachineArn"])


@pytest.fixture(params=["memory", "step functions"])
def workflow_and_count(request: pytest.FixtureRequest, moto_endpoint: str) -> tuple[WebhookWorkflow, Callable[[], int]]:
    if request.param == "memory":
        memory = MemoryWebhookWorkflow()
        return memory, lambda: len(memory.started)
    arn = request.getfixturevalue("state_machine")
    states = boto("stepfunctions", moto_endpoint)
    workflow = WebhookExecutions(request.getfixturevalue("client"), arn)
    return workflow, lambda: len(states.list_executions(stateMachineArn=arn)["executions"])


def test_a_message_is_sent_to_a_webhook_once(
    workflow_and_count: tuple[WebhookWorkflow, Callable[[], int]],
) -> None:
    workflow, count = workflow_and_count
    other = WebhookMessage(f"{EXPORT}/3", MESSAGE.type, MESSAGE.timestamp, MESSAGE.data)
    for tenant, name, message in (
        (TENANT, "shop", MESSAGE),
        (TENANT, "shop", MESSAGE),
        (TENANT, "other", MESSAGE),
        ("bob", "shop", MESSAGE),
        (TENANT, "shop", other),
    ):
        workflow.start(tenant, name, message)

    assert count() == 4


@pytest.mark.parametrize("tenant", [TENANT, "Anna Żółw & Söhne/🐢 " * 20])
def test_an_execution_has_what_it_needs_and_a_name_that_tells_nothing(
    client: AwsJsonClient, state_machine: str, moto_endpoint: str, tenant: str
) -> None:
    WebhookExecutions(client, state_machine).start(tenant, "annas-shop", MESSAGE)

    states = boto("stepfunctions", moto_endpoint)
    (execution,) = states.list_executions(stateMachineArn=state_machine)["executions"]
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {
        "tenant": tenant,
        "webhook": "annas-shop",
        "id": f"{EXPORT}/2",
        "type": "waybill.export.done",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "data": {"export_id": EXPORT},
    }
    assert re.fullmatch(rf"{EXPORT}-2-[0-9a-f]{{1,45}}", execution["name"])


def test_a_missing_state_machine_is_an_error(client: AwsJsonClient) -> None:
    workflow = WebhookExecutions(client, f"arn:aws:states:{REGION}:123456789012:stateMachine:none")

    with pytest.raises(StorageUnavailable, match="StateMachineDoesNotExist"):
        workflow.start(TENANT, "shop", MESSAGE)
