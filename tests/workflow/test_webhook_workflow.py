"""A change on its way to a receiver, run by the real state machine."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier
from tests.contract.faulty_server import RESET, FaultyServer, answer
from tests.template.conftest import REPOSITORY, SUBSTITUTION
from tests.workflow.conftest import ACCOUNT, REGION, Stack
from tests.workflow.test_export_workflow import POLL

from waybill.domain.change_event import ChangeEvent
from waybill.domain.webhook import Webhook
from waybill.entry.bootstrap import wiring
from waybill.services.publish_change import publish_change
from waybill.services.put_webhook import WebhookSettings, put_webhook

TENANT = "alice"
EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"
EVENT = ChangeEvent(
    f"{EXPORT}/2", "waybill.export.done", datetime(2026, 3, 1, 12, tzinfo=UTC), EXPORT, "done", "exporting", 1, 2, 0
)

Ended = Callable[[], list[str]]


@pytest.fixture
def receiver() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def ended(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Ended:
    """The webhooks' state machine and a bus; wait until every execution has ended and say how."""
    text = (REPOSITORY / "functions" / "webhook_workflow" / "definition.asl.json").read_text()
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:SendWebhook"
    # It waits less and gives up sooner; nothing else is different from what is deployed.
    text = re.sub(r'"(IntervalSeconds|MaxDelaySeconds)": \d+', r'"\1": 1', SUBSTITUTION.sub(function, text))
    text = re.sub(r'"MaxAttempts": \d+', '"MaxAttempts": 3', text)
    states = stack.client("stepfunctions")
    arn = states.create_state_machine(
        name="waybill-webhook", definition=text, roleArn=f"arn:aws:iam::{ACCOUNT}:role/states"
    )["stateMachineArn"]
    stack.client("events").create_event_bus(Name="waybill")
    monkeypatch.setenv("EVENT_BUS", "waybill")
    monkeypatch.setenv("WEBHOOK_WORKFLOW_ARN", arn)
    monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "true")

    def wait() -> list[str]:
        deadline = time.monotonic() + 60
        while True:
            executions = states.list_executions(stateMachineArn=arn)["executions"]
            if all(each["status"] != "RUNNING" for each in executions):
                return [each["status"] for each in executions]
            assert time.monotonic() < deadline
            POLL.wait(0.02)

    return wait


def webhook(receiver: FaultyServer) -> Webhook:
    settings = WebhookSettings(url=f"{receiver.url}/hook")
    parts = wiring()
    return put_webhook(TENANT, "shop", settings, allow_private=True, webhooks=parts.webhooks, clock=parts.clock).webhook


def publish() -> None:
    parts = wiring()
    publish_change(
        TENANT,
        EVENT,
        bus=parts.bus,
        webhooks=parts.webhooks,
        workflow=parts.webhook_workflow,
        schedules=parts.schedules,
        jobs=parts.jobs,
        metrics=parts.metrics,
    )


def last_delivery() -> tuple[str, int]:
    delivery = wiring().webhooks.get(TENANT, "shop").last_delivery
    assert delivery is not None
    return delivery.outcome, delivery.failures


def test_a_receiver_that_fails_twice_gets_it_at_the_third_try(
    stack: Stack, ended: Ended, receiver: FaultyServer
) -> None:
    receiver.will(answer(503), RESET, answer(204))
    secret = webhook(receiver).secret

    publish()

    assert ended() == ["SUCCEEDED"]
    assert stack.steps.calls == ["SendWebhook"] * 3
    assert len({request.body for request in receiver.requests}) == 1
    assert {request.headers["webhook-id"] for request in receiver.requests} == {EVENT.id}
    for request in receiver.requests:
        taken = Verifier(secret).verify(request.body, request.headers)
        assert taken == {"type": EVENT.type, "timestamp": "2026-03-01T12:00:00+00:00", "data": EVENT.data()}
    assert last_delivery() == ("204", 0)


def test_a_receiver_that_asks_to_wait_is_waited_for(stack: Stack, ended: Ended, receiver: FaultyServer) -> None:
    receiver.will(*[answer(503, Retry_After="1")] * 2, answer(204))
    webhook(receiver)

    publish()

    assert ended() == ["SUCCEEDED"]
    assert stack.steps.calls == ["SendWebhook"] * 3
    assert len({request.body for request in receiver.requests}) == 1
    assert last_delivery() == ("204", 0)


def test_a_change_that_is_published_twice_is_sent_once(stack: Stack, ended: Ended, receiver: FaultyServer) -> None:
    receiver.will(answer(204), answer(204))
    webhook(receiver)

    publish()
    publish()

    assert ended() == ["SUCCEEDED"]
    assert len(receiver.requests) == 1


def test_a_receiver_that_is_gone_switches_its_webhook_off(stack: Stack, ended: Ended, receiver: FaultyServer) -> None:
    receiver.will(answer(410))
    webhook(receiver)

    publish()

    assert ended() == ["SUCCEEDED"]
    assert len(receiver.requests) == 1
    assert not wiring().webhooks.get(TENANT, "shop").enabled


def test_a_receiver_that_never_takes_it_ends_in_a_failed_execution(
    stack: Stack, ended: Ended, receiver: FaultyServer
) -> None:
    webhook(receiver)  # answers 500 to whatever comes

    publish()

    assert ended() == ["FAILED"]
    assert len(receiver.requests) == 4
    assert last_delivery() == ("500", 4)


def test_a_webhook_that_is_deleted_meanwhile_is_asked_no_more(
    stack: Stack, ended: Ended, receiver: FaultyServer
) -> None:
    def delete(request: object) -> bytes:
        wiring().webhooks.delete(TENANT, "shop")
        return answer(500)

    receiver.will(delete, answer(204))
    webhook(receiver)

    publish()

    assert ended() == ["SUCCEEDED"]
    assert len(receiver.requests) == 1


def test_without_a_webhook_nothing_is_started(stack: Stack, ended: Ended) -> None:
    publish()

    assert ended() == []
    assert json.dumps(stack.steps.calls) == "[]"
