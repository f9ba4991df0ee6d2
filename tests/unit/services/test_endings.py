"""How exports end: deleted, cancelled or expired, and what the sweep finds that nobody else has put in order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes import FakeBudget
from tests.unit.services.exports import TENANT, Product, picture, record

from waybill.domain import keys
from waybill.domain.errors import (
    ExportEnded,
    ExportGone,
    ExportNotFound,
    JobChanged,
    StorageUnavailable,
    SweepIncomplete,
)
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.receipt import Reason, Receipt
from waybill.ports import Body, Download
from waybill.services.delete_export import delete_export
from waybill.services.expire_export import expire_export
from waybill.services.find_export import find_export
from waybill.services.retry_export import retry_export
from waybill.services.sweep_exports import MOST_TROUBLES, Swept, sweep_exports

HOUR = ExportOptions(max_age=3_600_000_000_000)
NOTHING = Swept(fine=0, removed=0, cleared=0, healed=0, failed=0, chains=0, whole=True)
DOWNLOAD = Download("part.tar.gz", "application/gzip")


@pytest.fixture
def product() -> Product:
    return Product([record(f"c{number}") for number in range(9)], [picture("p", b"content")])


def delete(product: Product, job: ExportJob, *, only_running: bool = False) -> Receipt:
    tombstone = delete_export(
        TENANT,
        job.id,
        only_running=only_running,
        jobs=product.jobs,
        workflow=product.workflow,
        archives=product.archives,
        clock=product.clock,
    )
    assert tombstone.receipt is not None
    assert tombstone == product.jobs.get(TENANT, job.id)
    return tombstone.receipt


def expire(product: Product, job: ExportJob, known: ExportJob | None = None) -> bool:
    return expire_export(
        TENANT,
        job.id,
        known=known,
        jobs=product.jobs,
        workflow=product.workflow,
        archives=product.archives,
        clock=product.clock,
        metrics=product.metrics,
    )


def sweep(product: Product, budget: FakeBudget | None = None) -> Swept:
    return sweep_exports(
        jobs=product.jobs,
        workflow=product.workflow,
        archives=product.archives,
        clock=product.clock,
        metrics=product.metrics,
        budget=budget or FakeBudget(),
        chains=product.chains,
        schedules=product.schedules,
    )


def receipt_of(product: Product, job: ExportJob) -> Receipt:
    receipt = product.jobs.get(TENANT, job.id).receipt
    assert receipt is not None
    return receipt


def taken_away(product: Product, job: ExportJob) -> ExportJob:
    """Let the TTL remove an export's record; return what it was."""
    return product.jobs.jobs.pop((TENANT, job.id))


def everything_gone(product: Product, job: ExportJob) -> bool:
    left = (product.archives.objects, product.archives.uploads, product.jobs.progress, product.jobs.failures)
    return not any(left) and product.jobs.get(TENANT, job.id).state is ExportState.DELETED


# ---------------------------------------------------------------- Until each state, and then deleted


def created(product: Product) -> ExportJob:
    return product.create()


def planned(product: Product) -> ExportJob:
    job = created(product)
    product.plan(job)
    return job


def half_read(product: Product) -> ExportJob:
    product.cut_at = ("c4",)
    job = created(product)
    (batch,) = product.plan(job)
    assert not product.read(job, batch, FakeBudget(1))
    return job


def read(product: Product) -> ExportJob:
    job = created(product)
    for batch in product.plan(job):
        product.read(job, batch)
    return job


def parts_planned(product: Product) -> ExportJob:
    job = read(product)
    product.plan_parts(job)
    return job


def half_packed(product: Product) -> ExportJob:
    job = parts_planned(product)
    product.archives.start_upload(keys.part(job.id, 1, "tar.gz"), download=DOWNLOAD)  # as a packer that died leaves it
    return job


def packed(product: Product) -> ExportJob:
    job = parts_planned(product)
    product.pack(job)
    return job


