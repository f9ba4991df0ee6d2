"""What every EventBus promises, held against the one in memory and the one on EventBridge."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.fake_events import BUS, MemoryBus

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.eventbridge_bus import EventBridgeBus
from waybill.domain.change_event import ChangeEvent, cloud_event, tenant_reference
from waybill.domain.errors import StorageUnavailable
from waybill.ports import EventBus

EVENT = ChangeEvent(
    id=f"{'0' * 32}/2",
    type="waybill.export.done",
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    export_id="0" * 32,
    state="done",
    previous_state="exporting",
    parts=1,
    total_size=2,
    gaps=3,
)


@pytest.fixture
def client(moto_endpoint: str, impatient: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "events",
        "AWSEvents",
        endpoint=moto_endpoint,
        region=REGION,
        json_version="1.1",
        credentials=credentials,
        backoff=impatient,
    )


@pytest.fixture
def listener(moto_endpoint: str) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
    """The name of a new bus, and what a queue behind a rule for Waybill's events gets of it."""
    name = new_name()
    events, sqs = boto("events", moto_endpoint), boto("sqs", moto_endpoint)
    events.create_event_bus(Name=name)
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["waybill"], "detail-type": [{"prefix": "waybill.export."}]})
    events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])

    def received() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return name, received


def test_an_event_arrives_as_a_cloudevent_that_rules_can_match(
    client: AwsJsonClient, listener: tuple[str, Callable[[], list[dict[str, Any]]]]
) -> None:
    name, received = listener
    EventBridgeBus(client, name).publish(EVENT, tenant="anna")

    (arrived,) = received()
    assert (arrived["source"], arrived["detail-type"]) == ("waybill", "waybill.export.done")
    assert arrived["detail"] == cloud_event(EVENT, tenant_reference("anna", name))
    assert arrived["time"] == "2026-03-01T12:00:00Z"
    assert "anna" not in json.dumps(arrived)


def test_the_bus_in_memory_has_the_same_event(
    client: AwsJsonClient, listener: tuple[str, Callable[[], list[dict[str, Any]]]]
) -> None:
    memory = MemoryBus()
    memory.publish(EVENT, tenant="anna")

    assert memory.told == [cloud_event(EVENT, tenant_reference("anna", BUS))]


class Answering(AwsJsonClient):
    """EventBridge that gives a certain answer."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        assert operation == "PutEvents"
        return json.dumps(self._answer).encode() if not isinstance(self._answer, bytes) else self._answer


def refusing(kind: str) -> list[EventBus]:
    entry = {"ErrorCode": kind, "ErrorMessage": "anna's event"}
    return [
        MemoryBus(refuses=True),
        EventBridgeBus(Answering({"FailedEntryCount": 1, "Entries": [entry]}), "bus"),
        EventBridgeBus(Answering(b"<html>"), "bus"),
    ]


@pytest.mark.parametrize("bus", refusing("InternalFailure"))
def test_an_event_that_is_not_taken_is_an_error(bus: EventBus) -> None:
    with pytest.raises(StorageUnavailable) as refusal:
        bus.publish(EVENT, tenant="anna")

    assert "anna" not in str(refusal.value)


def test_a_bus_that_cannot_be_reached_is_an_error(impatient: Backoff) -> None:
    nowhere = AwsJsonClient(
        "events",
        "AWSEvents",
        endpoint="http://127.0.0.1:1",
        region=REGION,
        json_version="1.1",
        credentials=credentials,
        backoff=impatient,
    )
    with pytest.raises(StorageUnavailable, match="Disconnected"):
        EventBridgeBus(nowhere, "bus").publish(EVENT, tenant="anna")
