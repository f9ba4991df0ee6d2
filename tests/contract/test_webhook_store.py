"""What every WebhookStore promises, held against the one in memory and the one on DynamoDB."""

from datetime import timedelta

import pytest
from tests.contract.conftest import boto
from tests.fake_events import MemoryWebhooks
from tests.fakes import FakeClock

from waybill.adapters.aws_json import AwsError, AwsJsonClient, Refusal
from waybill.adapters.dynamodb_webhooks import DynamoDbWebhooks
from waybill.domain.errors import WebhookChanged, WebhookNotFound
from waybill.domain.webhook import Delivery, Webhook, new_webhook
from waybill.ports import WebhookStore


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> WebhookStore:
    if request.param == "memory":
        return MemoryWebhooks()
    return DynamoDbWebhooks(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def webhook(clock: FakeClock, name: str = "shop", tenant: str = "anna") -> Webhook:
    return new_webhook(tenant, name, url="https://hooks.example.org/", events=("a", "b"), enabled=True, now=clock())


def test_what_is_stored_is_given_back_with_its_secrets(store: WebhookStore, clock: FakeClock) -> None:
    made = webhook(clock).rotated(clock()).rotated(clock() + timedelta(seconds=1))
    store.put(made)

    assert store.get("anna", "shop") == made


def test_a_name_is_taken_once(store: WebhookStore, clock: FakeClock) -> None:
    store.put(webhook(clock))

    with pytest.raises(WebhookChanged):
        store.put(webhook(clock))


def test_a_change_needs_the_rev_that_was_read(store: WebhookStore, clock: FakeClock) -> None:
    made = webhook(clock)
    store.put(made)
    store.put(made.disabled())

    with pytest.raises(WebhookChanged):
        store.put(made.changed(url="https://other.example.org/", events=(), enabled=True))
    assert store.get("anna", "shop") == made.disabled()


def test_a_webhook_that_is_gone_cannot_be_changed(store: WebhookStore, clock: FakeClock) -> None:
    with pytest.raises(WebhookChanged):
        store.put(webhook(clock).disabled())


def test_a_tenant_sees_its_own_by_name_and_no_other(store: WebhookStore, clock: FakeClock) -> None:
    for name in ("shop-2", "shop", "a"):
        store.put(webhook(clock, name))
    store.put(webhook(clock, tenant="bob"))

    assert [each.name for each in store.list("anna")] == ["a", "shop", "shop-2"]
    assert [each.tenant for each in store.list("bob")] == ["bob"]
    assert store.list("carla") == []
    with pytest.raises(WebhookNotFound):
        store.get("carla", "shop")


def test_the_last_delivery_comes_with_its_webhook_and_no_other(store: WebhookStore, clock: FakeClock) -> None:
    for name in ("shop", "shop-2"):
        store.put(webhook(clock, name))
    first, last = Delivery(clock(), "500", 1), Delivery(clock() + timedelta(seconds=5), "204", 0)
    store.note_delivery("anna", "shop", first)
    store.note_delivery("anna", "shop", last)

    assert store.get("anna", "shop").last_delivery == last
    assert [each.last_delivery for each in store.list("anna")] == [last, None]
    assert store.get("anna", "shop-2").last_delivery is None


def test_a_delivery_noted_while_its_webhook_was_deleted_makes_no_webhook(store: WebhookStore, clock: FakeClock) -> None:
    store.put(webhook(clock))
    store.delete("anna", "shop")
    store.note_delivery("anna", "shop", Delivery(clock(), "204", 0))

    assert store.list("anna") == []
    with pytest.raises(WebhookNotFound):
        store.get("anna", "shop")


def test_deleting_twice_is_deleting_once_and_takes_the_delivery_with_it(store: WebhookStore, clock: FakeClock) -> None:
    store.put(webhook(clock))
    store.note_delivery("anna", "shop", Delivery(clock(), "204", 0))
    for _ in range(2):
        store.delete("anna", "shop")
    store.put(webhook(clock))

    assert store.get("anna", "shop").last_delivery is None


def test_a_put_whose_answer_was_lost_is_a_put(dynamodb: AwsJsonClient, table: str, clock: FakeClock) -> None:
    made = webhook(clock)

    class Lossy(AwsJsonClient):
        """The first attempt stores the item, its answer is lost, and the repetition finds the name taken."""

        def __init__(self) -> None:
            pass

        def call(self, operation: str, payload: object) -> bytes:
            answer = dynamodb.call(operation, payload)  # type: ignore[arg-type]
            if operation == "PutItem":
                raise AwsError("dynamodb", operation, Refusal("ConditionalCheckFailedException"), repeated=True)
            return answer

    store = DynamoDbWebhooks(Lossy(), table)
    store.put(made)

    assert store.get("anna", "shop") == made


def test_a_delivery_is_forgotten_after_a_while(
    dynamodb: AwsJsonClient, table: str, moto_endpoint: str, clock: FakeClock
) -> None:
    DynamoDbWebhooks(dynamodb, table).note_delivery("anna", "shop", Delivery(clock(), "204", 0))

    (item,) = boto("dynamodb", moto_endpoint).scan(TableName=table)["Items"]
    assert item["sk"] == {"S": "webhook#shop#delivery"}
    assert int(item["expires_at"]["N"]) == (clock() + timedelta(days=90)).timestamp()
