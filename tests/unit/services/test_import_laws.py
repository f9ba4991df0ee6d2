"""What holds of every import: a dry run tells what the real one does, counts add up, undoing gives back what was."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.services.imports import TENANT, Importing, options

from waybill.domain.import_options import OnConflict
from waybill.intake.rows import Problem
from waybill.services.import_report import DoctypeReport, ImportReport, failures_file

KEYS = st.sampled_from("abcde")
BROKEN = Problem("not_json", "", "The row is not JSON.")
NOTE_ROWS = st.builds(lambda key, text: {"_id": key, "text": text}, KEYS, st.sampled_from(["", "x", 7, None]))
TAG_ROWS = st.builds(lambda key, note: {"_id": key, "note": note}, KEYS, KEYS)
FILE_ROWS = st.builds(
    lambda key, folder, kind: {"_id": key, "type": kind, "dir_id": folder},
    KEYS,
    KEYS | st.none(),
    st.sampled_from(["file", "directory"]),
)
ROWS = st.fixed_dictionaries(
    {
        "files": st.lists(FILE_ROWS, max_size=8),
        "notes": st.lists(NOTE_ROWS | st.just(BROKEN), max_size=8),
        "tags": st.lists(TAG_ROWS, max_size=6),
    }
)
CONTENTS = st.dictionaries(KEYS, st.binary(max_size=4), max_size=4)
THERE = st.fixed_dictionaries(
    {
        "files": st.sets(KEYS, max_size=3),
        "notes": st.sets(KEYS, max_size=3),
        "tags": st.sets(KEYS, max_size=2),
        "contents": st.sets(KEYS, max_size=2),
    }
)
WAYS = st.sampled_from(list(OnConflict))
STEPS = st.none() | st.integers(1, 4)


def product(there: Mapping[str, set[str]], rows_per_file: int) -> Importing:
    """A target that holds some records."""
    importing = Importing(rows_per_file=rows_per_file)
    for doctype in ("files", "notes", "tags"):
        for key in there[doctype]:
            importing.sink.put(TENANT, doctype, key, {"_id": key, "old": True, "type": "file"}, shard=key)
    for key in there["contents"]:
        importing.sink.put_file(TENANT, key, b"old")
    return importing


def state(importing: Importing) -> tuple[object, ...]:
    items = {
        (doctype, key): (json.loads(item.body), item.changed_at, item.others)
        for (_, doctype), each in importing.sink.items.items()
        for key, item in each.items()
    }
    return items, dict(importing.sink.files.objects)


def told(report: ImportReport) -> dict[str, tuple[object, ...]]:
    """What a report says but for what was written."""
    return {
        name: (each.rows, each.accepted, each.skipped, each.failed, each.reasons, each.notices, each.failures)
        for name, each in report.doctypes.items()
    }


def failed_rows(importing: Importing, job_id: str, each: DoctypeReport) -> list[Any]:
    text = importing.archives.get(failures_file(job_id, each.failures)) if each.failures else b""
    return [json.loads(line) for line in text.splitlines()]


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, contents=CONTENTS, there=THERE, way=WAYS, steps=STEPS, size=st.integers(1, 5))
def test_an_import_tells_what_it_does_and_can_be_taken_back(
    *,
    rows: dict[str, list[object]],
    contents: dict[str, bytes],
    there: dict[str, set[str]],
    way: OnConflict,
    steps: int | None,
    size: int,
) -> None:
    importing = product(there, size)
    before = state(importing)

    dry = importing.create(rows, contents=contents, made=options(dry_run=True, on_conflict=way))
    dry_report = importing.run(dry, steps)
    assert state(importing) == before
    real = importing.create(rows, contents=contents, made=options(on_conflict=way))
    report = importing.run(real, steps)

    assert told(dry_report) == told(report)
    assert dry_report.faults == report.faults
    for name, each in report.doctypes.items():
        assert each.rows == len(rows[name]) == each.accepted + each.skipped + each.failed
        assert each.written == each.accepted
        assert len(failed_rows(importing, real.id, each)) == each.failed
        assert failed_rows(importing, dry.id, each) == failed_rows(importing, real.id, each)
    counts = importing.imports.get(TENANT, real.id).counts
    assert counts.rows == counts.accepted + counts.skipped + counts.failed == sum(map(len, rows.values()))

    undone = importing.undo(real, steps)

    assert state(importing) == before
    assert undone.removed + undone.restored == counts.written
    assert undone.changed_since == 0


NO_OTHERS: dict[str, list[object]] = {"notes": [], "tags": []}
IN_ITSELF = [{"_id": "a", "type": "directory", "dir_id": "a"}, {"_id": "a", "type": "directory", "dir_id": None}]
BEHIND = [
    {"_id": "a", "type": "directory", "dir_id": "b"},
    {"_id": "a", "type": "directory", "dir_id": None},
    {"_id": "b", "type": "directory", "dir_id": None},
]


@settings(deadline=None, max_examples=40)
@example(rows={"files": IN_ITSELF, **NO_OTHERS}, contents={}, way=OnConflict.REPLACE, steps=None, size=1)
@example(rows={"files": BEHIND, **NO_OTHERS}, contents={}, way=OnConflict.REPLACE, steps=1, size=5)
@given(rows=ROWS, contents=CONTENTS, way=WAYS, steps=STEPS, size=st.integers(1, 5))
def test_the_same_import_twice_adds_nothing(
    rows: dict[str, list[object]], contents: dict[str, bytes], way: OnConflict, steps: int | None, size: int
) -> None:
    importing = Importing(rows_per_file=size)
    first = importing.create(rows, contents=contents, made=options(on_conflict=way))
    importing.run(first)
    before = state(importing)

    report = importing.run(importing.create(rows, contents=contents, made=options(on_conflict=way)), steps)

    assert state(importing) == before
    if way is OnConflict.FAIL:
        assert all(each.written == 0 for each in report.doctypes.values())
