"""How imports end: they fail, are deleted, expire, or are found stuck by the sweep."""

from typing import Any

import pytest
from tests.fakes import FakeBudget
from tests.unit.services.exports import TENANT
from tests.unit.services.import_jobs import Importing

from waybill.domain import import_keys
from waybill.domain.errors import (
    ImportEnded,
    ImportGone,
    ImportNotFound,
    ImportWriting,
    JobChanged,
    StorageUnavailable,
    SweepIncomplete,
)
from waybill.domain.import_job import ImportJob, ImportState, UndoCounts
from waybill.domain.receipt import Reason, Receipt
from waybill.ports import ImportFailure
from waybill.services.delete_import import delete_import
from waybill.services.expire_import import expire_import
from waybill.services.find_import import find_import
from waybill.services.finish_undo import finish_undo
from waybill.services.sweep_imports import sweep_imports
from waybill.services.undo_rows import Undoing
from waybill.services.work_files import save


def with_objects(world: Importing, job: ImportJob) -> ImportJob:
    """Give an import an object of its work, and a report."""
    world.archives.objects[import_keys.seen(job.id)] = b"work"
    world.archives.objects[import_keys.report(job.id)] = b"report"
    return job


def left(world: Importing, job: ImportJob) -> set[str]:
    return {key.removeprefix(import_keys.prefix(job.id)) for key in world.archives.objects}


class TestFailing:
    def test_it_has_the_words_and_the_code_of_the_step_and_staged_rows_are_gone(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())
        world.imports.note_failure(TENANT, job.id, ImportFailure("Input 1 is no archive.", "unknown_format"))

        failed = world.fail(job)

        assert (failed.state, failed.error, failed.error_code) == (
            ImportState.ERROR,
            "Input 1 is no archive.",
            "unknown_format",
        )
        assert left(world, job) == {"report.json"}
        assert world.imports.failures == {}
        assert world.metrics.values["ImportsFailed"] == 1

    def test_a_step_that_left_no_words_is_named_by_its_error(self) -> None:
        world = Importing()

        failed = world.fail(world.create(), "States.Timeout")

        assert "States.Timeout" in failed.error
        assert failed.error_code == "import_failed"

    @pytest.mark.parametrize("undo", [0, 2])
    def test_a_late_or_repeated_call_changes_nothing(self, undo: int) -> None:
        world = Importing()
        undoing = world.undo(world.finish(world.create()))

        assert world.fail(undoing, undo=undo) == undoing
        undone = undoing.undone(UndoCounts(removed=2))
        world.imports.replace(undone)
        assert world.fail(undone, undo=1) == undone
        assert "ImportsFailed" not in world.metrics.values


class TestFinishingAnUndo:
    def finish(self, world: Importing, job: ImportJob) -> ImportJob:
        finish_undo(
            TENANT,
            job.id,
            imports=world.imports,
            archives=world.archives,
            clock=world.clock,
            metrics=world.metrics,
        )
        return world.stored(job)

    def test_it_is_undone_once_with_what_undoing_did_and_work_is_gone(self) -> None:
        world = Importing()
        undoing = with_objects(world, world.undo(world.finish(world.create())))
        counts = UndoCounts(removed=1, changed_since=1)
        save(world.archives, import_keys.undoing(undoing.id), Undoing(removed=1, changed_since=1, done=True))

        for _ in range(2):
            undone = self.finish(world, undoing)
            assert (undone.state, undone.undo) == (ImportState.UNDONE, counts)
        assert left(world, undoing) == {"report.json"}
        assert world.metrics.values["ImportsUndone"] == 1

    def test_of_an_import_that_was_deleted_meanwhile_nothing_is_left(self) -> None:
        world = Importing()
        undoing = world.undo(world.finish(world.create()))
        world.imports.replace(undoing.deleted(world.clock()))

        with pytest.raises(ImportGone):
            self.finish(world, undoing)


