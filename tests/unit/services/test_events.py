"""What happens between a change of an export and its receivers, on ports in memory."""

import json
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from tests.fake_events import FakeWebhookClient, MemoryBus, MemoryWebhooks, MemoryWebhookWorkflow
from tests.fake_schedules import MemorySchedules
from tests.fakes import FakeClock, FakeMetrics, MemoryJobs

from waybill.domain.change_event import ChangeEvent
from waybill.domain.errors import (
    StorageUnavailable,
    TooManyWebhooks,
    WebhookChanged,
    WebhookNotFound,
    WebhookNotTaken,
)
from waybill.domain.webhook import MOST_WAITS, MOST_WEBHOOKS, Outcome, Webhook
from waybill.domain.webhook_message import message_of
from waybill.services.delete_webhook import delete_webhook
from waybill.services.list_webhooks import list_webhooks
from waybill.services.publish_change import publish_change
from waybill.services.put_webhook import PutWebhook, WebhookSettings, put_webhook
from waybill.services.send_webhook import Ended, Sent, send_webhook

TENANT = "alice"
URL = "https://hooks.example.org/secret-path"
EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def webhooks() -> MemoryWebhooks:
    return MemoryWebhooks()


def put(webhooks: MemoryWebhooks, clock: FakeClock, name: str = "shop", **settings: object) -> PutWebhook:
    wanted = WebhookSettings(url=URL)
    return put_webhook(
        TENANT,
        name,
        replace(wanted, **settings),  # type: ignore[arg-type]
        allow_private=False,
        webhooks=webhooks,
        clock=clock,
    )


def event(clock: FakeClock, kind: str = "waybill.export.done") -> ChangeEvent:
    return ChangeEvent(f"{EXPORT}/2", kind, clock(), EXPORT, "done", "exporting", 1, 2, 0)


class TestPutWebhook:
    def test_the_secret_is_shown_when_it_is_made_and_not_again(
        self, webhooks: MemoryWebhooks, clock: FakeClock
    ) -> None:
        made, same, other = (
            put(webhooks, clock),
            put(webhooks, clock, enabled=False),
            put(webhooks, clock, rotate_secret=True),
        )

        assert [(each.is_new, each.has_new_secret) for each in (made, same, other)] == [
            (True, True),
            (False, False),
            (False, True),
        ]
        assert made.webhook.secret == same.webhook.secret != other.webhook.secret
        assert webhooks.get(TENANT, "shop").signing_keys(clock()) == [other.webhook.key, made.webhook.key]

    def test_a_tenant_has_ten_at_most_and_another_has_its_own(self, webhooks: MemoryWebhooks, clock: FakeClock) -> None:
        for number in range(MOST_WEBHOOKS):
            put(webhooks, clock, f"shop-{number}")

        with pytest.raises(TooManyWebhooks):
            put(webhooks, clock, "one-more")
        assert not put(webhooks, clock, "shop-3", enabled=False).webhook.enabled
        assert put_webhook(
            "bob", "shop", WebhookSettings(url=URL), allow_private=False, webhooks=webhooks, clock=clock
        ).is_new

    def test_two_at_once_do_not_make_eleven(self, clock: FakeClock) -> None:
        class Late(MemoryWebhooks):
            """Another request stores its webhook between the count and the put."""

            def put(self, webhook: Webhook) -> None:
                super().put(webhook)
                super().put(replace(webhook, name="other"))

        webhooks = Late()
        for number in range(MOST_WEBHOOKS - 1):
            MemoryWebhooks.put(webhooks, put(MemoryWebhooks(), clock, f"shop-{number}").webhook)

        with pytest.raises(TooManyWebhooks):
            put(webhooks, clock)
        assert len(webhooks.list(TENANT)) == MOST_WEBHOOKS

    def test_two_changes_at_once_are_told(self, clock: FakeClock) -> None:
        class Changed(MemoryWebhooks):
            def get(self, tenant: str, name: str) -> Webhook:
                return replace(super().get(tenant, name), rev=7)

        webhooks = Changed()
        MemoryWebhooks.put(webhooks, put(MemoryWebhooks(), clock).webhook)

        with pytest.raises(WebhookChanged):
            put(webhooks, clock)


