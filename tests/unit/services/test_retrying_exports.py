"""A failed export goes on from where it stopped, whatever it was that stopped."""

import json
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.fakes import FakeBudget, MemorySource
from tests.unit.services.exports import TENANT, Product, picture, record

from waybill.domain import keys
from waybill.domain.errors import (
    ExportBeingCreated,
    ExportGone,
    ExportNotFailed,
    ExportNotFound,
    JobChanged,
    QuotaExceeded,
    StorageUnavailable,
)
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.plan import ReadBatch, Shard
from waybill.domain.progress import WorkerProgress, total
from waybill.domain.quota import QuotaLimits
from waybill.ports import SourceItem
from waybill.services.delete_export import delete_export
from waybill.services.fail_export import fail_export
from waybill.services.retry_export import retry_export
from waybill.services.starting_export import LONGEST_START

OPTIONS = ExportOptions(parts_size=10_240)
CONTACTS = [record(f"c{number:03}", random.Random(number).randbytes(400).hex()) for number in range(60)]
PICTURES = {f"p{number}": random.Random(number).randbytes(7_000) for number in range(9)}


def a_product() -> Product:
    product = Product(CONTACTS, [picture(name, content) for name, content in PICTURES.items()], cut_at=("c030",))
    product.files.objects.update({f"{TENANT}/{name}": content for name, content in PICTURES.items()})
    return product


def retry(product: Product, export_id: str) -> ExportJob:
    return retry_export(
        TENANT,
        export_id,
        quota=product.limits,
        jobs=product.jobs,
        workflow=product.workflow,
        clock=product.clock,
        metrics=product.metrics,
    )


def fail(product: Product, job: ExportJob) -> ExportJob:
    """End the present attempt, as the state machine does."""
    fail_export(
        TENANT,
        job.id,
        "States.Timeout",
        attempt=job.attempt,
        jobs=product.jobs,
        clock=product.clock,
        metrics=product.metrics,
    )
    product.workflow.stop(job)
    return product.jobs.get(TENANT, job.id)


def failed(product: Product) -> ExportJob:
    return fail(product, product.create(OPTIONS))


class Died(Exception):
    """The state machine has given up."""


def whole_run(product: Product, job: ExportJob, visit: Callable[[str], None] = lambda moment: None) -> None:
    """Take an export through its steps as the state machine does, each call with little time.

    ``visit`` is called with the name of every step before each of its calls, and may raise.
    """
    visit("plan_export")
    batches = product.plan(job)
    while True:
        for batch in batches:
            visit("read_chunk")
            product.read(job, batch, FakeBudget(2))
        visit("plan_parts")
        work = product.plan_parts(job)
        if work.ready:
            break
        batches = msgspec.json.decode(product.archives.get(work.key), type=list[ReadBatch])
    while True:
        for number in json.loads(product.archives.get(work.key)):
            visit("pack_part")
            product.pack(job, number, FakeBudget(2))
        visit("finish_export")
        work = product.finish(job)
        if work.ready:
            return


@pytest.fixture
def read_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of all items that sources have given, in order."""
    seen: list[str] = []
    read = MemorySource.read

    def watched(self: MemorySource, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:
        for item in read(self, tenant=tenant, shard=shard, after=after):
            seen.append(item.key)
            yield item

    monkeypatch.setattr(MemorySource, "read", watched)
    return seen


def moments() -> list[str]:
    """Every call of every step of an undisturbed run, as ``name#number``."""
    product = a_product()
    seen: list[str] = []
    whole_run(product, product.create(OPTIONS), seen.append)
    return [f"{name}#{seen[: at + 1].count(name)}" for at, name in enumerate(seen)]


MOMENTS = moments()