class TestDeleting:
    def test_it_is_stopped_and_all_of_it_is_removed_and_the_receipt_says_so(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())

        tombstone = world.delete(job)

        expected = Receipt(world.clock(), Reason.DELETED, "importing", objects=2, bytes=10, complete=True)
        assert tombstone.receipt == expected
        assert world.workflow.stopped == [job.id]
        assert world.archives.objects == {}
        assert world.stored(job) == tombstone
        with pytest.raises(ImportGone):
            find_import(TENANT, job.id, imports=world.imports, clock=world.clock)

    def test_repeating_it_changes_nothing_but_removes_what_came_late(self) -> None:
        world = Importing()
        job = world.create()
        tombstone = world.delete(job)
        with_objects(world, job)
        world.clock.advance(hours=1)

        assert world.delete(job) == tombstone
        assert world.archives.objects == {}

    def test_a_removal_that_was_cut_short_is_gone_on_with(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())
        world.archives.fail_on[import_keys.report(job.id)] = StorageUnavailable("Not now.")
        with pytest.raises(StorageUnavailable):
            world.delete(job)
        world.archives.fail_on.clear()

        receipt = world.delete(job).receipt

        assert receipt is not None
        assert (receipt.objects, receipt.bytes, receipt.complete) == (2, 10, True)

    def test_what_is_writing_is_left_to_end(self) -> None:
        world = Importing()
        loading = world.load(world.create())
        undoing = world.undo(world.finish(world.create()))

        for job in (loading, undoing):
            with pytest.raises(ImportWriting):
                world.delete(job)
            assert world.stored(job) == job

    def test_a_dry_run_writes_nothing_and_can_be_deleted_at_any_time(self) -> None:
        world = Importing()
        job = world.load(world.create(dry_run=True))

        assert world.delete(job).state is ImportState.DELETED

    def test_a_step_that_overtakes_the_deletion_is_seen(self) -> None:
        world = Importing()
        job = world.create()
        replace_ = world.imports.replace

        def late(changed: ImportJob, **more: Any) -> None:
            world.imports.replace = replace_  # type: ignore[method-assign]
            world.load(job)
            replace_(changed, **more)

        world.imports.replace = late  # type: ignore[method-assign, assignment]

        with pytest.raises(ImportWriting):
            world.delete(job)

    def test_only_to_cancel_leaves_what_has_ended(self) -> None:
        world = Importing()
        running, done = world.create(), world.finish(world.create())

        assert world.delete(running, only_running=True).state is ImportState.DELETED
        assert world.delete(running, only_running=True).state is ImportState.DELETED
        with pytest.raises(ImportEnded):
            world.delete(done, only_running=True)

    @pytest.mark.parametrize("tenant", [TENANT, "bert"])
    def test_an_unknown_import_and_another_tenants_are_not_found(self, tenant: str) -> None:
        world = Importing()
        job = world.create()

        with pytest.raises(ImportNotFound):
            delete_import(
                tenant,
                "0" * 32 if tenant == TENANT else job.id,
                imports=world.imports,
                workflow=world.workflow,
                archives=world.archives,
                clock=world.clock,
            )

    def test_an_import_whose_record_the_ttl_has_removed_gets_its_tombstone(self) -> None:
        world = Importing()
        job = world.create()
        world.imports.jobs.clear()

        with pytest.raises(ImportGone, match="has expired"):
            find_import(TENANT, job.id, imports=world.imports, clock=world.clock)
        receipt = world.delete(job).receipt

        assert receipt is not None
        assert (receipt.reason, receipt.state) == (Reason.EXPIRED, None)

    def test_who_is_always_overtaken_is_told_to_come_again(self) -> None:
        world = Importing()
        job = world.create()
        world.imports.fail_on["replace"] = JobChanged("Others came first.")

        with pytest.raises(JobChanged, match="Delete it again"):
            world.delete(job)


class TestExpiring:
    def expire(self, world: Importing, job: ImportJob, known: ImportJob | None = None) -> bool:
        return expire_import(
            TENANT,
            job.id,
            known=known,
            imports=world.imports,
            workflow=world.workflow,
            archives=world.archives,
            clock=world.clock,
            metrics=world.metrics,
        )

    def test_what_the_ttl_has_removed_leaves_a_tombstone_and_nothing_else(self) -> None:
        world = Importing()
        job = with_objects(world, world.finish(world.create()))
        world.clock.now = job.expires_at
        world.imports.jobs.clear()

        assert self.expire(world, job, known=job)
        assert self.expire(world, job, known=job)

        receipt = world.stored(job).receipt
        assert receipt is not None
        assert (receipt.reason, receipt.state, receipt.objects) == (Reason.EXPIRED, "done", 2)
        assert world.archives.objects == {}
        assert world.metrics.values["ImportsExpired"] == 1

    def test_old_news_of_an_import_that_stands_are_let_pass(self) -> None:
        world = Importing()
        job = world.finish(world.create())

        assert not self.expire(world, job, known=job)
        assert world.stored(job) == job


