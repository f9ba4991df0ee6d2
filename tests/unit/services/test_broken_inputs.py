"""An input that breaks off and had to be whole: its rows are judged and reported, and none is written."""

import json

import pytest
from tests.fakes import FakeBudget
from tests.unit.services.imports import TENANT, Importing, note, options

from waybill.domain import import_keys
from waybill.domain.errors import ImportNotUndoable, InputRefused
from waybill.domain.import_job import ImportJob, ImportPhase, ImportState, RowCounts
from waybill.intake.rows import Problem
from waybill.intake.staged_inputs import Refusal
from waybill.services.import_report import failures_file

REFUSAL = Refusal("truncated", "notes.json: The text ends within a row. Before that there are 4 rows.")
ROWS = [note("a"), {"_id": "b", "text": 7}, Problem("not_json", "", "The row is not JSON."), note("c")]


def broken(importing: Importing, *, dry_run: bool = False) -> ImportJob:
    made = options(archive=False, dry_run=dry_run)
    return importing.create({"notes": ROWS}, made=made, refusal=REFUSAL)


def refused(importing: Importing, job: ImportJob, steps: int | None = None) -> InputRefused:
    """Judge all rows, until the import is refused."""
    try:
        while not importing.validate(job, FakeBudget(steps)):
            pass
    except InputRefused as error:
        return error
    pytest.fail("The import was not refused.")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
def test_all_rows_before_the_break_are_judged_and_reported_and_none_is_written(
    *, steps: int | None, dry_run: bool
) -> None:
    importing = Importing(rows_per_file=1)
    job = broken(importing, dry_run=dry_run)

    error = refused(importing, job, steps)
    assert (str(error), error.reason) == (REFUSAL.sentence, "truncated")
    report = importing.fail(job)

    assert report is not None
    notes = report.doctypes["notes"]
    assert (notes.rows, notes.accepted, notes.failed, notes.written) == (4, 2, 2, 0)
    assert [(fault.row, fault.code) for fault in report.faults] == [(2, "wrong_type"), (3, "not_json")]
    failures = importing.archives.get(failures_file(job.id, notes.failures)).splitlines()
    assert json.loads(failures[0])["_id"] == "b"
    assert len(failures) == 2
    ended = importing.imports.get(TENANT, job.id)
    assert (ended.state, ended.phase) == (ImportState.ERROR, ImportPhase.VALIDATE)
    assert ended.counts == RowCounts(rows=4, accepted=2, failed=2)
    assert not any(importing.sink.items.values())
    assert not list(importing.archives.list(import_keys.work(job.id)))
    with pytest.raises(ImportNotUndoable):
        ended.check_undoable(importing.clock())


def test_a_repeated_step_refuses_the_import_once_more() -> None:
    importing = Importing()
    job = broken(importing)

    first, second = refused(importing, job), refused(importing, job)

    assert str(first) == str(second)
