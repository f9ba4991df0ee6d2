"""What every JobStore promises, held against the one in memory and the one on DynamoDB."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend
from tests.contract.conftest import boto
from tests.fakes import FakeClock, FakeMetrics, MemoryJobs, MemoryWorkflow

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.catalog import Catalog, Doctype, TableSource
from waybill.domain.chain import Chain
from waybill.domain.cursor import MOST_NAME_BYTES
from waybill.domain.errors import ExportBeingCreated, ExportExists, ExportNotFound, JobChanged, StorageUnavailable
from waybill.domain.idempotency import key_digest, remember
from waybill.domain.job import ExportJob, lost_export, new_export
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaLimits, QuotaUse
from waybill.domain.receipt import Reason
from waybill.ports import JobStore
from waybill.services.create_export import create_export

OPTIONS = ExportOptions(parts_size=10_240, with_doctypes=("io.cozy.contacts", "io.cozy.files"), without_files=True)


@pytest.fixture(params=["memory", "dynamodb"])
def jobs(request: pytest.FixtureRequest, clock: FakeClock) -> JobStore:
    if request.param == "memory":
        return MemoryJobs()
    client: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbJobs(client, request.getfixturevalue("table"), clock=clock)


@pytest.fixture
def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make moto's transactions what DynamoDB's are: its own put the whole table back, with what others wrote."""
    lock = threading.RLock()
    for operation in ("transact_write_items", "get_item", "put_item", "query"):
        method = getattr(DynamoDBBackend, operation)

        def alone(*arguments: Any, _method: Any = method, **named: Any) -> Any:
            with lock:
                return _method(*arguments, **named)

        monkeypatch.setattr(DynamoDBBackend, operation, alone)


def a_job(clock: FakeClock, tenant: str = "anna", **changes: object) -> ExportJob:
    return replace(new_export(tenant, OPTIONS, clock()), **changes)  # type: ignore[arg-type]


def test_a_job_comes_back_as_it_was_stored(jobs: JobStore, clock: FakeClock) -> None:
    clock.advance(microseconds=123_457)
    job = a_job(clock)

    jobs.create(job)

    assert jobs.get("anna", job.id) == job


def test_dates_and_what_an_export_holds_come_back_too(jobs: JobStore, clock: FakeClock) -> None:
    options = replace(OPTIONS, start_date=date(2026, 3, 1), end_date=date(2026, 3, 31), time_zone="Asia/Jakarta")
    job = new_export("anna", options, clock(), with_link=True)
    jobs.create(job)
    done = job.finished(clock(), parts=1, total_size=9, gaps=0, records=7)

    jobs.replace(done)

    assert jobs.get("anna", job.id) == done


def test_a_jobs_place_in_its_chain_comes_back(jobs: JobStore, clock: FakeClock) -> None:
    first, second = a_job(clock, chain=Chain("c" * 64)), a_job(clock, chain=Chain("c" * 64, "parent", "digest"))
    for job in (first, second):
        jobs.create(job)

    assert [jobs.get("anna", job.id) for job in (first, second)] == [first, second]


