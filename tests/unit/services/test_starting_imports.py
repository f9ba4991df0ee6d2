"""Creating imports and undoing them: what is checked, what is stored, and what a repeated request finds."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.services.exports import CATALOG, TENANT
from tests.unit.services.import_jobs import Importing

from waybill.domain.catalog import Catalog
from waybill.domain.errors import (
    IdempotencyKeyReused,
    ImportBeingStarted,
    ImportGone,
    ImportNotFound,
    ImportNotUndoable,
    InvalidOptions,
    JobChanged,
    QuotaExceeded,
    StorageUnavailable,
)
from waybill.domain.import_job import ImportState, UndoCounts
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.running_imports import RunningImports

URL = ImportInput(InputKind.URL, "https://example.org/rows.json")


def test_an_import_is_stored_and_its_execution_bears_its_name() -> None:
    world = Importing()

    job = world.create()

    assert world.stored(job) == job
    assert world.workflow.started == [job.id]
    assert world.imports.running(TENANT).ids == (job.id,)
    assert world.metrics.values == {"ImportsStarted": 1}


def test_a_url_needs_no_upload() -> None:
    world = Importing()

    assert world.ask(ImportOptions((URL,))).job.options.inputs == (URL,)


def test_an_unknown_doctype_is_refused_by_name() -> None:
    world = Importing()

    with pytest.raises(InvalidOptions, match=r"'recipes' .* Known: contacts") as caught:
        world.ask(replace(world.options, doctype="recipes"))

    assert caught.value.pointer == "/data/attributes/doctype"
    assert world.imports.jobs == {}


def test_a_doctype_that_the_catalog_does_not_let_in_is_refused() -> None:
    doctypes = {name: replace(each, imported=name != "contacts") for name, each in CATALOG.doctypes.items()}
    world = Importing(catalog=Catalog(doctypes))

    with pytest.raises(InvalidOptions, match=r"'contacts' is not imported here. Known: pictures, todos"):
        world.create()


@pytest.mark.parametrize("kind", ["unknown", "of another tenant", "no id", "expired", "incomplete"])
def test_an_upload_that_cannot_be_taken_is_refused_with_its_place(kind: str) -> None:
    world = Importing()
    complete = world.upload.id
    named = {
        "unknown": "0" * 32,
        "of another tenant": world.uploaded("bert").id,
        "no id": "../../etc/passwd",
        "expired": world.upload.id,
        "incomplete": world.uploaded(complete=False).id,
    }[kind]
    if kind == "expired":
        world.clock.advance(days=7)
    inputs = (ImportInput(InputKind.UPLOAD, complete), URL, ImportInput(InputKind.UPLOAD, named))

    with pytest.raises(InvalidOptions) as caught:
        world.ask(ImportOptions(inputs if kind != "expired" else inputs[1:]))

    assert caught.value.pointer == ("/1" if kind == "expired" else "/2")
    assert world.imports.jobs == {}


class TestIdempotencyKey:
    def test_a_repeated_request_gets_the_same_import(self) -> None:
        world = Importing(most_running=1)
        first = world.ask(key="k")

        again = world.ask(key="k")

        assert (first.replayed, again.replayed) == (False, True)
        assert again.job == first.job
        assert world.workflow.started == [first.job.id]

    def test_a_repeated_request_gets_it_also_when_it_is_done_and_its_upload_is_gone(self) -> None:
        world = Importing()
        job = world.finish(world.create(key="k"))
        world.uploads.delete(TENANT, world.upload.id)

        assert world.ask(key="k").job == job

    def test_with_other_options_the_key_is_refused(self) -> None:
        world = Importing()
        world.create(key="k")

        with pytest.raises(IdempotencyKeyReused):
            world.create(key="k", dry_run=True)

    def test_the_key_of_a_deleted_import_is_gone(self) -> None:
        world = Importing()
        world.delete(world.create(key="k"))

        with pytest.raises(ImportGone):
            world.ask(key="k")

    def test_the_key_of_an_import_whose_record_is_gone_is_gone_too(self) -> None:
        world = Importing()
        world.create(key="k")
        world.imports.jobs.clear()

        with pytest.raises(ImportGone):
            world.ask(key="k")

    def test_an_import_whose_request_died_is_started_by_the_next_one(self) -> None:
        world = Importing()
        job = world.create(key="k")
        world.workflow.started.clear()

        with pytest.raises(ImportBeingStarted):
            world.ask(key="k")
        world.clock.advance(seconds=30)

        assert world.ask(key="k").job == job
        assert world.workflow.started == [job.id]

    def test_a_refused_request_leaves_its_key_free(self) -> None:
        world = Importing()
        with pytest.raises(InvalidOptions):
            world.ask(replace(world.options, doctype="recipes"), key="k")

        assert not world.ask(key="k").replayed


class TestPlaces:
    def test_over_the_limit_an_import_is_refused_and_told_when_to_come_again(self) -> None:
        world = Importing(most_running=1)
        world.create()

        with pytest.raises(QuotaExceeded) as caught:
            world.create()

        assert caught.value.retry_after == 30
        assert world.metrics.values["ImportsRefused"] == 1
        assert len(world.imports.jobs) == 1

    @pytest.mark.parametrize("end", ["done", "failed", "deleted", "removed by the TTL", "expired"])
    def test_an_import_that_does_not_run_any_more_frees_its_place(self, end: str) -> None:
        world = Importing(most_running=1)
        job = world.create()
        if end == "done":
            world.finish(job)
        elif end == "failed":
            world.fail(job)
        elif end == "deleted":
            world.delete(job)
        elif end == "removed by the TTL":
            world.imports.jobs.clear()
        else:
            world.clock.advance(days=7)
            world.upload = world.uploaded()

        later = world.create()

        assert world.imports.running(TENANT) == RunningImports(TENANT, 2, (later.id,))

    def test_an_import_that_is_being_undone_takes_a_place(self) -> None:
        world = Importing(most_running=1)
        done = world.finish(world.create())
        world.create()

        with pytest.raises(QuotaExceeded):
            world.undo(done)

        assert world.stored(done) == done

    def test_who_comes_first_while_another_is_stored_gets_the_place(self) -> None:
        world = Importing(most_running=1)
        create = world.imports.create

        def late(job: Any, **more: Any) -> None:
            world.imports.create = create  # type: ignore[method-assign]
            world.create()
            create(job, **more)

        world.imports.create = late  # type: ignore[method-assign]
        with pytest.raises(QuotaExceeded):
            world.create()

        assert len(world.imports.jobs) == 1

    def test_who_never_gets_his_turn_is_told_to_come_again(self) -> None:
        world = Importing()
        world.imports.fail_on["create"] = JobChanged("Others came first.")

        with pytest.raises(JobChanged, match="same time"):
            world.create()


class TestWorkflowThatCannotBeStarted:
    def test_the_import_ends_in_error_and_place_and_key_are_given_back(self) -> None:
        world = Importing()
        world.workflow.fail_on["start"] = StorageUnavailable("Not now.")

        with pytest.raises(StorageUnavailable):
            world.ask(key="k")

        (failed,) = world.imports.jobs.values()
        assert (failed.state, failed.error_code) == (ImportState.ERROR, "not_started")
        assert world.imports.running(TENANT).ids == ()
        world.workflow.fail_on.clear()
        assert not world.ask(key="k").replayed

    def test_an_import_that_could_not_be_undone_is_what_it_was(self) -> None:
        world = Importing()
        done = world.finish(world.create())
        broken = world.load(world.create())
        failed = world.fail(broken)
        world.workflow.fail_on["start"] = StorageUnavailable("Not now.")

        for job in (done, failed):
            with pytest.raises(StorageUnavailable):
                world.undo(job)
            assert replace(world.stored(job), rev=job.rev, undos=0) == job

    def test_what_somebody_else_has_changed_meanwhile_stands(self) -> None:
        world = Importing()
        start = world.workflow.start

        def deleted_before(job: Any) -> None:
            world.imports.replace(job.deleted(world.clock()))
            raise StorageUnavailable("Not now.")

        world.workflow.start = deleted_before  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            world.create()
        world.workflow.start = start  # type: ignore[method-assign]

        (job,) = world.imports.jobs.values()
        assert job.state is ImportState.DELETED


class TestUndoing:
    def test_an_import_that_is_done_is_undone_by_an_execution_of_its_own(self) -> None:
        world = Importing()
        done = world.finish(world.create())

        undoing = world.undo(done)

        assert (undoing.state, undoing.undo) == (ImportState.UNDOING, UndoCounts())
        assert world.workflow.started == [done.id, f"{done.id}-undo"]
        assert world.imports.running(TENANT).ids == (done.id,)

    def test_a_repeated_request_changes_nothing_and_starts_what_is_not_started(self) -> None:
        world = Importing()
        undoing = world.undo(world.finish(world.create()))
        world.workflow.started.clear()

        assert world.undo(undoing) == undoing
        assert world.workflow.started == [undoing.execution]

    def test_an_undoing_that_failed_can_be_begun_again(self) -> None:
        world = Importing()
        undoing = world.undo(world.finish(world.create()))
        failed = world.fail(undoing, undo=1)
        assert (failed.state, failed.error_code) == (ImportState.ERROR, "undo_failed")

        assert world.undo(failed).execution == f"{failed.id}-undo-2"

    def test_what_runs_is_not_undone(self) -> None:
        world = Importing()
        job = world.create()

        with pytest.raises(ImportNotUndoable):
            world.undo(job)

    @pytest.mark.parametrize("import_id", ["0" * 32, "none", ""])
    def test_an_unknown_import_is_not_found(self, import_id: str) -> None:
        world = Importing()
        job = world.create()

        with pytest.raises(ImportNotFound):
            world.undo(replace(job, id=import_id))

    def test_who_is_always_overtaken_is_told_to_come_again(self) -> None:
        world = Importing()
        done = world.finish(world.create())
        world.imports.fail_on["replace"] = JobChanged("Others came first.")

        with pytest.raises(JobChanged, match="Undo it again"):
            world.undo(done)