class TestGoingOn:
    def test_the_run_that_is_disturbed_has_many_calls(self) -> None:
        names = {moment.partition("#")[0] for moment in MOMENTS}
        assert names == {"plan_export", "read_chunk", "plan_parts", "pack_part", "finish_export"}
        assert len([moment for moment in MOMENTS if moment.startswith("read_chunk")]) > 3
        assert len([moment for moment in MOMENTS if moment.startswith("pack_part")]) > 3

    @pytest.mark.parametrize("moment", MOMENTS)
    def test_nothing_is_read_or_packed_again_and_the_bytes_are_those_of_an_undisturbed_run(
        self, moment: str, read_keys: list[str]
    ) -> None:
        undisturbed = a_product()
        expected = undisturbed.parts(undisturbed.export(OPTIONS))
        read_keys.clear()
        product = a_product()
        job = product.create(OPTIONS)
        calls: list[str] = []

        def die(step: str) -> None:
            calls.append(step)
            if f"{step}#{calls.count(step)}" == moment:
                raise Died

        with pytest.raises(Died):
            whole_run(product, job, die)
        fail(product, job)
        job = retry(product, job.id)
        whole_run(product, job)

        done = product.jobs.get(TENANT, job.id)
        assert (done.state, done.attempt, done.error) == (ExportState.DONE, 1, "")
        assert product.parts(job) == expected
        assert sorted(read_keys) == sorted(item.key for item in (*CONTACTS, *product.pictures))
        packed = [key for key in product.archives.puts if key.startswith(f"{keys.prefix(job.id)}parts/")]
        assert len([key for key in packed if "#" not in key]) == len(expected)

    def test_an_attempt_may_fail_at_every_step_in_turn(self) -> None:
        undisturbed = a_product()
        expected = undisturbed.parts(undisturbed.export(OPTIONS))
        product = a_product()
        job = product.create(OPTIONS)
        for step in ("plan_export", "read_chunk", "plan_parts", "pack_part", "finish_export"):

            def die(visited: str, step: str = step) -> None:
                if visited == step:
                    raise Died

            with pytest.raises(Died):
                whole_run(product, job, die)
            fail(product, job)
            job = retry(product, job.id)
        whole_run(product, job)

        assert product.parts(job) == expected
        assert product.workflow.started == [job.id, *(f"{job.id}-{attempt}" for attempt in range(1, 6))]

    def test_what_was_staged_stays_when_it_fails(self) -> None:
        product = a_product()
        job = product.create(OPTIONS)
        (batch,) = product.plan(job)
        product.read(job, batch)
        before = dict(product.archives.objects)

        fail(product, job)

        assert product.archives.objects == before

    def test_progress_is_that_of_what_is_there_already(self) -> None:
        product = a_product()
        job = product.create(OPTIONS)
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        reached = total(product.jobs.reports(TENANT, job.id))

        job = retry(product, fail(product, job).id)
        assert total(product.jobs.reports(TENANT, job.id)).percentage == 0
        (batch,) = product.plan(job)
        product.read(job, batch)

        assert total(product.jobs.reports(TENANT, job.id)) == reached
        assert reached.records > 0


class TestRetry:
    def test_it_is_made_again_under_the_same_id(self) -> None:
        product = a_product()
        job = failed(product)
        product.clock.advance(hours=1)

        retried = retry(product, job.id)

        assert product.jobs.get(TENANT, job.id) == retried
        assert (retried.state, retried.error, retried.creation_duration) == (ExportState.EXPORTING, "", 0)
        assert (retried.expires_at, retried.created_at) == (job.expires_at, job.created_at)
        assert product.workflow.running == {f"{job.id}-1"}
        assert product.metrics.values["ExportsRetried"] == 1
        assert product.metrics.values["ExportsStarted"] == 1

    def test_an_export_that_runs_or_is_done_is_not_retried(self) -> None:
        product = a_product()
        running, done = product.create(OPTIONS), product.export(OPTIONS)

        for job in (running, done):
            with pytest.raises(ExportNotFailed, match="Only one that has failed"):
                retry(product, job.id)
            assert product.jobs.get(TENANT, job.id) == job
        assert product.workflow.started == [running.id, done.id]

    def test_nor_is_one_that_is_gone(self) -> None:
        product = a_product()
        expired, deleted = failed(product), failed(product)
        product.jobs.replace(deleted.deleted())
        with pytest.raises(ExportGone):
            retry(product, deleted.id)
        product.clock.now = expired.expires_at
        with pytest.raises(ExportGone):
            retry(product, expired.id)

        assert product.workflow.running == set()

    @pytest.mark.parametrize("export_id", ["0" * 32, "nonsense"])
    def test_an_unknown_one_is_not_found(self, export_id: str) -> None:
        with pytest.raises(ExportNotFound):
            retry(a_product(), export_id)

    def test_the_words_of_the_attempt_before_are_not_those_of_this_one(self) -> None:
        product = a_product()
        job = product.create(OPTIONS)
        product.jobs.note_failure(TENANT, job.id, "The table is gone.")
        job = retry(product, fail(product, job).id)

        assert "States.Timeout" in fail(product, job).error

    def test_deleting_it_stops_the_execution_of_this_attempt(self) -> None:
        product = a_product()
        job = retry(product, failed(product).id)

        delete_export(TENANT, job.id, jobs=product.jobs, workflow=product.workflow, archives=product.archives)

        assert product.workflow.running == set()
        assert product.workflow.stopped[-1] == f"{job.id}-1"

    def test_a_late_end_of_the_attempt_before_does_not_end_this_one(self) -> None:
        product = a_product()
        job = failed(product)
        retried = retry(product, job.id)

        fail(product, job)

        assert product.jobs.get(TENANT, job.id) == retried

    def test_of_two_at_once_one_retries(self) -> None:
        product = a_product()
        job = failed(product)
        retry(product, job.id)

        with pytest.raises(ExportNotFailed):
            retry(product, job.id)
        assert product.workflow.running == {f"{job.id}-1"}

    def test_one_that_always_comes_second_is_told_so(self) -> None:
        product = a_product()
        job = failed(product)
        product.jobs.fail_on["replace"] = JobChanged("Another was first.")

        with pytest.raises(JobChanged):
            retry(product, job.id)