def test_pages_of_webhooks_are_all_of_them_once(webhooks: MemoryWebhooks, clock: FakeClock) -> None:
    names = [f"shop-{number}" for number in range(5)]
    for name in names:
        put(webhooks, clock, name)
    found, after = [], None
    while True:
        page = list_webhooks(TENANT, limit=2, after=after, webhooks=webhooks)
        found += [webhook.name for webhook in page.webhooks]
        after = page.after
        if after is None:
            break

    assert found == names


def test_a_deleted_webhook_is_not_there_any_more(webhooks: MemoryWebhooks, clock: FakeClock) -> None:
    put(webhooks, clock)
    delete_webhook(TENANT, "shop", webhooks=webhooks)

    with pytest.raises(WebhookNotFound):
        delete_webhook(TENANT, "shop", webhooks=webhooks)


class TestPublishChange:
    def publish(self, webhooks: MemoryWebhooks, clock: FakeClock, bus: MemoryBus) -> MemoryWebhookWorkflow:
        workflow = MemoryWebhookWorkflow()
        for _ in range(2):
            publish_change(
                TENANT,
                event(clock),
                bus=bus,
                webhooks=webhooks,
                workflow=workflow,
                schedules=MemorySchedules(),
                jobs=MemoryJobs(),
                metrics=FakeMetrics(),
            )
        return workflow

    def test_it_goes_to_the_bus_and_to_every_webhook_that_wants_it_once(
        self, webhooks: MemoryWebhooks, clock: FakeClock
    ) -> None:
        put(webhooks, clock, "all")
        put(webhooks, clock, "done", events=("waybill.export.done",))
        put(webhooks, clock, "failed", events=("waybill.export.failed",))
        put(webhooks, clock, "off", enabled=False)
        put_webhook("bob", "b", WebhookSettings(url=URL), allow_private=False, webhooks=webhooks, clock=clock)
        bus = MemoryBus()

        workflow = self.publish(webhooks, clock, bus)

        assert set(workflow.started) == {(TENANT, "all", f"{EXPORT}/2"), (TENANT, "done", f"{EXPORT}/2")}
        assert bus.told[0] == bus.told[1]
        assert TENANT not in json.dumps(bus.told)

    def test_what_the_bus_does_not_take_is_an_error_and_told_to_nobody(
        self, webhooks: MemoryWebhooks, clock: FakeClock
    ) -> None:
        put(webhooks, clock)
        with pytest.raises(StorageUnavailable):
            self.publish(webhooks, clock, MemoryBus(refuses=True))