def done(product: Product) -> ExportJob:
    job = packed(product)
    product.finish(job)
    return job


def failed(product: Product) -> ExportJob:
    job = half_packed(product)
    product.jobs.note_failure(TENANT, job.id, "The bucket is gone.")
    product.jobs.replace(job.failed(product.clock(), "The bucket is gone."))
    return job


EVERY_STATE = [created, planned, half_read, read, parts_planned, half_packed, packed, done, failed]
Until = Callable[[Product], ExportJob]


@pytest.mark.parametrize("until", EVERY_STATE)
def test_deleted_in_any_state_it_leaves_nothing_but_a_receipt_that_counts(product: Product, until: Until) -> None:
    job = until(product)
    state = product.jobs.get(TENANT, job.id).state
    objects = dict(product.archives.objects)
    reports = len(product.jobs.reports(TENANT, job.id))

    receipt = delete(product, job)

    assert everything_gone(product, job)
    assert receipt == Receipt(
        product.clock(),
        Reason.DELETED,
        state.value,
        objects=len(objects),
        bytes=sum(map(len, objects.values())),
        reports=reports,
        complete=True,
    )
    assert product.workflow.running == set()


@pytest.mark.parametrize("until", EVERY_STATE)
def test_expired_in_any_state_it_leaves_nothing_but_a_receipt(product: Product, until: Until) -> None:
    job = until(product)
    state = product.jobs.get(TENANT, job.id).state
    product.clock.advance(days=7)

    assert expire(product, job)

    assert everything_gone(product, job)
    assert (receipt_of(product, job).reason, receipt_of(product, job).state) == (Reason.EXPIRED, state.value)
    assert receipt_of(product, job).complete
    assert product.workflow.running == set()
    assert product.metrics.values["ExportsExpired"] == 1


@pytest.mark.parametrize("until", EVERY_STATE)
def test_what_the_stream_missed_is_removed_by_the_sweep(product: Product, until: Until) -> None:
    job = until(product)
    product.clock.advance(days=7)
    if until is not created:  # that one has no objects that could lead a sweep to it
        taken_away(product, job)

    assert sweep(product).removed >= 1

    assert everything_gone(product, job)
    assert receipt_of(product, job).reason is Reason.EXPIRED