class TestSweeping:
    def test_an_import_without_an_execution_is_started(self) -> None:
        world = Importing()
        job = world.create()
        world.workflow.started.clear()
        world.clock.advance(minutes=15, seconds=1)

        assert world.sweep().healed == 1
        assert world.workflow.started == [job.id]

    def test_an_import_whose_execution_has_ended_ends_with_a_reason(self) -> None:
        world = Importing()
        silent, told = (with_objects(world, world.create()) for _ in range(2))
        world.imports.note_failure(TENANT, told.id, ImportFailure("The table is gone.", "storage_unavailable"))
        world.workflow.running.clear()
        world.clock.advance(minutes=15, seconds=1)

        assert world.sweep().failed == 2
        assert [world.stored(job).error_code for job in (silent, told)] == ["import_stopped", "storage_unavailable"]
        assert set(world.archives.objects) == {import_keys.report(job.id) for job in (silent, told)}

    def test_an_undoing_is_revived_too(self) -> None:
        world = Importing()
        undoing = world.undo(world.finish(world.create()))
        world.workflow.started.remove(undoing.execution)
        world.clock.advance(minutes=15, seconds=1)

        assert world.sweep().healed == 1

        world.workflow.running.clear()
        assert world.sweep().failed == 1
        assert world.stored(undoing).state is ImportState.ERROR

    def test_what_runs_or_is_young_or_has_ended_is_left_alone(self) -> None:
        world = Importing()
        running, done = world.create(), world.finish(world.create())
        world.clock.advance(minutes=16)
        young = world.create()
        world.workflow.started.remove(young.id)

        assert world.sweep().fine == 1
        assert [world.stored(job) for job in (running, done, young)] == [running, done, young]

    def test_an_expired_import_is_removed(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())
        world.clock.advance(days=7)

        swept = world.sweep()

        assert (swept.removed, swept.whole) == (1, True)
        assert world.archives.objects == {}
        assert world.stored(job).state is ImportState.DELETED

    def test_a_removal_that_was_cut_short_is_completed(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())
        world.imports.replace(job.deleted(world.clock()))
        world.clock.advance(minutes=16)

        assert world.sweep().removed == 1
        assert world.archives.objects == {}

    def test_objects_of_an_import_that_nobody_knows_go_after_an_hour(self) -> None:
        world = Importing()
        job = with_objects(world, world.create())
        world.imports.jobs.clear()
        world.imports.owners.clear()

        assert world.sweep().cleared == 0
        world.clock.advance(hours=1)
        assert world.sweep().cleared == 1
        assert left(world, job) == set()

    def test_staged_rows_of_an_import_that_has_ended_are_removed(self) -> None:
        world = Importing()
        job = with_objects(world, world.finish(world.create()))

        assert world.sweep().cleared == 1
        assert left(world, job) == {"report.json"}
        assert world.sweep().fine == 1

    def test_one_that_cannot_be_put_in_order_does_not_hold_up_the_others(self) -> None:
        world = Importing()
        first, second = (with_objects(world, world.create()) for _ in range(2))
        world.clock.advance(days=7)
        world.archives.fail_on[import_keys.report(first.id)] = StorageUnavailable("Not now.")

        with pytest.raises(SweepIncomplete):
            world.sweep()

        assert left(world, second) & {import_keys.report(second.id)} == set()
        assert world.stored(second).at_rest

    def test_it_stops_when_its_time_is_used(self) -> None:
        world = Importing()
        for _ in range(3):
            with_objects(world, world.create())

        swept = sweep_imports(
            imports=world.imports,
            workflow=world.workflow,
            archives=world.archives,
            clock=world.clock,
            metrics=world.metrics,
            budget=FakeBudget(2),
        )

        assert not swept.whole
        assert world.metrics.values["SweepsCutShort"] == 1

    def test_an_import_that_comes_to_its_end_meanwhile_is_left_so(self) -> None:
        world = Importing()
        job = world.create()
        world.workflow.running.clear()
        world.clock.advance(minutes=16)
        replace_ = world.imports.replace

        def late(changed: ImportJob, **more: Any) -> None:
            world.imports.replace = replace_  # type: ignore[method-assign]
            world.finish(job)
            replace_(changed, **more)

        world.imports.replace = late  # type: ignore[method-assign, assignment]

        assert world.sweep().failed == 0
        assert world.stored(job).state is ImportState.DONE