def test_an_id_is_given_once(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    with pytest.raises(ExportExists):
        jobs.create(replace(job, options=ExportOptions()))

    assert jobs.get("anna", job.id) == job


def test_an_unknown_export_is_not_found(jobs: JobStore) -> None:
    with pytest.raises(ExportNotFound):
        jobs.get("anna", "0" * 32)


def test_another_tenants_export_is_not_found(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    with pytest.raises(ExportNotFound):
        jobs.get("bert", job.id)
    assert jobs.list("bert", now=clock(), limit=10).jobs == []


def test_every_change_is_kept(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)
    clock.advance(seconds=90)
    done = job.finished(clock(), parts=3, total_size=2**53 + 1, gaps=2)

    jobs.replace(done)
    assert jobs.get("anna", job.id) == done

    jobs.replace(done.deleted(clock()))
    assert jobs.get("anna", job.id) == done.deleted(clock())


def test_a_failed_job_keeps_its_sentence(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    jobs.replace(job.failed(clock(), "Die Tabelle ist weg. 🧾"))

    assert jobs.get("anna", job.id).error == "Die Tabelle ist weg. 🧾"


def test_of_two_changes_of_the_same_revision_the_second_is_refused(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)
    jobs.replace(job.deleted(clock()))

    with pytest.raises(JobChanged):
        jobs.replace(job.failed(clock(), "Too late."))

    assert jobs.get("anna", job.id) == job.deleted(clock())


def test_a_job_that_is_not_there_is_not_changed(jobs: JobStore, clock: FakeClock) -> None:
    with pytest.raises(JobChanged):
        jobs.replace(a_job(clock).deleted(clock()))


def some_jobs(clock: FakeClock, count: int) -> list[ExportJob]:
    return [a_job(clock, id=f"{number:032x}") for number in range(1, count + 1)]


def test_the_list_is_newest_first_and_goes_on_page_by_page(jobs: JobStore, clock: FakeClock) -> None:
    stored = some_jobs(clock, 7)
    for job in stored:
        jobs.create(job)

    first = jobs.list("anna", now=clock(), limit=3)
    second = jobs.list("anna", now=clock(), limit=3, after=first.after)
    third = jobs.list("anna", now=clock(), limit=3, after=second.after)

    assert [*first.jobs, *second.jobs, *third.jobs] == stored[::-1]
    assert len(first.jobs) == len(second.jobs) == 3
    assert third.after is None


def test_a_last_page_that_is_full_says_that_it_is_the_last(jobs: JobStore, clock: FakeClock) -> None:
    for job in some_jobs(clock, 4):
        jobs.create(job)

    first = jobs.list("anna", now=clock(), limit=2)
    second = jobs.list("anna", now=clock(), limit=2, after=first.after)

    assert len(second.jobs) == 2
    assert second.after is None


def test_deleted_and_expired_jobs_are_left_out_and_pages_stay_full(jobs: JobStore, clock: FakeClock) -> None:
    live = []
    for number, job in enumerate(some_jobs(clock, 12)):
        if number % 3 == 0:
            jobs.create(replace(job, expires_at=clock()))
        else:
            jobs.create(job)
            if number % 3 == 1:
                jobs.replace(job.deleted(clock()))
            else:
                live.append(job)

    page = jobs.list("anna", now=clock(), limit=3)
    rest = jobs.list("anna", now=clock(), limit=3, after=page.after)

    assert [*page.jobs, *rest.jobs] == live[::-1]
    assert len(page.jobs) == 3


def test_the_list_goes_on_behind_a_job_that_is_gone_meanwhile(jobs: JobStore, clock: FakeClock) -> None:
    stored = some_jobs(clock, 3)
    for job in stored:
        jobs.create(job)
    page = jobs.list("anna", now=clock(), limit=1)
    jobs.replace(stored[2].deleted(clock()))

    assert jobs.list("anna", now=clock(), limit=5, after=page.after).jobs == [stored[1], stored[0]]


def test_the_list_of_a_tenant_without_exports_is_empty(jobs: JobStore, clock: FakeClock) -> None:
    page = jobs.list("anna", now=clock(), limit=10)

    assert list(page.jobs) == []
    assert page.after is None


def progress(phase: str, batch: int, share: float) -> WorkerProgress:
    return WorkerProgress(phase=phase, batch=batch, batches=12, share=share, records=1_000, bytes=2**40)


def test_a_report_replaces_the_workers_earlier_one(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.report(job, progress("read", 0, 0.1))
    jobs.report(job, progress("read", 11, 1 / 3))
    jobs.report(job, progress("pack", 0, 1e-05))

    jobs.report(job, progress("read", 0, 1.0))

    assert sorted(jobs.reports("anna", job.id), key=lambda report: (report.phase, report.batch)) == [
        progress("pack", 0, 1e-05),
        progress("read", 0, 1.0),
        progress("read", 11, 1 / 3),
    ]


def test_reports_are_of_one_export(jobs: JobStore, clock: FakeClock) -> None:
    job, other = some_jobs(clock, 2)
    jobs.report(job, progress("read", 0, 0.5))
    jobs.report(other, progress("read", 0, 0.7))

    assert list(jobs.reports("anna", job.id)) == [progress("read", 0, 0.5)]
    assert list(jobs.reports("bert", job.id)) == []


def test_the_last_failure_note_counts(jobs: JobStore) -> None:
    assert jobs.failure("anna", "e1") is None

    jobs.note_failure("anna", "e1", "The table is gone.")
    jobs.note_failure("anna", "e1", "The bucket is gone.")

    assert jobs.failure("anna", "e1") == "The bucket is gone."
    assert jobs.failure("anna", "e2") is None


def test_reports_and_note_are_forgotten_and_the_job_stays(jobs: JobStore, clock: FakeClock) -> None:
    job, other = some_jobs(clock, 2)
    jobs.create(job)
    jobs.report(other, progress("read", 0, 0.5))
    for batch in range(30):
        jobs.report(job, progress("read", batch, 0.5))
    jobs.note_failure("anna", job.id, "Gone.")

    jobs.forget_reports("anna", job.id)
    jobs.forget_reports("anna", job.id)

    assert list(jobs.reports("anna", job.id)) == []
    assert jobs.failure("anna", job.id) is None
    assert jobs.get("anna", job.id) == job
    assert len(jobs.reports("anna", other.id)) == 1


FOR_COZY = replace(OPTIONS, format="zip", layout="cozy")


def test_a_links_secret_and_the_names_of_parts_come_back_until_the_export_is_deleted(
    jobs: JobStore, clock: FakeClock
) -> None:
    job = new_export("anna", FOR_COZY, clock())
    jobs.create(job)
    assert jobs.get("anna", job.id).link == job.link

    done = job.finished(clock(), parts=3, total_size=9, gaps=0, part_names=("io.cozy.files/ä", "io.cozy.files/2"))
    jobs.replace(done)
    assert jobs.get("anna", job.id) == done

    jobs.replace(done.deleted(clock()))
    assert jobs.get("anna", job.id) == done.deleted(clock())


def test_as_many_names_of_parts_as_an_export_may_have_can_be_stored(jobs: JobStore, clock: FakeClock) -> None:
    most_doctypes = tuple(f"io.cozy.{number:090}" for number in range(600))  # as many as a request has room for
    job = new_export("anna", replace(FOR_COZY, with_doctypes=most_doctypes), clock())
    jobs.create(job)
    names = tuple(f"io.cozy.files/{number:016}" for number in range(MOST_NAME_BYTES // 30))
    done = job.finished(clock(), parts=len(names) + 1, total_size=9, gaps=0, part_names=names)

    jobs.replace(done)

    assert jobs.get("anna", job.id).part_names == names


def test_an_export_leads_to_its_tenant_also_when_it_is_deleted(jobs: JobStore, clock: FakeClock) -> None:
    job, other = some_jobs(clock, 2)
    jobs.create(job)
    jobs.create(replace(other, tenant="bert"))
    jobs.replace(job.deleted(clock()))

    assert (jobs.owner_of(job.id), jobs.owner_of(other.id)) == ("anna", "bert")


def test_an_export_that_was_never_made_leads_to_no_tenant(jobs: JobStore, clock: FakeClock) -> None:
    with pytest.raises(ExportNotFound):
        jobs.owner_of(a_job(clock).id)


def test_whoever_is_named_as_an_export_sees_nothing_of_it(jobs: JobStore, clock: FakeClock) -> None:
    (job,) = some_jobs(clock, 1)
    jobs.create(job)

    assert list(jobs.list(f"export#{job.id}", now=clock(), limit=10).jobs) == []
    assert list(jobs.reports(f"export#{job.id}", job.id)) == []
    assert jobs.quota(f"export#{job.id}") == QuotaUse(f"export#{job.id}")


def test_a_retried_job_comes_back_as_it_was_stored(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)
    failed = job.failed(clock(), "No.")
    jobs.replace(failed)
    clock.advance(hours=2, microseconds=1)

    jobs.replace(failed.retried(clock()))

    assert jobs.get("anna", job.id) == failed.retried(clock())


def started(jobs: JobStore, job: ExportJob, key: str | None = None) -> None:
    """Store a job with its tenant's quota and the key that it was made with."""
    used = None if key is None else remember(key, job.id, job.options, job.created_at)
    jobs.create(job, quota=jobs.quota(job.tenant).started(job.id, job.created_at), key=used)


def test_what_was_used_of_a_quota_comes_back_as_it_was_stored(jobs: JobStore, clock: FakeClock) -> None:
    assert jobs.quota("anna") == QuotaUse("anna")
    first, second = some_jobs(clock, 2)

    started(jobs, first)
    started(jobs, second)

    assert jobs.quota("anna") == QuotaUse("anna", 2, (first.id, second.id), (clock(), clock()))
    assert jobs.quota("bert") == QuotaUse("bert")


def test_of_two_that_take_the_same_place_the_second_leaves_nothing(jobs: JobStore, clock: FakeClock) -> None:
    first, second = some_jobs(clock, 2)
    before = jobs.quota("anna")
    jobs.create(first, quota=before.started(first.id, clock()))

    with pytest.raises(JobChanged):
        jobs.create(
            second,
            quota=before.started(second.id, clock()),
            key=remember("k", second.id, second.options, clock()),
        )

    assert jobs.quota("anna").running == (first.id,)
    assert jobs.remembered("anna", key_digest("k"), now=clock()) is None
    for lookup in (lambda: jobs.get("anna", second.id), lambda: jobs.owner_of(second.id)):
        with pytest.raises(ExportNotFound):
            lookup()


def test_a_key_stands_for_its_export_until_24_hours_are_over(jobs: JobStore, clock: FakeClock) -> None:
    clock.advance(microseconds=1)
    job, other = some_jobs(clock, 2)
    started(jobs, job, "k")
    known = remember("k", job.id, job.options, clock())

    clock.advance(hours=24)
    assert jobs.remembered("anna", key_digest("k"), now=clock()) == known
    assert jobs.remembered("bert", key_digest("k"), now=clock()) is None
    with pytest.raises(JobChanged):
        started(jobs, replace(other, created_at=clock()), "k")

    clock.advance(seconds=1)
    assert jobs.remembered("anna", key_digest("k"), now=clock()) is None
    started(jobs, replace(other, created_at=clock()), "k")
    assert jobs.remembered("anna", key_digest("k"), now=clock()) == remember("k", other.id, other.options, clock())


def test_a_change_of_the_job_the_quota_and_the_key_are_one(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    started(jobs, job, "k")
    failed = job.failed(clock(), "It could not be started.")
    back = jobs.quota("anna").given_back(job.id, clock())

    for stale_job, stale_quota in ((failed.deleted(clock()), back), (failed, replace(back, rev=7))):
        with pytest.raises(JobChanged):
            jobs.replace(stale_job, quota=stale_quota, forget_key=key_digest("k"))
    assert jobs.get("anna", job.id) == job
    assert jobs.remembered("anna", key_digest("k"), now=clock()) is not None

    jobs.replace(failed, quota=back, forget_key=key_digest("k"))

    assert jobs.get("anna", job.id) == failed
    assert jobs.quota("anna") == QuotaUse("anna", 2)
    assert jobs.remembered("anna", key_digest("k"), now=clock()) is None


@pytest.mark.usefixtures("one_request_at_a_time")
def test_equal_requests_at_once_make_one_export(jobs: JobStore, clock: FakeClock) -> None:
    workflow = MemoryWorkflow()
    at_once = threading.Barrier(4)
    seen: list[str] = []

    def ask() -> str:
        return create_export(
            "anna",
            ExportOptions(),
            idempotency_key="k",
            quota=QuotaLimits(running=9, per_day=9),
            catalog=Catalog({"contacts": Doctype("contacts", TableSource("t", "pk", "{tenant}", "sk"), "{}")}),
            jobs=jobs,
            workflow=workflow,
            clock=clock,
            metrics=FakeMetrics(),
        ).id

    def ask_until_it_is_there() -> None:
        at_once.wait()
        while True:
            with suppress(ExportBeingCreated):
                seen.append(ask())
                return

    threads = [threading.Thread(target=ask_until_it_is_there) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (made,) = jobs.list("anna", now=clock(), limit=10).jobs
    assert seen == [made.id] * 4
    assert workflow.started == [made.id]
    assert jobs.quota("anna") == QuotaUse("anna", 1, (made.id,), (clock(),))


def test_a_receipt_comes_back_in_every_state_of_the_removal(jobs: JobStore, clock: FakeClock) -> None:
    tombstone = a_job(clock).deleted(clock())
    assert tombstone.receipt is not None
    jobs.bury(tombstone)
    assert jobs.get("anna", tombstone.id) == tombstone

    for receipt in (
        tombstone.receipt.found(objects=3, size=2**53 + 1, reports=2),
        replace(tombstone.receipt, reason=Reason.EXPIRED, state=None).completed(),
    ):
        changed = jobs.get("anna", tombstone.id).with_receipt(receipt)
        jobs.replace(changed)
        assert jobs.get("anna", tombstone.id) == changed


def test_only_where_there_is_no_record_a_tombstone_is_put(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    with pytest.raises(ExportExists):
        jobs.bury(job.deleted(clock()))

    assert jobs.get("anna", job.id) == job


def test_a_tombstone_is_not_replaced_by_what_a_late_step_knows(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.bury(lost_export("anna", job.id, clock()))

    with pytest.raises(JobChanged):
        jobs.replace(job.finished(clock(), parts=1, total_size=1, gaps=0))

    tombstone = jobs.get("anna", job.id)
    assert tombstone == lost_export("anna", job.id, clock())
    assert tombstone.receipt is not None
    jobs.replace(tombstone.with_receipt(tombstone.receipt.completed()))


def test_what_is_not_at_rest_is_found_oldest_first_whoever_has_it(jobs: JobStore, clock: FakeClock) -> None:
    ages = {}
    for name in ("exporting", "removing", "done", "failed", "removed", "too young"):
        clock.advance(microseconds=333_333)
        ages[name] = a_job(clock, tenant=f"tenant of {name}")
        jobs.create(ages[name])
    jobs.replace(ages["done"].finished(clock(), parts=1, total_size=1, gaps=0))
    jobs.replace(ages["failed"].failed(clock(), "No."))
    for name in ("removing", "removed"):
        jobs.replace(ages[name].deleted(clock()))
    tombstone = jobs.get("tenant of removed", ages["removed"].id)
    assert tombstone.receipt is not None
    jobs.replace(tombstone.with_receipt(tombstone.receipt.completed()))

    found = list(jobs.unfinished(before=ages["too young"].created_at))

    assert found == [(f"tenant of {name}", ages[name].id) for name in ("exporting", "removing")]


class TestOnDynamoDb:
    """What only the table shows."""

    @pytest.fixture
    def store(self, dynamodb: AwsJsonClient, table: str, clock: FakeClock) -> DynamoDbJobs:
        return DynamoDbJobs(dynamodb, table, clock=clock)

    def items(self, endpoint: str, table: str) -> dict[str, dict[str, dict[str, str]]]:
        return {item["sk"]["S"]: item for item in boto("dynamodb", endpoint).scan(TableName=table)["Items"]}

    def test_the_ttl_is_whole_seconds_and_never_early(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = a_job(clock, expires_at=clock() + timedelta(seconds=1, microseconds=1))
        store.create(job)
        store.report(job, progress("read", 0, 0.5))

        two_seconds_on = str(int(clock().timestamp()) + 2)
        items = self.items(moto_endpoint, table)
        assert items[f"export#{job.id}"]["expires_at"] == {"N": two_seconds_on}
        assert items[f"progress#{job.id}#read#000000"]["expires_at"] == {"N": two_seconds_on}

    def test_an_owner_outlives_its_export_by_a_day_and_holds_its_tenant_only(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = a_job(clock)
        store.create(job)

        a_day_later = int((job.expires_at + timedelta(days=1)).timestamp())
        assert self.items(moto_endpoint, table)["owner"] == {
            "pk": {"S": f"export#{job.id}"},
            "sk": {"S": "owner"},
            "tenant": {"S": "anna"},
            "expires_at": {"N": str(a_day_later)},
        }

    def test_a_key_is_not_stored_as_it_is_and_goes_by_itself(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        started(store, a_job(clock), "anna@example.org")

        items = self.items(moto_endpoint, table)
        assert "anna@example.org" not in str(items)
        a_day_on = str(int((clock() + timedelta(hours=24)).timestamp()))
        assert items[f"idempotency#{key_digest('anna@example.org')}"]["expires_at"] == {"N": a_day_on}

    def test_the_largest_quota_fits_into_an_item(self, store: DynamoDbJobs, clock: FakeClock) -> None:
        clock.advance(microseconds=1)
        job = a_job(clock)
        use = QuotaUse("anna", 1, (job.id,) * 100, (clock(),) * 5_000)

        store.create(job, quota=use)

        assert store.quota("anna") == use

    def test_a_tombstone_and_a_job_without_a_link_have_no_secret(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        linked, other = new_export("anna", FOR_COZY, clock()), a_job(clock)
        for job in (linked, other):
            store.create(job)
        before = self.items(moto_endpoint, table)
        store.replace(linked.deleted(clock()))
        after = self.items(moto_endpoint, table)

        assert "link_secret" in before[f"export#{linked.id}"]
        assert "link_secret" not in before[f"export#{other.id}"]
        assert "link_secret" not in after[f"export#{linked.id}"]

    def test_a_record_of_an_older_release_is_read(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = a_job(clock)
        store.create(job)
        boto("dynamodb", moto_endpoint).update_item(
            TableName=table,
            Key={"pk": {"S": "anna"}, "sk": {"S": f"export#{job.id}"}},
            UpdateExpression="REMOVE part_names, attempt, retried",
        )

        assert store.get("anna", job.id) == job

    def test_a_tombstone_stays_for_good(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = a_job(clock)
        store.create(job)
        store.replace(job.deleted(clock()))

        assert "expires_at" not in self.items(moto_endpoint, table)[f"export#{job.id}"]

    def test_a_failure_note_outlives_any_export_and_then_goes(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        store.note_failure("anna", "e1", "Gone.")

        eight_days_on = str(int((clock() + timedelta(days=8)).timestamp()))
        assert self.items(moto_endpoint, table)["failure#e1"]["expires_at"] == {"N": eight_days_on}

    def test_a_missing_table_is_named(self, dynamodb: AwsJsonClient, clock: FakeClock) -> None:
        store = DynamoDbJobs(dynamodb, "no-such-table", clock=clock)

        with pytest.raises(StorageUnavailable, match=r"no-such-table .*ResourceNotFoundException"):
            store.get("anna", "e1")