class TestDeleting:
    def test_twice_it_gives_the_same_receipt_and_changes_nothing(self, product: Product) -> None:
        job = done(product)
        first = delete(product, job)
        stored = product.jobs.get(TENANT, job.id)
        product.clock.advance(days=30)

        assert delete(product, job) == first
        assert product.jobs.get(TENANT, job.id) == stored

    def test_cut_short_it_is_gone_on_with_and_the_receipt_counts_both_tries(self, product: Product) -> None:
        job = done(product)
        objects = dict(product.archives.objects)
        remove = product.archives.delete_prefix

        def break_off(prefix: str) -> int:
            product.archives.delete_prefix = remove  # type: ignore[method-assign]
            del product.archives.objects[keys.manifest(job.id)]
            raise StorageUnavailable("S3 does not answer.")

        product.archives.delete_prefix = break_off  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            delete(product, job)
        cut_short = receipt_of(product, job)
        assert not cut_short.complete

        product.clock.advance(minutes=5)
        receipt = delete(product, job)

        assert receipt == cut_short.completed()
        assert (receipt.objects, receipt.bytes) == (len(objects), sum(map(len, objects.values())))
        assert everything_gone(product, job)

    @pytest.mark.parametrize("method", ["reports", "forget_reports", "bury", "replace"])
    def test_whatever_breaks_the_next_try_completes_it(self, product: Product, method: str) -> None:
        job = done(product)
        product.jobs.fail_on[method] = StorageUnavailable("DynamoDB does not answer.")
        if method == "bury":
            taken_away(product, job)
        with pytest.raises(StorageUnavailable):
            delete(product, job)
        product.jobs.fail_on.clear()

        assert delete(product, job).complete
        assert everything_gone(product, job)

    def test_a_removal_that_was_cut_short_is_completed_by_the_sweep(self, product: Product) -> None:
        job = done(product)
        product.jobs.fail_on["forget_reports"] = StorageUnavailable("DynamoDB does not answer.")
        with pytest.raises(StorageUnavailable):
            delete(product, job)
        product.jobs.fail_on.clear()
        product.clock.advance(minutes=16)

        assert sweep(product) == replace(NOTHING, removed=1)

        assert receipt_of(product, job).complete
        assert receipt_of(product, job).reason is Reason.DELETED
        assert "ExportsExpired" not in product.metrics.values

    def test_two_at_once_agree_on_the_receipt(self, product: Product) -> None:
        job = done(product)
        objects = len(product.archives.objects)
        remove = product.archives.delete_prefix

        def remove_behind_another(prefix: str) -> int:
            product.archives.delete_prefix = remove  # type: ignore[method-assign]
            delete(product, job)
            return remove(prefix)

        product.archives.delete_prefix = remove_behind_another  # type: ignore[method-assign]

        assert delete(product, job).objects == objects

    def test_an_expired_one_is_said_to_have_expired(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)

        assert delete(product, job).reason is Reason.EXPIRED

    def test_one_whose_record_the_ttl_has_just_removed_is_removed_by_its_owner_alone(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)
        taken_away(product, job)

        with pytest.raises(ExportNotFound):
            delete_export(
                "mallory",
                job.id,
                jobs=product.jobs,
                workflow=product.workflow,
                archives=product.archives,
                clock=product.clock,
            )
        assert product.archives.objects

        receipt = delete(product, job)
        assert (receipt.state, receipt.reason) == (None, Reason.EXPIRED)
        assert everything_gone(product, job)

    def test_a_record_that_changes_all_the_time_is_told(self, product: Product) -> None:
        job = created(product)
        product.jobs.fail_on["replace"] = JobChanged("Changed.")

        with pytest.raises(JobChanged, match="Delete it again"):
            delete(product, job)


class TestCancelling:
    def test_one_that_runs_is_deleted(self, product: Product) -> None:
        job = half_packed(product)

        assert delete(product, job, only_running=True).state == "exporting"
        assert everything_gone(product, job)

    @pytest.mark.parametrize("until", [done, failed])
    def test_one_that_has_ended_stays_as_it_is(self, product: Product, until: Until) -> None:
        job = until(product)
        stored, objects = product.jobs.get(TENANT, job.id), dict(product.archives.objects)

        with pytest.raises(ExportEnded, match=stored.state.value):
            delete(product, job, only_running=True)

        assert product.jobs.get(TENANT, job.id) == stored
        assert product.archives.objects == objects

    def test_twice_it_gives_the_same_receipt(self, product: Product) -> None:
        job = half_read(product)

        assert delete(product, job, only_running=True) == delete(product, job, only_running=True)

    def test_twice_it_gives_the_same_receipt_also_if_nobody_knows_what_it_was(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)
        taken_away(product, job)

        assert delete(product, job, only_running=True) == delete(product, job, only_running=True)

    def test_one_that_was_deleted_when_it_was_done_has_ended(self, product: Product) -> None:
        job = done(product)
        delete(product, job)

        with pytest.raises(ExportEnded, match="done"):
            delete(product, job, only_running=True)

    def test_one_that_is_done_between_look_and_deed_stays_as_it_is(self, product: Product) -> None:
        job = packed(product)
        replace_job = product.jobs.replace

        def finish_first(changed: ExportJob) -> None:
            product.jobs.replace = replace_job  # type: ignore[method-assign]
            product.finish(job)
            replace_job(changed)

        product.jobs.replace = finish_first  # type: ignore[method-assign,assignment]

        with pytest.raises(ExportEnded):
            delete(product, job, only_running=True)
        assert product.jobs.get(TENANT, job.id).state is ExportState.DONE


