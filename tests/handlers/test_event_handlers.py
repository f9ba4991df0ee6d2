"""What the stream, the bus and the webhooks' workflow hand to their functions, with the sample events."""

import io
import json
from typing import Any

import pytest
from tests.handlers.conftest import Invoke, sample
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import StorageUnavailable, WebhookNotTaken
from waybill.domain.job import ExportState
from waybill.domain.webhook import Outcome, new_webhook
from waybill.entry.task import UnforeseenError

EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"


@pytest.fixture
def webhook(product: Product) -> None:
    """A webhook of the tenant that the samples name."""
    product.webhooks.put(
        new_webhook(TENANT, "shop", url="https://hooks.example.org/", events=(), enabled=True, now=product.clock())
    )


class TestPublishChange:
    def test_every_change_of_state_is_told_on_the_bus_and_to_the_webhooks(
        self, invoke: Invoke, product: Product, webhook: None
    ) -> None:
        assert invoke("stream", "publish_change") == {"batchItemFailures": []}

        started, done = product.bus.told
        assert (started["type"], started["id"]) == ("waybill.export.started", f"{EXPORT}/1")
        assert (done["type"], done["id"]) == ("waybill.export.done", f"{EXPORT}/2")
        assert done["time"] == "2026-03-01T12:00:07+00:00"
        assert [(name, message) for _, name, message in product.webhook_workflow.started] == [
            ("shop", f"{EXPORT}/1"),
            ("shop", f"{EXPORT}/2"),
        ]
        assert product.metrics.values["ChangesPublished"] == 2

    def test_nothing_personal_goes_out(self, invoke: Invoke, product: Product, webhook: None, log: io.StringIO) -> None:
        invoke("stream", "publish_change")
        messages = [message.document() for message in product.webhook_workflow.started.values()]

        for text in (json.dumps(product.bus.told), json.dumps(messages), log.getvalue()):
            assert TENANT not in text
            assert "link" not in text

    def test_a_batch_that_comes_again_tells_the_same(self, invoke: Invoke, product: Product, webhook: None) -> None:
        for _ in range(2):
            invoke("stream", "publish_change")

        assert product.bus.told[:2] == product.bus.told[2:]
        assert len(product.webhook_workflow.started) == 2

    def test_lambda_is_told_where_to_go_on_when_the_bus_fails(
        self, invoke: Invoke, product: Product, log: io.StringIO
    ) -> None:
        product.bus.refuses = True
        (first, _) = (each["dynamodb"]["SequenceNumber"] for each in sample("stream", "publish_change")["Records"])

        assert invoke("stream", "publish_change") == {"batchItemFailures": [{"itemIdentifier": first}]}
        assert "storage_unavailable" in log.getvalue()
        assert product.metrics.flushes == 1

    def test_a_change_that_leaves_the_state_alone_is_told_to_nobody(self, invoke: Invoke, product: Product) -> None:
        def same(event: dict[str, Any]) -> None:
            event["Records"] = event["Records"][1:]
            event["Records"][0]["dynamodb"]["OldImage"] = event["Records"][0]["dynamodb"]["NewImage"]

        assert invoke("stream", "publish_change", same) == {"batchItemFailures": []}
        assert product.bus.told == []

    def test_a_record_that_cannot_be_read_is_an_error_without_its_content(
        self, invoke: Invoke, product: Product
    ) -> None:
        def broken(event: dict[str, Any]) -> None:
            event["Records"][0]["dynamodb"]["NewImage"]["state"] = {"S": "alice@example.org"}

        with pytest.raises(UnforeseenError) as fault:
            invoke("stream", "publish_change", broken)
        assert "alice@example.org" not in str(fault.value)


class TestSendWebhook:
    def test_a_receiver_that_takes_it(self, invoke: Invoke, product: Product, webhook: None) -> None:
        assert invoke("webhook", "send_webhook") == {"ended": "taken", "seconds": 0, "waits": 0}
        ((_, headers, body),) = product.webhook_client.sent
        assert headers["webhook-id"] == f"{EXPORT}/2"
        assert json.loads(body)["data"]["path"] == f"/move/exports/{EXPORT}"

    def test_one_that_does_not_is_an_error_that_the_workflow_knows_by_name(
        self, invoke: Invoke, product: Product, webhook: None
    ) -> None:
        product.webhook_client.outcomes = [Outcome(500)]

        with pytest.raises(WebhookNotTaken):
            invoke("webhook", "send_webhook")
        assert product.metrics.flushes == 1

    def test_one_that_asks_to_wait_says_for_how_long_and_how_often_it_has_asked(
        self, invoke: Invoke, product: Product, webhook: None
    ) -> None:
        product.webhook_client.outcomes = [Outcome(429, retry_after="7")]
        first = invoke("webhook", "send_webhook")
        second = invoke("webhook", "send_webhook", lambda event: event.update(sent=first))

        assert first == {"ended": "later", "seconds": 7, "waits": 1}
        assert second == {"ended": "later", "seconds": 7, "waits": 2}

    def test_one_that_is_not_there_any_more(self, invoke: Invoke) -> None:
        assert invoke("webhook", "send_webhook") == {"ended": "skipped", "seconds": 0, "waits": 0}


