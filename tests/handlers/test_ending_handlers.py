"""What the TTL and the clock set going, with their sample events."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from tests.handlers.conftest import Invoke, sample
from tests.unit.services.exports import TENANT, Product, record

from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExportState
from waybill.domain.receipt import Reason, Receipt

EXPIRED = sample("stream", "expire_export")["Records"][0]
EXPORT_ID = EXPIRED["dynamodb"]["OldImage"]["id"]["S"]
OBJECT = f"exports/{EXPORT_ID}/parts/part-00001.zip"


def records(*kept: dict[str, Any]) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["Records"] = list(kept)

    return change


def another(export_id: str, sequence: str) -> dict[str, Any]:
    """The sample's record for another export."""
    text = json.dumps(EXPIRED).replace(EXPORT_ID, export_id)
    made = dict(json.loads(text))
    made["dynamodb"]["SequenceNumber"] = sequence
    return made


class TestExpireExport:
    def test_the_export_becomes_a_tombstone_and_its_objects_go(self, invoke: Invoke, product: Product) -> None:
        product.archives.objects[OBJECT] = b"12345"

        assert invoke("stream", "expire_export") == {"batchItemFailures": []}

        tombstone = product.jobs.get(TENANT, EXPORT_ID)
        assert tombstone.receipt == Receipt(product.clock(), Reason.EXPIRED, "done", 1, 5, 0, complete=True)
        assert tombstone.created_at == datetime(2024, 11, 3, 6, 41, 14, 931_000, UTC)
        assert (tombstone.options.layout, tombstone.link_secret) == ("cozy", b"")
        assert product.archives.objects == {}
        assert product.metrics.values == {"ExportsExpired": 1}
        assert product.metrics.flushes == 1

    def test_it_may_come_twice(self, invoke: Invoke, product: Product) -> None:
        invoke("stream", "expire_export")
        tombstone = product.jobs.get(TENANT, EXPORT_ID)
        product.clock.advance(hours=3)

        assert invoke("stream", "expire_export", records(EXPIRED, EXPIRED)) == {"batchItemFailures": []}
        assert product.jobs.get(TENANT, EXPORT_ID) == tombstone

    def test_one_that_fails_comes_again_and_does_not_hold_up_the_others(
        self, invoke: Invoke, product: Product, log: io.StringIO
    ) -> None:
        product.archives.objects[OBJECT] = b"12345"
        product.archives.fail_on[OBJECT] = StorageUnavailable("S3 does not answer.")
        other = another("0192f0c1a2b4" + "0" * 20, "111")
        unreadable = another("0192f0c1a2b5" + "0" * 20, "222")
        del unreadable["dynamodb"]["OldImage"]

        answer = invoke("stream", "expire_export", records(EXPIRED, other, unreadable))

        failed = [EXPIRED["dynamodb"]["SequenceNumber"], "222"]
        assert answer == {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
        assert product.jobs.get(TENANT, "0192f0c1a2b4" + "0" * 20).state is ExportState.DELETED
        assert "StorageUnavailable" in log.getvalue()
        assert "KeyError" in log.getvalue()
        assert TENANT not in log.getvalue()

    def test_what_is_no_export_or_was_not_removed_by_the_ttl_is_let_pass(
        self, invoke: Invoke, product: Product
    ) -> None:
        by_hand = {key: value for key, value in EXPIRED.items() if key != "userIdentity"}
        report = another(EXPORT_ID, "333")
        report["dynamodb"]["Keys"]["sk"]["S"] = f"progress#{EXPORT_ID}#read#000000"

        assert invoke("stream", "expire_export", records(by_hand, report)) == {"batchItemFailures": []}
        assert product.jobs.jobs == {}


class TestSweepExports:
    def test_it_puts_in_order_and_tells_and_logs_numbers_alone(
        self, invoke: Invoke, product: Product, log: io.StringIO
    ) -> None:
        product.contacts = [record("ada")]
        job = product.export()
        product.clock.advance(days=7)

        swept = invoke("schedule", "sweep_exports")

        assert swept == {"fine": 0, "removed": 1, "cleared": 0, "healed": 0, "failed": 0, "chains": 0, "whole": True}
        assert product.jobs.get(TENANT, job.id).state is ExportState.DELETED
        assert product.archives.objects == {}
        assert json.loads(log.getvalue().splitlines()[-1])["removed"] == 1
        assert TENANT not in log.getvalue()


def test_what_ended_exports_hold_elsewhere_is_counted(product: Product, invoke: Invoke) -> None:
    assert invoke("schedule", "settle_debts") == {"settled": 0, "running": 0}