class TestExpiring:
    def test_by_the_ttl_the_record_becomes_a_tombstone_that_knows_what_it_was(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)
        known = taken_away(product, job)

        assert expire(product, job, known)

        tombstone = product.jobs.get(TENANT, job.id)
        assert (tombstone.options, tombstone.created_at, tombstone.parts) == (known.options, known.created_at, 0)
        assert receipt_of(product, job).state == "done"
        with pytest.raises(ExportGone, match="expired"):
            find_export(TENANT, job.id, jobs=product.jobs, clock=product.clock)

    def test_twice_changes_nothing_and_counts_once(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)
        known = taken_away(product, job)
        expire(product, job, known)
        tombstone = product.jobs.get(TENANT, job.id)
        product.clock.advance(hours=1)

        assert expire(product, job, known)

        assert product.jobs.get(TENANT, job.id) == tombstone
        assert product.metrics.values["ExportsExpired"] == 1

    def test_one_that_stands_and_has_not_expired_is_left_alone(self, product: Product) -> None:
        job = done(product)
        objects = dict(product.archives.objects)

        assert not expire(product, job)
        assert product.archives.objects == objects
        assert product.jobs.get(TENANT, job.id).state is ExportState.DONE

    def test_one_that_was_deleted_before_keeps_that_receipt(self, product: Product) -> None:
        job = done(product)
        receipt = delete(product, job)
        product.clock.advance(days=7)

        expire(product, job, job)

        assert receipt_of(product, job) == receipt

    def test_until_the_tombstone_stands_its_owner_is_told_410_and_others_404(self, product: Product) -> None:
        job = done(product)
        product.clock.advance(days=7)
        taken_away(product, job)

        with pytest.raises(ExportGone, match="expired"):
            find_export(TENANT, job.id, jobs=product.jobs, clock=product.clock)
        with pytest.raises(ExportNotFound):
            find_export("mallory", job.id, jobs=product.jobs, clock=product.clock)

    @pytest.mark.parametrize("is_stored", [True, False])
    def test_to_strangers_it_is_as_unknown_as_one_that_never_was(self, product: Product, is_stored: bool) -> None:
        job = done(product)
        if not is_stored:
            taken_away(product, job)
        ports: dict[str, Any] = {"jobs": product.jobs, "clock": product.clock}
        stores = {**ports, "workflow": product.workflow, "archives": product.archives}

        def told(export_id: str) -> set[str]:
            with pytest.raises(ExportNotFound) as found:
                find_export("mallory", export_id, **ports)
            with pytest.raises(ExportNotFound) as deleted:
                delete_export("mallory", export_id, **stores)
            return {str(refusal.value).replace(export_id, "it") for refusal in (found, deleted)}

        assert told(job.id) == told("0" * 32)

    @pytest.mark.parametrize("is_buried", [True, False])
    def test_a_step_that_is_at_work_then_removes_what_it_wrote(self, product: Product, is_buried: bool) -> None:
        job = parts_planned(product)
        put = product.archives.put

        def put_late(key: str, data: bytes | Body, *, download: Download | None = None) -> None:
            if "packed/" in key:
                product.clock.advance(days=8)
                known = taken_away(product, job)
                if is_buried:
                    expire(product, job, known)
            put(key, data, download=download)

        product.archives.put = put_late  # type: ignore[method-assign]
        product.pack(job)

        assert product.archives.objects == {}


