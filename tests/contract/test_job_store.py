"""What every JobStore promises, held against the one in memory and the one on DynamoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.conftest import boto
from tests.fakes import FakeClock, MemoryJobs

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.cursor import MOST_NAME_BYTES
from waybill.domain.errors import ExportExists, ExportNotFound, JobChanged, StorageUnavailable
from waybill.domain.job import ExportJob, new_export
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.ports import JobStore

OPTIONS = ExportOptions(parts_size=10_240, with_doctypes=("io.cozy.contacts", "io.cozy.files"), without_files=True)


@pytest.fixture(params=["memory", "dynamodb"])
def jobs(request: pytest.FixtureRequest, clock: FakeClock) -> JobStore:
    if request.param == "memory":
        return MemoryJobs()
    client: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbJobs(client, request.getfixturevalue("table"), clock=clock)


def a_job(clock: FakeClock, tenant: str = "anna", **changes: object) -> ExportJob:
    return replace(new_export(tenant, OPTIONS, clock()), **changes)  # type: ignore[arg-type]


def test_a_job_comes_back_as_it_was_stored(jobs: JobStore, clock: FakeClock) -> None:
    clock.advance(microseconds=123_457)
    job = a_job(clock)

    jobs.create(job)

    assert jobs.get("anna", job.id) == job


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

    jobs.replace(done.deleted())
    assert jobs.get("anna", job.id) == done.deleted()


def test_a_failed_job_keeps_its_sentence(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    jobs.replace(job.failed(clock(), "Die Tabelle ist weg. 🧾"))

    assert jobs.get("anna", job.id).error == "Die Tabelle ist weg. 🧾"


def test_of_two_changes_of_the_same_revision_the_second_is_refused(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)
    jobs.replace(job.deleted())

    with pytest.raises(JobChanged):
        jobs.replace(job.failed(clock(), "Too late."))

    assert jobs.get("anna", job.id) == job.deleted()


def test_a_job_that_is_not_there_is_not_changed(jobs: JobStore, clock: FakeClock) -> None:
    with pytest.raises(JobChanged):
        jobs.replace(a_job(clock).deleted())


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
                jobs.replace(job.deleted())
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
    jobs.replace(stored[2].deleted())

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

    jobs.replace(done.deleted())
    assert jobs.get("anna", job.id) == done.deleted()


def test_as_many_names_of_parts_as_an_export_may_have_can_be_stored(jobs: JobStore, clock: FakeClock) -> None:
    most_doctypes = tuple(f"io.cozy.{number:090}" for number in range(600))  # as many as a request has room for
    job = new_export("anna", replace(FOR_COZY, with_doctypes=most_doctypes), clock())
    jobs.create(job)
    names = tuple(f"io.cozy.files/{number:016}" for number in range(MOST_NAME_BYTES // 30))
    done = job.finished(clock(), parts=len(names) + 1, total_size=9, gaps=0, part_names=names)

    jobs.replace(done)

    assert jobs.get("anna", job.id).part_names == names


def test_a_link_leads_to_its_tenant_until_it_is_forgotten(jobs: JobStore, clock: FakeClock) -> None:
    job, other = some_jobs(clock, 2)
    jobs.note_link(job)
    jobs.note_link(job)
    jobs.note_link(replace(other, tenant="bert"))

    assert (jobs.linked_tenant(job.id), jobs.linked_tenant(other.id)) == ("anna", "bert")

    jobs.forget_link(job.id)
    jobs.forget_link(job.id)

    with pytest.raises(ExportNotFound):
        jobs.linked_tenant(job.id)
    assert jobs.linked_tenant(other.id) == "bert"


def test_an_export_without_a_link_leads_to_no_tenant(jobs: JobStore, clock: FakeClock) -> None:
    job = a_job(clock)
    jobs.create(job)

    with pytest.raises(ExportNotFound):
        jobs.linked_tenant(job.id)


def test_whoever_is_named_as_a_link_sees_nothing_of_it(jobs: JobStore, clock: FakeClock) -> None:
    (job,) = some_jobs(clock, 1)
    jobs.note_link(job)

    assert list(jobs.list(f"link#{job.id}", now=clock(), limit=10).jobs) == []
    assert list(jobs.reports(f"link#{job.id}", job.id)) == []


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

    def test_a_link_goes_with_its_export_and_holds_its_tenant_only(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = new_export("anna", FOR_COZY, clock())
        store.note_link(job)
        store.create(job)

        items = self.items(moto_endpoint, table)
        assert items["link"] == {
            "pk": {"S": f"link#{job.id}"},
            "sk": {"S": "link"},
            "tenant": {"S": "anna"},
            "expires_at": items[f"export#{job.id}"]["expires_at"],
        }

    def test_a_tombstone_and_a_job_without_a_link_have_no_secret(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        linked, other = new_export("anna", FOR_COZY, clock()), a_job(clock)
        for job in (linked, other):
            store.create(job)
        before = self.items(moto_endpoint, table)
        store.replace(linked.deleted())
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
            UpdateExpression="REMOVE part_names",
        )

        assert store.get("anna", job.id) == job

    def test_a_tombstone_stays_for_good(
        self, store: DynamoDbJobs, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = a_job(clock)
        store.create(job)
        store.replace(job.deleted())

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
