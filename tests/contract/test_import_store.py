"""What every ImportStore promises, held against the one in memory and the one on DynamoDB."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.conftest import boto
from tests.fakes import FakeClock, FakeImports

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_imports import DynamoDbImports, import_of_image
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.errors import ImportExists, ImportNotFound, JobChanged
from waybill.domain.idempotency import key_digest, remember
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts, UndoCounts, lost_import, new_import
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind, OnConflict
from waybill.domain.job import new_export
from waybill.domain.options import ExportOptions
from waybill.domain.running_imports import RunningImports
from waybill.ports import ImportFailure, ImportStore

OPTIONS = ImportOptions(
    (ImportInput(InputKind.UPLOAD, "u1"), ImportInput(InputKind.URL, "https://example.org/ü?secret=1")),
    doctype="users",
    dry_run=True,
    on_conflict=OnConflict.REPLACE,
    allow_partial=True,
    max_age=86_400_000_001_000,
)
COUNTS = RowCounts(rows=2**53 + 1, accepted=2**53, skipped=0, failed=1, written=7, files=3, file_bytes=2**41)


@pytest.fixture(params=["memory", "dynamodb"])
def imports(request: pytest.FixtureRequest, clock: FakeClock) -> ImportStore:
    if request.param == "memory":
        return FakeImports()
    client: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbImports(client, request.getfixturevalue("table"), clock=clock)


def an_import(clock: FakeClock, tenant: str = "anna", **changes: object) -> ImportJob:
    return replace(new_import(tenant, OPTIONS, clock()), **changes)  # type: ignore[arg-type]


def some_imports(clock: FakeClock, count: int) -> list[ImportJob]:
    return [an_import(clock, id=f"{number:032x}") for number in range(1, count + 1)]


def test_an_import_comes_back_as_it_was_stored(imports: ImportStore, clock: FakeClock) -> None:
    clock.advance(microseconds=123_457)
    job = an_import(clock)
    assert len(job.salt) > 16

    imports.create(job)

    assert imports.get("anna", job.id) == job


def test_every_change_is_kept(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    imports.create(job)
    clock.advance(seconds=90)

    changes: list[Callable[[Any], ImportJob]] = [
        lambda job: job.changed(phase=ImportPhase.VALIDATE, counts=COUNTS, partial=True),
        lambda job: job.finished(clock(), COUNTS),
        lambda job: job.undoing(),
        lambda job: job.undone(UndoCounts(removed=3, restored=2**53, changed_since=1)),
        lambda job: job.failed(clock(), "Die Zeile ist weg. 🧾", "row_lost"),
        lambda job: job.deleted(clock()),
        lambda job: job.with_receipt(job.receipt.found(objects=3, size=2**53 + 1, reports=0)),
        lambda job: job.with_receipt(job.receipt.completed()),
    ]
    for change in changes:
        job = change(job)
        imports.replace(job)
        assert imports.get("anna", job.id) == job


def test_an_id_is_given_once(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    imports.create(job)

    with pytest.raises(ImportExists):
        imports.create(replace(job, salt=b"other"))

    assert imports.get("anna", job.id) == job


def test_an_unknown_import_and_another_tenants_are_not_found(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    imports.create(job)

    for tenant, import_id in (("anna", "0" * 32), ("bert", job.id)):
        with pytest.raises(ImportNotFound):
            imports.get(tenant, import_id)
    assert list(imports.list("bert", now=clock(), limit=10).imports) == []


def test_of_two_changes_of_the_same_revision_the_second_is_refused(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    imports.create(job)
    imports.replace(job.deleted(clock()))

    with pytest.raises(JobChanged):
        imports.replace(job.failed(clock(), "Too late."))

    assert imports.get("anna", job.id) == job.deleted(clock())


def test_an_import_that_is_not_there_is_not_changed(imports: ImportStore, clock: FakeClock) -> None:
    with pytest.raises(JobChanged):
        imports.replace(an_import(clock).deleted(clock()))


def test_a_tombstone_is_not_replaced_by_what_a_late_step_knows(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    imports.bury(lost_import("anna", job.id, clock()))

    with pytest.raises(JobChanged):
        imports.replace(job.finished(clock(), COUNTS))
    with pytest.raises(ImportExists):
        imports.bury(job.deleted(clock()))

    assert imports.get("anna", job.id) == lost_import("anna", job.id, clock())


def test_the_list_is_newest_first_page_by_page_without_what_is_gone(imports: ImportStore, clock: FakeClock) -> None:
    live = []
    for number, job in enumerate(some_imports(clock, 12)):
        imports.create(replace(job, expires_at=clock()) if number % 3 == 0 else job)
        if number % 3 == 1:
            imports.replace(job.deleted(clock()))
        elif number % 3 == 2:
            live.append(job)

    first = imports.list("anna", now=clock(), limit=3)
    rest = imports.list("anna", now=clock(), limit=3, after=first.after)

    assert [*first.imports, *rest.imports] == live[::-1]
    assert (len(first.imports), rest.after) == (3, None)


def test_the_list_goes_on_behind_an_import_that_is_gone_meanwhile(imports: ImportStore, clock: FakeClock) -> None:
    stored = some_imports(clock, 3)
    for job in stored:
        imports.create(job)
    page = imports.list("anna", now=clock(), limit=1)
    imports.replace(stored[2].deleted(clock()))

    assert imports.list("anna", now=clock(), limit=5, after=page.after).imports == [stored[1], stored[0]]


def test_the_last_failure_note_counts_until_it_is_forgotten(imports: ImportStore, clock: FakeClock) -> None:
    job, other = some_imports(clock, 2)
    assert imports.failure("anna", job.id) is None

    imports.note_failure("anna", job.id, ImportFailure("The table is gone.", "storage_unavailable"))
    imports.note_failure("anna", job.id, ImportFailure("Kein Archiv: ß.", "not_json"))

    assert imports.failure("anna", job.id) == ImportFailure("Kein Archiv: ß.", "not_json")
    assert imports.failure("anna", other.id) is None
    imports.forget_failure("anna", job.id)
    imports.forget_failure("anna", job.id)
    assert imports.failure("anna", job.id) is None


def test_an_import_leads_to_its_tenant_also_when_it_is_deleted(imports: ImportStore, clock: FakeClock) -> None:
    job, other = some_imports(clock, 2)
    imports.create(job)
    imports.create(replace(other, tenant="bert"))
    imports.replace(job.deleted(clock()))

    assert (imports.owner_of(job.id), imports.owner_of(other.id)) == ("anna", "bert")
    with pytest.raises(ImportNotFound):
        imports.owner_of("f" * 32)


def started(imports: ImportStore, job: ImportJob, key: str | None = None) -> None:
    used = None if key is None else remember(key, job.id, job.options, job.created_at)
    imports.create(job, running=imports.running(job.tenant).with_one_more(job.id), key=used)


def test_of_two_that_take_the_same_place_the_second_leaves_nothing(imports: ImportStore, clock: FakeClock) -> None:
    first, second = some_imports(clock, 2)
    before = imports.running("anna")
    assert before == RunningImports("anna")
    imports.create(first, running=before.with_one_more(first.id))

    with pytest.raises(JobChanged):
        imports.create(
            second, running=before.with_one_more(second.id), key=remember("k", second.id, second.options, clock())
        )

    assert imports.running("anna") == RunningImports("anna", 1, (first.id,))
    assert imports.running("bert") == RunningImports("bert")
    assert imports.remembered("anna", key_digest("k"), now=clock()) is None
    for lookup in (lambda: imports.get("anna", second.id), lambda: imports.owner_of(second.id)):
        with pytest.raises(ImportNotFound):
            lookup()


def test_a_key_stands_for_its_import_until_24_hours_are_over(imports: ImportStore, clock: FakeClock) -> None:
    clock.advance(microseconds=1)
    job, other = some_imports(clock, 2)
    started(imports, job, "k")

    clock.advance(hours=24)
    known = imports.remembered("anna", key_digest("k"), now=clock())
    assert known is not None
    assert known == remember("k", job.id, job.options, job.created_at)
    assert imports.remembered("bert", key_digest("k"), now=clock()) is None
    with pytest.raises(JobChanged):
        started(imports, replace(other, created_at=clock()), "k")

    clock.advance(seconds=1)
    assert imports.remembered("anna", key_digest("k"), now=clock()) is None
    started(imports, replace(other, created_at=clock()), "k")


def test_a_change_of_the_import_what_runs_and_the_key_are_one(imports: ImportStore, clock: FakeClock) -> None:
    job = an_import(clock)
    started(imports, job, "k")
    failed = job.failed(clock(), "It could not be started.")
    back = imports.running("anna").with_one_less(job.id)

    for stale_job, stale_place in ((failed.deleted(clock()), back), (failed, replace(back, rev=7))):
        with pytest.raises(JobChanged):
            imports.replace(stale_job, running=stale_place, forget_key=key_digest("k"))
    assert imports.get("anna", job.id) == job
    assert imports.remembered("anna", key_digest("k"), now=clock()) is not None

    imports.replace(failed, running=back, forget_key=key_digest("k"))

    assert imports.get("anna", job.id) == failed
    assert imports.running("anna") == RunningImports("anna", 2)
    assert imports.remembered("anna", key_digest("k"), now=clock()) is None


def test_what_is_not_at_rest_is_found_oldest_first_whoever_has_it(imports: ImportStore, clock: FakeClock) -> None:
    ages = {}
    for name in ("importing", "undoing", "removing", "done", "failed", "undone", "removed", "too young"):
        clock.advance(microseconds=333_333)
        ages[name] = an_import(clock, tenant=f"tenant of {name}")
        imports.create(ages[name])

    changes: dict[str, Callable[[Any], ImportJob]] = {
        "finish": lambda job: job.finished(clock(), COUNTS),
        "fail": lambda job: job.failed(clock(), "No."),
        "undo": lambda job: job.undoing(),
        "end undo": lambda job: job.undone(UndoCounts()),
        "delete": lambda job: job.deleted(clock()),
        "remove": lambda job: job.with_receipt(job.receipt.completed()),
    }

    def change(name: str, *steps: str) -> None:
        for step in steps:
            imports.replace(changes[step](imports.get(f"tenant of {name}", ages[name].id)))

    change("undoing", "finish", "undo")
    change("removing", "delete")
    change("done", "finish")
    change("failed", "fail")
    change("undone", "finish", "undo", "end undo")
    change("removed", "delete", "remove")

    found = list(imports.unfinished(before=ages["too young"].created_at))

    assert found == [(f"tenant of {name}", ages[name].id) for name in ("importing", "undoing", "removing")]


class TestOnDynamoDb:
    """What only the table shows."""

    @pytest.fixture
    def store(self, dynamodb: AwsJsonClient, table: str, clock: FakeClock) -> DynamoDbImports:
        return DynamoDbImports(dynamodb, table, clock=clock)

    def items(self, endpoint: str, table: str) -> dict[str, dict[str, dict[str, str]]]:
        return {item["sk"]["S"]: item for item in boto("dynamodb", endpoint).scan(TableName=table)["Items"]}

    def test_items_go_by_themselves_but_a_tombstone_stays(
        self, store: DynamoDbImports, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job, other = some_imports(clock, 2)
        started(store, job, "k")
        store.create(other)
        store.replace(other.deleted(clock()))
        store.note_failure("anna", job.id, ImportFailure("No.", "no"))

        def at(**span: float) -> dict[str, str]:
            return {"N": str(int((clock() + timedelta(**span)).timestamp()))}

        items = self.items(moto_endpoint, table)
        assert items[f"import#{job.id}"]["expires_at"] == at(days=1, seconds=1)  # an expiry is rounded up
        assert items["running-imports"]["expires_at"] == at(days=8)
        assert items[f"import-failure#{job.id}"]["expires_at"] == at(days=8)
        assert items[f"import-idempotency#{key_digest('k')}"]["expires_at"] == at(hours=24)
        assert "expires_at" not in items[f"import#{other.id}"]

    def test_a_tombstone_knows_no_secret_and_no_address(
        self, store: DynamoDbImports, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = an_import(clock)
        store.create(job)
        assert "example.org" in str(self.items(moto_endpoint, table))

        store.replace(job.deleted(clock()))

        items = self.items(moto_endpoint, table)
        assert "salt" not in items[f"import#{job.id}"]
        assert "example.org" not in str(items)

    def test_exports_and_imports_do_not_see_each_other(
        self, store: DynamoDbImports, dynamodb: AwsJsonClient, table: str, clock: FakeClock
    ) -> None:
        jobs = DynamoDbJobs(dynamodb, table, clock=clock)
        made, export = an_import(clock), new_export("anna", ExportOptions(), clock())
        store.create(made)
        jobs.create(export)
        later = clock() + timedelta(seconds=1)

        assert list(store.unfinished(before=later)) == [("anna", made.id)]
        assert list(jobs.unfinished(before=later)) == [("anna", export.id)]
        assert list(store.list("anna", now=clock(), limit=9).imports) == [made]
        assert list(jobs.list("anna", now=clock(), limit=9).jobs) == [export]

    def test_an_image_of_the_stream_is_read(
        self, store: DynamoDbImports, table: str, moto_endpoint: str, clock: FakeClock
    ) -> None:
        job = an_import(clock, salt=b"")
        store.create(job)

        assert import_of_image(self.items(moto_endpoint, table)[f"import#{job.id}"]) == job


def test_the_same_key_may_stand_for_an_export_and_for_an_import(
    dynamodb: AwsJsonClient, table: str, clock: FakeClock
) -> None:
    exports = DynamoDbJobs(dynamodb, table, clock=clock)
    imports = DynamoDbImports(dynamodb, table, clock=clock)
    made, job = new_export("anna", ExportOptions(), clock()), an_import(clock)

    exports.create(made, key=remember("k", made.id, made.options, clock()))
    assert imports.remembered("anna", key_digest("k"), now=clock()) is None
    imports.create(job, key=remember("k", job.id, job.options, clock()))

    assert exports.remembered("anna", key_digest("k"), now=clock()) == remember("k", made.id, made.options, clock())
    assert imports.remembered("anna", key_digest("k"), now=clock()) == remember("k", job.id, job.options, clock())