class TestBeingDone:
    def test_a_late_packer_leaves_no_more_than_the_parts(self, product: Product) -> None:
        """A packer of an attempt that was given up wakes when another one has made the export."""
        undisturbed = done(product)
        job = parts_planned(product)
        put = product.archives.put

        def put_late(key: str, data: bytes | Body, *, download: Download | None = None) -> None:
            if "packed/" in key:
                product.archives.put = put  # type: ignore[method-assign]
                product.pack(job)
                product.finish(job)
            put(key, data, download=download)

        product.archives.put = put_late  # type: ignore[method-assign]
        product.pack(job)

        assert [key for key in product.archives.objects if "/work/" in key] == []
        assert product.parts(job) == product.parts(undisturbed)

    def test_a_last_step_that_died_before_it_cleared_up_does_so_when_it_is_repeated(self, product: Product) -> None:
        job = packed(product)
        (staged,) = (key for key in product.archives.objects if "/work/packed/" in key)
        product.archives.fail_on[staged] = StorageUnavailable("S3 does not answer.")
        with pytest.raises(StorageUnavailable):
            product.archives.delete_prefix(keys.work(job.id))
        product.jobs.replace(replace(job, state=ExportState.DONE, rev=job.rev + 1))
        product.archives.fail_on.clear()

        assert product.finish(job).ready

        assert [key for key in product.archives.objects if "/work/" in key] == []
        assert product.jobs.reports(TENANT, job.id) == []


