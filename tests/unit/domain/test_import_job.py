"""What may become of an import, and when."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waybill.domain.errors import ImportGone, ImportNotUndoable, QuotaExceeded
from waybill.domain.import_job import (
    ImportJob,
    ImportPhase,
    ImportState,
    RowCounts,
    UndoCounts,
    lost_import,
    new_import,
)
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.import_progress import percentage
from waybill.domain.receipt import Reason
from waybill.domain.running_imports import RunningImports

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OPTIONS = ImportOptions((ImportInput(InputKind.URL, "https://example.org/secret"),), max_age=86_400_000_000_000)
COUNTS = RowCounts(rows=3, accepted=2, failed=1, written=2)


def an_import(**options: Any) -> ImportJob:
    return new_import("alice", replace(OPTIONS, **options), NOW)


def test_a_new_import_runs_and_expires_after_its_max_age() -> None:
    job = an_import()

    assert (job.state, job.phase, job.rev) == (ImportState.IMPORTING, ImportPhase.STAGE, 1)
    assert job.expires_at == NOW + timedelta(days=1)
    assert job.execution == job.id
    assert not job.at_rest


def test_what_was_once_partial_stays_so() -> None:
    job = an_import().changed(phase=ImportPhase.VALIDATE, counts=COUNTS, partial=True)

    assert job.changed(phase=ImportPhase.LOAD, counts=COUNTS).partial


def test_an_import_that_ends_tells_how_long_it_took_in_nanoseconds() -> None:
    later = NOW + timedelta(seconds=2)

    assert an_import().finished(later, COUNTS).creation_duration == 2_000_000_000
    assert an_import().failed(later, "No.").creation_duration == 2_000_000_000


def test_every_try_to_undo_has_an_execution_of_its_own() -> None:
    first = an_import().finished(NOW, COUNTS).undoing()
    second = first.failed(NOW, "No.", "undo_failed").undoing()

    assert [first.execution, second.execution] == [f"{first.id}-undo", f"{first.id}-undo-2"]
    assert second.executions == (first.id, f"{first.id}-undo-2")
    undone = second.undone(UndoCounts(removed=2))
    assert (second.undo, undone.error, undone.error_code) == (UndoCounts(), "", "")
    assert undone.executions == second.executions


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda job: job, "running"),
        (lambda job: job.finished(NOW, COUNTS).undoing(), "undoing already"),
        (lambda job: job.finished(NOW, COUNTS).undoing().undone(UndoCounts()), "undone already"),
        (lambda job: job.failed(NOW, "No."), "before it wrote anything"),
        (lambda job: replace(job.finished(NOW, COUNTS), options=replace(OPTIONS, dry_run=True)), "dry run"),
    ],
)
def test_only_what_has_ended_and_wrote_can_be_undone(change: Callable[[ImportJob], ImportJob], sentence: str) -> None:
    with pytest.raises(ImportNotUndoable, match=sentence):
        change(an_import()).check_undoable(NOW)


def test_an_import_that_broke_off_half_way_can_be_undone() -> None:
    an_import().changed(phase=ImportPhase.LOAD, counts=COUNTS).failed(NOW, "No.").check_undoable(NOW)


def test_an_import_that_could_not_be_undone_is_what_it_was() -> None:
    done = an_import().changed(phase=ImportPhase.LOAD, counts=COUNTS).finished(NOW, COUNTS)
    failed = an_import().changed(phase=ImportPhase.LOAD, counts=COUNTS).failed(NOW, "No.")

    for job in (done, failed):
        assert replace(job.undoing().not_undone(), rev=job.rev, undos=0) == job


@pytest.mark.parametrize(
    ("phase", "counts", "undo", "expected"),
    [
        (ImportPhase.STAGE, RowCounts(rows=9), None, 0),
        (ImportPhase.VALIDATE, RowCounts(rows=8, accepted=1, skipped=1, failed=2), None, 40),
        (ImportPhase.VALIDATE, RowCounts(), None, 20),
        (ImportPhase.LOAD, RowCounts(rows=8, accepted=4, written=2), None, 79),
        (ImportPhase.LOAD, RowCounts(rows=8, accepted=4, written=4), None, 99),
        (ImportPhase.UNDO, RowCounts(rows=8, accepted=4, written=4), UndoCounts(1, 1, 0), 49),
        (ImportPhase.UNDO, RowCounts(), UndoCounts(9, 9, 9), 0),
    ],
)
def test_progress_is_told_by_what_the_steps_have_noted(
    phase: ImportPhase, counts: RowCounts, undo: UndoCounts | None, expected: int
) -> None:
    assert percentage(replace(an_import(), phase=phase, counts=counts, undo=undo)) == expected


def test_a_tombstone_keeps_what_was_written_and_neither_secret_nor_address() -> None:
    tombstone = an_import().finished(NOW, COUNTS).deleted(NOW)

    assert (tombstone.counts, tombstone.salt, tombstone.options.inputs) == (COUNTS, b"", ())
    assert tombstone.receipt is not None
    assert (tombstone.receipt.reason, tombstone.receipt.state) == (Reason.DELETED, "done")
    assert tombstone.deleted(NOW) is tombstone
    with pytest.raises(ImportGone, match="was deleted"):
        tombstone.check_not_gone(NOW)


def test_whoever_removes_an_expired_import_its_receipt_says_so() -> None:
    job = an_import()
    late = job.expires_at

    for tombstone in (job.deleted(late), lost_import("alice", job.id, late)):
        assert tombstone.receipt is not None
        assert tombstone.receipt.reason is Reason.EXPIRED
        with pytest.raises(ImportGone, match="has expired"):
            tombstone.check_not_gone(late)
    assert lost_import("alice", job.id, late).created_at == NOW


def test_a_place_is_taken_once_and_given_back() -> None:
    running = RunningImports("alice").with_one_more("a").with_one_more("b").with_one_more("a")

    assert running == RunningImports("alice", 3, ("b", "a"))
    assert running.with_one_less("b") == RunningImports("alice", 4, ("a",))
    assert running.without({"a", "b"}) == RunningImports("alice", 3, ())


def test_who_has_no_place_is_told_when_to_come_again() -> None:
    running = RunningImports("alice", 1, ("a", "b"))

    running.check_place(3)
    with pytest.raises(QuotaExceeded, match="2 imports running") as caught:
        running.check_place(2)
    assert caught.value.retry_after == 30