class TestStartRequestedExport:
    def test_it_starts_the_export_that_the_api_would(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("bus", "start_requested_export")

        job = product.jobs.get(TENANT, answer["export_id"])
        assert (job.state, job.options.with_doctypes) == (ExportState.EXPORTING, ("contacts",))
        assert product.workflow.running == {job.id}

    def test_an_event_that_is_delivered_twice_starts_one(self, invoke: Invoke, product: Product) -> None:
        first, second = invoke("bus", "start_requested_export"), invoke("bus", "start_requested_export")

        assert first == second
        assert len(product.jobs.jobs) == 1

    def test_over_the_quota_it_is_counted_and_not_tried_again(self, invoke: Invoke, product: Product) -> None:
        for number in range(product.limits.running):
            invoke("bus", "start_requested_export", lambda event, number=number: event.update(id=str(number)))

        answer = invoke("bus", "start_requested_export", lambda event: event.update(id="one more"))

        assert answer == {"refused": "quota_exceeded"}
        assert product.metrics.values["RequestsRefused"] == 1

    def test_options_may_be_left_out(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("bus", "start_requested_export", lambda event: event["detail"].pop("options"))

        assert product.jobs.get(TENANT, answer["export_id"]).options.with_doctypes == ()

    @pytest.mark.parametrize(
        ("bad", "code"),
        [
            ((["source"], "mallory.example"), "event_not_allowed"),
            ((["source"], "waybill"), "event_not_allowed"),
            ((["source"], ["shop.example"]), "event_not_allowed"),
            ((["detail-type"], "waybill.export.done"), "event_not_allowed"),
            ((["detail"], "secret words"), "malformed_event"),
            ((["detail", "tenant"], ""), "malformed_event"),
            ((["detail", "tenant"], 7), "malformed_event"),
            ((["detail", "tenant"], "secret \ud83d words"), "malformed_event"),
            ((["detail", "tenant"], "x" * 2049), "malformed_event"),
            ((["detail", "tenant"], "ü" * 1025), "malformed_event"),
            ((["detail", "secret words"], 7), "malformed_event"),
            ((["detail", "options"], ["secret words"]), "malformed_event"),
            ((["detail", "options", "secret words"], 7), "unknown_attribute"),
            ((["detail", "options", "parts_size"], "secret words"), "invalid_attribute"),
            ((["detail", "options", "with_doctypes"], ["secret words"]), "invalid_options"),
        ],
    )
    def test_one_that_cannot_be_granted_is_counted_and_not_tried_again(
        self, invoke: Invoke, product: Product, log: io.StringIO, bad: tuple[list[str], object], code: str
    ) -> None:
        place, value = bad

        def spoil(event: dict[str, Any]) -> None:
            target = event
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = value

        assert invoke("bus", "start_requested_export", spoil) == {"refused": code}
        assert product.metrics.values == {"RequestsRefused": 1}
        assert product.jobs.jobs == {}
        assert code in log.getvalue()
        assert not [word for word in ("secret words", TENANT, "mallory") if word in log.getvalue()]

    def test_the_longest_name_that_a_table_takes_is_one(self, invoke: Invoke, product: Product) -> None:
        invoke("bus", "start_requested_export", lambda event: event["detail"].update(tenant="ü" * 1024))

        assert [tenant for tenant, _ in product.jobs.jobs] == ["ü" * 1024]

    def test_a_store_that_does_not_answer_is_raised_so_that_it_is_tried_again(
        self, invoke: Invoke, product: Product
    ) -> None:
        product.jobs.fail_on["create"] = StorageUnavailable("DynamoDB does not answer.")

        with pytest.raises(StorageUnavailable):
            invoke("bus", "start_requested_export")