class TestQuotaOfRetries:
    def test_a_retry_takes_a_place_and_no_start(self) -> None:
        product = a_product()
        product.limits = QuotaLimits(running=2, per_day=1)
        job = failed(product)

        retried = retry(product, job.id)

        used = product.jobs.quota(TENANT)
        assert (used.running, len(used.starts)) == ((retried.id,), 1)

    def test_it_is_refused_when_all_places_are_taken_and_stays_failed(self) -> None:
        product = a_product()
        job = failed(product)
        product.limits = QuotaLimits(running=1, per_day=9)
        product.create()

        with pytest.raises(QuotaExceeded):
            retry(product, job.id)

        assert product.jobs.get(TENANT, job.id) == job
        assert product.metrics.values["ExportsRefused"] == 1


class TestStartsThatFail:
    def test_an_export_that_could_not_be_started_can_be_retried(self) -> None:
        product = a_product()
        product.workflow.fail_on["start"] = StorageUnavailable("Not now.")
        with pytest.raises(StorageUnavailable):
            product.create(OPTIONS)
        product.workflow.fail_on.clear()
        (job,) = product.jobs.jobs.values()

        whole_run(product, retry(product, job.id))

        assert product.jobs.get(TENANT, job.id).state is ExportState.DONE

    def test_a_retry_that_could_not_be_started_is_failed_again_and_can_be_retried(self) -> None:
        product = a_product()
        job = failed(product)
        product.workflow.fail_on["start"] = StorageUnavailable("Not now.")

        with pytest.raises(StorageUnavailable):
            retry(product, job.id)

        again = product.jobs.get(TENANT, job.id)
        assert (again.state, again.attempt) == (ExportState.ERROR, 1)
        used = product.jobs.quota(TENANT)
        assert (used.running, len(used.starts)) == ((), 1)
        product.workflow.fail_on.clear()
        assert retry(product, job.id).execution == f"{job.id}-2"

    @pytest.mark.parametrize("again", [False, True])
    def test_an_attempt_whose_request_died_before_the_start_is_started_by_a_retry(self, again: bool) -> None:
        product = a_product()
        job = failed(product) if again else None
        product.clock.advance(hours=1)
        product.workflow.fail_on["start"] = MemoryError()
        with pytest.raises(MemoryError):
            retry(product, job.id) if job else product.create(OPTIONS)
        product.workflow.fail_on.clear()
        (job,) = product.jobs.jobs.values()
        product.jobs.report(job, WorkerProgress("read", 0, 1, 0.5, 1, 1))

        product.clock.advance(seconds=LONGEST_START.total_seconds() - 1)
        with pytest.raises(ExportBeingCreated):
            retry(product, job.id)
        product.clock.advance(seconds=1)
        assert retry(product, job.id) == job

        assert product.workflow.running == {job.execution}
        assert job.attempt == int(again)
        if again:
            assert product.jobs.reports(TENANT, job.id) == []
