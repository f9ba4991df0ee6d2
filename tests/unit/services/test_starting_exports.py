"""Starting an export once and no more than is allowed, whatever dies on the way."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.services.exports import TENANT, Product, record

from waybill.domain.errors import (
    ExportBeingCreated,
    ExportGone,
    IdempotencyKeyReused,
    InvalidOptions,
    JobChanged,
    QuotaExceeded,
    StorageUnavailable,
)
from waybill.domain.idempotency import RememberedKey, key_digest
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaLimits, QuotaUse
from waybill.services.delete_export import delete_export
from waybill.services.starting_export import LONGEST_START

NOT_NOW = StorageUnavailable("Not now.")


def died_before_the_start(product: Product, key: str | None = "k") -> ExportJob:
    """What a request leaves that dies between the record and the execution."""
    product.workflow.fail_on["start"] = MemoryError()
    with pytest.raises(MemoryError):
        product.create(key=key)
    product.workflow.fail_on.clear()
    (job,) = product.jobs.jobs.values()
    assert (job.state, product.workflow.started) == (ExportState.EXPORTING, [])
    return job


class TestIdempotentStart:
    def test_the_same_key_gives_the_same_export(self) -> None:
        product = Product()
        first = product.create(key="k")
        product.clock.advance(hours=23, minutes=59)

        assert product.create(key="k") == first
        assert product.workflow.started == [first.id]
        assert product.metrics.values == {"ExportsStarted": 1}

    def test_it_shows_what_has_become_of_it(self) -> None:
        product = Product([record("ada")])
        job = product.create(key="k")
        product.jobs.replace(job.failed(product.clock(), "The table is gone."))

        assert product.create(key="k").error == "The table is gone."

    def test_other_options_with_the_same_key_are_refused(self) -> None:
        product = Product()
        product.create(key="k")

        with pytest.raises(IdempotencyKeyReused):
            product.create(ExportOptions(without_files=True), key="k")
        assert len(product.jobs.jobs) == 1

    def test_two_equal_requests_at_once_are_one_to_the_quota_too(self) -> None:
        product = Product(limits=QuotaLimits(running=1, per_day=1))
        remembered = product.jobs.remembered

        def slow(*asked: Any, **more: Any) -> RememberedKey | None:
            """Let the other request be served between the look for the key and the next step."""
            known = remembered(*asked, **more)
            product.jobs.remembered = remembered  # type: ignore[method-assign]
            product.create(key="k")
            return known

        product.jobs.remembered = slow  # type: ignore[method-assign]

        assert product.create(key="k") in product.jobs.jobs.values()
        assert len(product.jobs.jobs) == 1
        assert "ExportsRefused" not in product.metrics.values

    def test_another_key_and_no_key_make_another_export(self) -> None:
        product = Product()

        made = {product.create(key="k").id, product.create(key="K").id, product.create().id, product.create().id}

        assert len(made) == 4

    def test_after_24_hours_the_key_is_free(self) -> None:
        product = Product()
        first = product.create(key="k")
        product.clock.advance(hours=24, seconds=1)

        assert product.create(key="k").id != first.id

    def test_the_key_of_a_deleted_export_makes_no_other(self) -> None:
        product = Product()
        job = product.create(key="k")
        delete_export(
            TENANT, job.id, jobs=product.jobs, workflow=product.workflow, archives=product.archives, clock=product.clock
        )

        with pytest.raises(ExportGone):
            product.create(key="k")
        assert len(product.jobs.jobs) == 1

    def test_nor_does_that_of_an_expired_one_whose_record_is_gone(self) -> None:
        product = Product()
        options = ExportOptions(max_age=1_000_000_000)
        product.create(options, key="k")
        product.clock.advance(seconds=1)
        with pytest.raises(ExportGone):
            product.create(options, key="k")
        product.jobs.jobs.clear()
        with pytest.raises(ExportGone):
            product.create(options, key="k")

    def test_a_refused_request_leaves_its_key_free(self) -> None:
        product = Product()
        with pytest.raises(InvalidOptions):
            product.create(ExportOptions(with_doctypes=("recipes",)), key="k")

        assert product.create(key="k").state is ExportState.EXPORTING


class TestWhatDies:
    def test_while_the_first_request_may_live_the_second_is_told_to_wait(self) -> None:
        product = Product()
        died_before_the_start(product)
        product.clock.advance(seconds=LONGEST_START.total_seconds() - 1)

        with pytest.raises(ExportBeingCreated):
            product.create(key="k")
        assert product.workflow.started == []

    def test_then_the_second_starts_what_the_first_has_not(self) -> None:
        product = Product()
        job = died_before_the_start(product)
        product.clock.advance(seconds=LONGEST_START.total_seconds())

        assert product.create(key="k") == job
        assert product.workflow.started == [job.id]
        assert product.jobs.quota(TENANT).running == (job.id,)

    @pytest.mark.parametrize("ended", [False, True])
    def test_an_execution_that_was_started_is_left_alone(self, ended: bool) -> None:
        product = Product()
        job = product.create(key="k")
        product.clock.advance(minutes=5)
        if ended:
            product.workflow.stop(job)

        assert product.create(key="k") == job
        assert product.workflow.started == [job.id]

    def test_a_request_that_stores_nothing_leaves_nothing(self) -> None:
        product = Product()
        product.jobs.fail_on["create"] = NOT_NOW

        with pytest.raises(StorageUnavailable):
            product.create(key="k")

        assert (product.jobs.jobs, product.jobs.keys, product.jobs.quotas, product.jobs.owners) == ({}, {}, {}, {})

    def test_a_start_that_fails_costs_nothing_and_the_key_may_try_again(self) -> None:
        product = Product()
        product.create()
        product.workflow.fail_on["start"] = NOT_NOW
        with pytest.raises(StorageUnavailable):
            product.create(key="k")

        failed = max(product.jobs.jobs.values(), key=lambda job: job.rev)
        assert (failed.state, "could not be started" in failed.error) == (ExportState.ERROR, True)
        assert len(product.jobs.quota(TENANT).starts) == len(product.jobs.quota(TENANT).running) == 1
        product.workflow.fail_on.clear()
        assert product.create(key="k").id != failed.id
        assert product.metrics.values == {"ExportsStarted": 2}

    def test_so_does_one_that_fails_when_it_is_made_up_for(self) -> None:
        product = Product()
        job = died_before_the_start(product)
        product.clock.advance(minutes=1)
        product.workflow.fail_on["start"] = NOT_NOW

        with pytest.raises(StorageUnavailable):
            product.create(key="k")

        assert product.jobs.get(TENANT, job.id).state is ExportState.ERROR
        assert product.jobs.quota(TENANT) == QuotaUse(TENANT, 2)
        assert product.jobs.remembered(TENANT, key_digest("k"), now=product.clock()) is None

    def test_a_failed_start_takes_nothing_from_a_job_that_was_deleted_meanwhile(self) -> None:
        product = Product()

        class DeletedMeanwhile(StorageUnavailable):
            def __init__(self) -> None:
                (job,) = product.jobs.jobs.values()
                product.jobs.replace(job.deleted(product.clock()))
                super().__init__("Not now.")

        def fail(job: ExportJob) -> None:
            raise DeletedMeanwhile

        product.workflow.start = fail  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            product.create(key="k")

        (job,) = product.jobs.jobs.values()
        assert job.state is ExportState.DELETED

    def test_requests_that_always_come_second_are_told_so(self) -> None:
        product = Product()
        product.jobs.fail_on["create"] = JobChanged("Another was first.")

        with pytest.raises(JobChanged):
            product.create()


class TestQuota:
    @pytest.fixture
    def product(self) -> Product:
        return Product(limits=QuotaLimits(running=2, per_day=4))

    def refusal(self, product: Product) -> QuotaExceeded:
        with pytest.raises(QuotaExceeded) as caught:
            product.create()
        return caught.value

    def end(self, product: Product, *jobs: ExportJob) -> None:
        for job in jobs:
            product.jobs.replace(job.failed(product.clock(), "No."))

    def test_one_more_than_may_run_is_refused_and_does_not_count(self, product: Product) -> None:
        first, second = product.create(), product.create()
        before = product.jobs.quota(TENANT)

        for _ in range(3):
            assert "running" in str(self.refusal(product))

        assert product.jobs.quota(TENANT) == before
        assert set(product.jobs.jobs) == {(TENANT, first.id), (TENANT, second.id)}
        assert product.metrics.values == {"ExportsStarted": 2, "ExportsRefused": 3}

    @pytest.mark.parametrize("end", ["done", "error", "deleted", "expired", "gone"])
    def test_whatever_ends_an_export_frees_its_place_at_once(self, product: Product, end: str) -> None:
        first = product.create(ExportOptions(max_age=60_000_000_000))
        second = product.create()
        if end == "done":
            product.jobs.replace(first.finished(product.clock(), parts=1, total_size=1, gaps=0))
        elif end == "error":
            self.end(product, first)
        elif end == "deleted":
            product.jobs.replace(first.deleted(product.clock()))
        elif end == "gone":
            del product.jobs.jobs[TENANT, first.id]
        else:
            product.clock.advance(minutes=1)

        third = product.create()

        assert product.jobs.quota(TENANT).running == (second.id, third.id)
        assert len(product.jobs.quota(TENANT).starts) == 3

    def test_exports_are_looked_at_only_when_all_places_seem_taken(self, product: Product) -> None:
        product.jobs.fail_on["get"] = AssertionError("It was looked at.")
        product.create()
        product.create()

        with pytest.raises(AssertionError, match="looked at"):
            product.create()

    def test_the_wait_for_a_place_follows_the_progress_of_the_fastest(self, product: Product) -> None:
        fast, slow = product.create(), product.create()
        product.clock.advance(seconds=300)
        product.jobs.report(fast, WorkerProgress("read", 0, 1, 1.0, 1, 1))
        product.jobs.report(fast, WorkerProgress("pack", 0, 1, 0.5, 1, 1))
        product.jobs.report(slow, WorkerProgress("read", 0, 1, 0.2, 1, 1))

        assert self.refusal(product).retry_after == 100

    def test_over_the_day_the_wait_is_exact(self, product: Product) -> None:
        for _ in range(4):
            self.end(product, product.create())
            product.clock.advance(hours=1)

        refused = self.refusal(product)

        assert refused.retry_after == 20 * 3600
        product.clock.advance(seconds=refused.retry_after - 1)
        assert self.refusal(product).retry_after == 1
        product.clock.advance(seconds=1)
        assert product.create().state is ExportState.EXPORTING

    def test_a_deleted_export_stays_counted_for_the_day(self, product: Product) -> None:
        for _ in range(4):
            product.jobs.replace(product.create().deleted(product.clock()))

        assert "24 hours" in str(self.refusal(product))

    def test_a_replayed_request_neither_counts_nor_is_refused(self, product: Product) -> None:
        first = product.create(key="k")
        product.create()

        assert product.create(key="k") == first
        assert len(product.jobs.quota(TENANT).starts) == 2

    def test_another_tenants_exports_do_not_count(self, product: Product) -> None:
        other = QuotaUse("bert", 1, ("a", "b", "c"), (product.clock(),) * 9)
        product.jobs.quotas["bert"] = other

        product.create()

        assert product.jobs.quotas["bert"] == other

    def test_of_two_that_meet_the_second_sees_the_first(self, product: Product) -> None:
        product.create()
        stale = product.jobs.quota(TENANT)
        product.create()
        fresh = product.jobs.quota
        answers = iter([stale])
        product.jobs.quota = lambda tenant: next(answers, None) or fresh(tenant)  # type: ignore[method-assign]

        with pytest.raises(QuotaExceeded):
            product.create()
        assert len(product.jobs.jobs) == 2

    def test_a_smaller_quota_holds_for_those_that_were_started_before(self, product: Product) -> None:
        for _ in range(2):
            product.create()
        product.limits = replace(product.limits, running=1)
        product.clock.advance(seconds=60)

        assert self.refusal(product).retry_after == 60