class TestSendWebhook:
    @pytest.fixture
    def client(self) -> FakeWebhookClient:
        return FakeWebhookClient()

    @pytest.fixture
    def metrics(self) -> FakeMetrics:
        return FakeMetrics()

    def send(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, clock: FakeClock, metrics: FakeMetrics
    ) -> Ended:
        return send_webhook(
            TENANT,
            "shop",
            message_of(event(clock)),
            webhooks=webhooks,
            client=client,
            clock=clock,
            metrics=metrics,
        )

    def test_a_receiver_that_fails_twice_gets_the_same_message_three_times(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, metrics: FakeMetrics
    ) -> None:
        clock = FakeClock()
        put(webhooks, clock)
        client.outcomes = [Outcome(500), Outcome(None, "timeout"), Outcome(204)]
        message = message_of(event(clock))
        seen = []
        for _ in range(3):
            clock.advance(minutes=5)
            try:
                ended: object = send_webhook(
                    TENANT, "shop", message, webhooks=webhooks, client=client, clock=clock, metrics=metrics
                )
            except WebhookNotTaken:
                ended = None
            delivery = webhooks.get(TENANT, "shop").last_delivery
            assert delivery is not None
            assert delivery.at == clock()
            seen.append((ended, delivery.outcome, delivery.failures))

        assert seen == [(None, "500", 1), (None, "timeout", 2), (Ended(Sent.TAKEN), "204", 0)]
        assert len({body for _, _, body in client.sent}) == 1
        assert {headers["webhook-id"] for _, headers, _ in client.sent} == {f"{EXPORT}/2"}
        assert len({headers["webhook-timestamp"] for _, headers, _ in client.sent}) == 3
        assert metrics.values == {"WebhooksNotTaken": 2, "WebhooksTaken": 1}

    def test_the_body_is_what_the_standard_asks_for_and_names_no_tenant(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, clock: FakeClock, metrics: FakeMetrics
    ) -> None:
        secret = put(webhooks, clock).webhook.secret
        self.send(webhooks, client, clock, metrics)
        ((url, headers, body),) = client.sent

        assert url == URL
        assert json.loads(body) == {
            "type": "waybill.export.done",
            "timestamp": "2026-03-01T12:00:00+00:00",
            "data": event(clock).data(),
        }
        assert TENANT not in body.decode()
        assert headers["webhook-signature"] == Verifier(secret).sign(f"{EXPORT}/2", clock(), body.decode())

    def test_a_receiver_that_is_gone_is_asked_no_more(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, clock: FakeClock, metrics: FakeMetrics
    ) -> None:
        put(webhooks, clock)
        client.outcomes = [Outcome(410)]

        assert self.send(webhooks, client, clock, metrics).sent is Sent.GONE
        assert self.send(webhooks, client, clock, metrics).sent is Sent.SKIPPED
        assert not webhooks.get(TENANT, "shop").enabled
        assert len(client.sent) == 1

    def test_a_receiver_that_asks_to_wait_is_waited_for_a_few_times(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, clock: FakeClock, metrics: FakeMetrics
    ) -> None:
        put(webhooks, clock)
        client.outcomes = [Outcome(503, retry_after="90")]
        message = message_of(event(clock))
        ports: dict[str, Any] = {"webhooks": webhooks, "client": client, "clock": clock, "metrics": metrics}

        ended = Ended(Sent.LATER)
        for number in range(1, MOST_WAITS + 1):
            ended = send_webhook(TENANT, "shop", message, waits=ended.waits, **ports)
            assert ended == Ended(Sent.LATER, 90, number)
        with pytest.raises(WebhookNotTaken):
            send_webhook(TENANT, "shop", message, waits=ended.waits, **ports)

        delivery = webhooks.get(TENANT, "shop").last_delivery
        assert delivery is not None
        assert (delivery.outcome, delivery.failures) == ("503", MOST_WAITS + 1)
        assert metrics.values == {"WebhooksNotTaken": MOST_WAITS + 1}

    def test_a_webhook_that_got_another_address_meanwhile_stays_on(
        self, webhooks: MemoryWebhooks, clock: FakeClock, metrics: FakeMetrics
    ) -> None:
        put(webhooks, clock)

        class Moving(FakeWebhookClient):
            def post(self, url: str, headers: object, body: bytes) -> Outcome:
                put(webhooks, clock, url="https://new.example.org/")
                return Outcome(410)

        assert self.send(webhooks, Moving(), clock, metrics).sent is Sent.GONE
        assert webhooks.get(TENANT, "shop").enabled

    @pytest.mark.parametrize("meanwhile", ["deleted", "off", "wants others"])
    def test_a_webhook_that_does_not_want_it_any_more_is_not_asked(
        self,
        webhooks: MemoryWebhooks,
        client: FakeWebhookClient,
        clock: FakeClock,
        metrics: FakeMetrics,
        meanwhile: str,
    ) -> None:
        put(webhooks, clock)
        match meanwhile:
            case "deleted":
                delete_webhook(TENANT, "shop", webhooks=webhooks)
            case "off":
                put(webhooks, clock, enabled=False)
            case _:
                put(webhooks, clock, events=("waybill.export.failed",))

        assert self.send(webhooks, client, clock, metrics).sent is Sent.SKIPPED
        assert client.sent == []

    def test_the_error_names_neither_tenant_nor_address(
        self, webhooks: MemoryWebhooks, client: FakeWebhookClient, clock: FakeClock, metrics: FakeMetrics
    ) -> None:
        put(webhooks, clock)
        client.outcomes = [Outcome(None, "tls_failed")]

        with pytest.raises(WebhookNotTaken, match="tls_failed") as refusal:
            self.send(webhooks, client, clock, metrics)
        assert not [word for word in (TENANT, "example", "secret-path") if word in str(refusal.value)]