class TestSweeping:
    def test_what_is_in_order_stays_as_it_is(self, product: Product) -> None:
        jobs = [done(product), failed(product), half_packed(product)]
        stored, objects = dict(product.jobs.jobs), dict(product.archives.objects)
        product.clock.advance(hours=2)

        assert sweep(product) == replace(NOTHING, fine=len(jobs))  # the running one is met twice

        assert product.jobs.jobs == stored
        assert product.archives.objects == objects

    def test_an_export_that_lost_its_start_is_started(self, product: Product) -> None:
        product.workflow.fail_on["start"] = RuntimeError("killed")
        with pytest.raises(RuntimeError, match="killed"):
            product.create()
        product.workflow.fail_on.clear()
        (job,) = product.jobs.jobs.values()

        product.clock.advance(minutes=15)
        assert sweep(product).healed == 0
        product.clock.advance(seconds=1)
        assert sweep(product).healed == 1

        assert product.workflow.running == {job.id}
        assert product.metrics.values["ExportsHealed"] == 1
        assert sweep(product) == replace(NOTHING, fine=1)

    @pytest.mark.parametrize(("note", "sentence"), [(None, "stopped for good"), ("The table is gone.", "The table is")])
    def test_an_export_whose_execution_has_ended_ends_with_a_reason(
        self, product: Product, note: str | None, sentence: str
    ) -> None:
        job = read(product)
        product.workflow.running.clear()
        if note:
            product.jobs.note_failure(TENANT, job.id, note)
        product.clock.advance(minutes=16)

        assert sweep(product) == replace(NOTHING, failed=1)

        ended = product.jobs.get(TENANT, job.id)
        assert ended.state is ExportState.ERROR
        assert ended.error.startswith(note or "What made this export has stopped for good")
        assert sentence in ended.error
        assert not product.jobs.progress
        assert not product.jobs.failures
        assert product.metrics.values["ExportsFailed"] == 1
        assert sweep(product).failed == 0

    def test_an_export_that_is_done_between_two_looks_is_not_failed(self, product: Product) -> None:
        job = packed(product)
        state = product.workflow.state
        product.clock.advance(minutes=16)

        def finish_first(asked: ExportJob) -> object:
            product.finish(job)
            product.workflow.running.clear()
            return state(asked)

        product.workflow.state = finish_first  # type: ignore[method-assign,assignment]

        assert sweep(product).failed == 0
        assert product.jobs.get(TENANT, job.id).state is ExportState.DONE

    def test_one_that_still_runs_when_it_expires_is_stopped_and_removed(self, product: Product) -> None:
        job = product.create(HOUR)
        product.clock.advance(hours=1)

        assert sweep(product) == replace(NOTHING, removed=1)

        assert product.workflow.stopped == [job.id]
        assert receipt_of(product, job).state == "exporting"

    def test_objects_of_nobody_go_after_an_hour(self, product: Product) -> None:
        job = half_packed(product)
        taken_away(product, job)
        del product.jobs.owners[job.id]
        product.clock.advance(minutes=59)

        assert sweep(product) == replace(NOTHING, fine=1)
        assert product.archives.objects
        product.clock.advance(minutes=1)
        assert sweep(product) == replace(NOTHING, cleared=1)

        assert product.archives.objects == {}
        assert product.archives.uploads == {}
        assert (TENANT, job.id) not in product.jobs.jobs

    def test_what_a_late_step_left_of_a_deleted_export_goes(self, product: Product) -> None:
        job = done(product)
        receipt = delete(product, job)
        product.archives.start_upload(keys.part(job.id, 1, "tar.gz"), download=DOWNLOAD)

        assert sweep(product) == replace(NOTHING, removed=1)
        assert product.archives.uploads == {}
        assert receipt_of(product, job) == receipt
        assert sweep(product) == NOTHING

    def test_what_is_no_export_is_left_alone(self, product: Product) -> None:
        kept = {f"exports/{name}": b"" for name in ("readme.txt", "by-hand/a", "0192F0C1A2B3C4D5E6F708192A3B4C5D/a")}
        product.archives.objects.update(kept, other=b"")

        assert sweep(product) == NOTHING
        assert product.archives.objects == {**kept, "other": b""}

    def test_it_stops_when_its_time_is_used_and_the_next_one_goes_on(self, product: Product) -> None:
        for _ in range(3):
            done(product)
            product.clock.advance(milliseconds=5)
        product.clock.advance(days=7)

        assert sweep(product, FakeBudget(3)) == replace(NOTHING, removed=2, whole=False)
        assert product.metrics.values["SweepsCutShort"] == 1
        assert sweep(product) == replace(NOTHING, removed=1)
        assert product.archives.objects == {}

    def test_one_that_cannot_be_removed_does_not_hold_up_the_others(self, product: Product) -> None:
        first = done(product)
        product.clock.advance(milliseconds=5)
        second = done(product)
        product.clock.advance(days=7)
        product.archives.fail_on[keys.manifest(first.id)] = StorageUnavailable("S3 denies it.")

        with pytest.raises(SweepIncomplete, match=r"1 exports.* S3 denies it\."):
            sweep(product)

        assert receipt_of(product, second).complete
        assert not receipt_of(product, first).complete

    def test_it_gives_up_when_the_store_has_failed(self, product: Product) -> None:
        for _ in range(MOST_TROUBLES + 2):
            done(product)
        product.clock.advance(days=7)
        product.jobs.fail_on["owner_of"] = StorageUnavailable("DynamoDB does not answer.")

        with pytest.raises(SweepIncomplete, match=f"{MOST_TROUBLES} exports"):
            sweep(product)

    def test_an_export_has_a_quarter_of_an_hour_before_anybody_looks(self, product: Product) -> None:
        product.create()
        product.workflow.running.clear()
        product.clock.now += timedelta(minutes=15)

        assert sweep(product) == NOTHING

    def test_so_has_an_attempt_that_has_just_begun(self, product: Product) -> None:
        job = created(product)
        product.jobs.replace(job.failed(product.clock(), "It failed."))
        product.clock.advance(hours=1)
        product.workflow.running.clear()
        start = product.workflow.start

        def sweep_first(job: ExportJob) -> None:
            """Let a sweep come between the record of the attempt and its start, which fails."""
            product.workflow.start = start  # type: ignore[method-assign]
            assert sweep(product) == replace(NOTHING, fine=1)
            raise StorageUnavailable("Not now.")

        product.workflow.start = sweep_first  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            retry_export(
                TENANT,
                job.id,
                quota=product.limits,
                jobs=product.jobs,
                workflow=product.workflow,
                clock=product.clock,
                metrics=product.metrics,
            )

        assert product.jobs.get(TENANT, job.id).state is ExportState.ERROR
        assert product.workflow.running == set()
