"""Imports that are interrupted, meet what the product writes meanwhile, and are taken back."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from tests.fakes import FakeBudget
from tests.unit.rules.court import ROOM, USER
from tests.unit.services.imports import TENANT, Importing, note, options

from waybill.domain import import_keys
from waybill.domain.errors import ImportGone, StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportState, UndoCounts
from waybill.domain.import_options import OnConflict
from waybill.domain.receipt import Reason, Receipt
from waybill.services import load_rows as loading
from waybill.services.import_report import failures_file

NOTES: Sequence[dict[str, object]] = [note(key, "ours") for key in "abcdefg"]
REPLACE = options(on_conflict=OnConflict.REPLACE)
FILES: Sequence[object] = [{"_id": key, "type": "file", "name": key} for key in "abc"]
BAD = {"_id": "z", "text": 7}


@pytest.fixture
def importing() -> Importing:
    return Importing()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    monkeypatch.setattr(loading, "CHUNK_CONTENTS", 2)


class Died(Exception):
    """A function that is no more."""


def dying(importing: Importing, method: str, call: int, *, after: bool = False) -> None:
    """Let the function die in the ``call``-th call of a method of the target: before it, or behind what it did."""
    calls = 0
    original = getattr(importing.sink, method)

    def dies(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Died
        done = original(*arguments, **named)
        if calls == call:
            raise Died
        return done

    setattr(importing.sink, method, dies)


@contextmanager
def meanwhile(importing: Importing, method: str, act: Callable[[], None]) -> Iterator[None]:
    """Have the product do something once, right before the target is asked for something the next time."""
    acted = False

    def hear(called: str) -> None:
        nonlocal acted
        if called == method and not acted:
            acted = True
            act()

    importing.sink.hear = hear
    yield
    importing.sink.hear = lambda method: None
    assert acted


def state_of(importing: Importing) -> tuple[object, ...]:
    """All that a tenant has in the target, but for what the import marks it with."""
    items = {
        (doctype, key): (json.loads(item.body), item.changed_at, item.others)
        for (_, doctype), each in importing.sink.items.items()
        for key, item in each.items()
    }
    return items, dict(importing.sink.files.objects), set(importing.sink.holders)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.usefixtures("small_chunks")
def test_pauses_change_nothing(steps: int) -> None:
    rows = {"notes": [*NOTES, note("a", "again"), BAD], "files": FILES}
    paused, whole = Importing(), Importing()
    contents = {key: f"content of {key}".encode() for key in "abc"}

    reports = [
        importing.run(importing.create(rows, contents=contents), pause)
        for importing, pause in ((paused, steps), (whole, None))
    ]

    assert reports[0] == reports[1]
    assert state_of(paused) == state_of(whole)
    assert reports[0].doctypes["notes"].written == 7


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.usefixtures("small_chunks")
def test_a_function_that_dies_while_it_writes_is_followed_by_one_that_ends_the_work(call: int, after: bool) -> None:
    importing = Importing()
    importing.sink.put(TENANT, "notes", "b", note("b", "the product's"), shard="7")
    before = state_of(importing)
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)
    dying(importing, "write", call, after=after)

    with pytest.raises(Died):
        importing.load(job)
    importing.load(job)
    report = importing.finish(job)

    assert report.doctypes["notes"].written == 7
    assert importing.sink.bodies(TENANT, "notes") == {each["_id"]: each for each in NOTES}
    assert importing.undo(job) == UndoCounts(removed=6, restored=1)
    assert state_of(importing) == before


@pytest.mark.parametrize(
    ("method", "call", "after"),
    [(method, call, after) for method in ("put_content", "keep_content") for call in (1, 2) for after in (False, True)],
)
@pytest.mark.usefixtures("small_chunks")
def test_a_function_that_dies_while_it_copies_contents(method: str, call: int, after: bool) -> None:
    importing = Importing()
    for key in "ab":
        importing.sink.put(TENANT, "files", key, {"_id": key, "type": "file", "name": "old"})
        importing.sink.put_file(TENANT, key, b"old")
    before = state_of(importing)
    contents = {key: f"new {key}".encode() for key in "abc"}
    job = importing.create({"files": FILES}, contents=contents, made=REPLACE)
    importing.validate(job)
    dying(importing, method, call, after=after)

    with pytest.raises(Died):
        importing.load(job)
    importing.load(job)
    importing.finish(job)

    assert importing.sink.files.objects == {f"alice/{key}": content for key, content in contents.items()}
    assert importing.undo(job) == UndoCounts(removed=1, restored=2)
    assert state_of(importing) == before


def test_the_journal_stands_before_anything_is_written(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", note("b", "the product's"))
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)
    dying(importing, "write", 1)

    with pytest.raises(Died):
        importing.load(job)

    entries = [info.key for info in importing.archives.list(import_keys.journal(job.id))]
    assert len(entries) == 1
    assert b"the product's" in importing.archives.get(entries[0])


def test_an_entry_of_the_journal_is_never_made_of_what_the_import_wrote_itself(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", note("b", "the product's"))
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)
    dying(importing, "write", 1, after=True)
    with pytest.raises(Died):
        importing.load(job)

    importing.load(job)

    for info in importing.archives.list(import_keys.journal(job.id)):
        assert job.id.encode() not in importing.archives.get(info.key)


@pytest.mark.parametrize(
    ("way", "counts", "text"),
    [
        (OnConflict.FAIL, (6, 0, 1), "newer"),
        (OnConflict.SKIP, (6, 1, 0), "newer"),
        (OnConflict.REPLACE, (7, 0, 0), "ours"),
    ],
)
def test_a_record_that_comes_between_judging_and_writing(
    importing: Importing, way: OnConflict, counts: tuple[int, int, int], text: str
) -> None:
    job = importing.create({"notes": NOTES}, made=options(on_conflict=way))
    importing.validate(job)
    importing.sink.put(TENANT, "notes", "c", note("c", "newer"))

    importing.load(job)
    report = importing.finish(job)

    notes = report.doctypes["notes"]
    assert (notes.written, notes.skipped, notes.failed) == counts
    assert notes.rows == notes.accepted + notes.skipped + notes.failed
    assert notes.written == notes.accepted
    assert importing.sink.bodies(TENANT, "notes")["c"] == note("c", text)
    if way is OnConflict.FAIL:
        assert [(each.row, each.code) for each in report.faults] == [(3, "exists")]
        failed = json.loads(importing.archives.get(failures_file(job.id, notes.failures)))
        assert (failed["_id"], failed["_waybill_error"]["code"]) == ("c", "exists")
    importing.undo(job)
    assert importing.sink.bodies(TENANT, "notes") == {"c": note("c", "newer")}


def test_a_record_that_changes_between_noting_and_replacing_it_is_noted_again(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", note("b", "old"))
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)

    with meanwhile(importing, "write", lambda: importing.sink.put(TENANT, "notes", "b", note("b", "newer"))):
        importing.load(job)
    importing.finish(job)

    assert importing.sink.bodies(TENANT, "notes")["b"] == note("b", "ours")
    assert importing.undo(job) == UndoCounts(removed=6, restored=1)
    assert importing.sink.bodies(TENANT, "notes") == {"b": note("b", "newer")}


def test_a_record_that_changes_all_the_time_is_given_up(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", note("b", "0"))
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)
    writes = 0

    def hear(method: str) -> None:
        nonlocal writes
        writes += method == "write"
        importing.sink.put(TENANT, "notes", "b", note("b", str(writes)))

    importing.sink.hear = hear
    importing.load(job)
    importing.sink.hear = lambda method: None
    report = importing.finish(job)

    assert report.doctypes["notes"].reasons == {"changed_meanwhile": 1}
    assert report.doctypes["notes"].written == 6
    importing.undo(job)
    assert list(importing.sink.bodies(TENANT, "notes")) == ["b"]


def test_a_record_that_goes_between_judging_and_replacing_is_written_as_new(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", note("b", "old"))
    job = importing.create({"notes": NOTES}, made=REPLACE)
    importing.validate(job)

    def removes() -> None:
        importing.sink.items[TENANT, "notes"].pop("b", None)

    with meanwhile(importing, "write", removes):
        importing.load(job)
    importing.finish(job)

    assert importing.sink.bodies(TENANT, "notes")["b"] == note("b", "ours")
    assert importing.undo(job) == UndoCounts(removed=7)


def test_a_value_that_is_taken_between_judging_and_writing(importing: Importing) -> None:
    job = importing.create({"users": [USER], "rooms": [{**ROOM, "ParticipantEmails": [USER["Email"]]}]})
    importing.validate(job)
    other = importing.create({"users": [{**USER, "Email": "eve@example.com"}]})
    importing.run(other)

    importing.load(job)
    report = importing.finish(job)

    assert report.doctypes["users"].reasons == {"taken": 1}
    assert report.doctypes["rooms"].written == 1
    assert [(remark.code, remark.sentence[:60]) for remark in report.remarks] == [
        ("taken_meanwhile", "Of users 1 rows were accepted and then not written, because ")
    ], "A room that refers to the user is written, and that is said."
    assert list(importing.sink.bodies(TENANT, "users")) == ["eve@example.com"]


@pytest.mark.parametrize("way", list(OnConflict))
def test_a_content_that_comes_between_judging_and_writing(importing: Importing, way: OnConflict) -> None:
    job = importing.create({"files": FILES}, contents={"b": b"ours"}, made=options(on_conflict=way))
    importing.validate(job)
    importing.sink.put_file(TENANT, "b", b"newer")

    importing.load(job)
    report = importing.finish(job)

    replaced = way is OnConflict.REPLACE
    assert importing.sink.files.objects == {"alice/b": b"ours" if replaced else b"newer"}
    assert report.doctypes["files"].written == (3 if replaced else 2)
    importing.undo(job)
    assert importing.sink.files.objects == {"alice/b": b"newer"}
    assert importing.sink.bodies(TENANT, "files") == {}


def test_the_content_of_a_row_that_is_refused_goes_again(importing: Importing) -> None:
    job = importing.create({"files": FILES}, contents={"b": b"ours"})
    importing.validate(job)

    with meanwhile(importing, "write", lambda: importing.sink.put(TENANT, "files", "b", {"_id": "b"})):
        importing.load(job)
    report = importing.finish(job)

    assert importing.sink.files.objects == {}
    assert report.doctypes["files"].reasons["exists"] == 1


def test_undoing_leaves_what_was_changed_since_and_says_so(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "a", note("a", "old"))
    importing.sink.put(TENANT, "notes", "b", note("b", "old"))
    job = importing.create({"notes": NOTES, "files": FILES}, contents={"a": b"1", "b": b"2"}, made=REPLACE)
    importing.run(job)
    importing.sink.put(TENANT, "notes", "a", note("a", "changed"))
    del importing.sink.items[TENANT, "notes"]["b"]
    importing.sink.put(TENANT, "notes", "c", note("c", "changed"))
    del importing.sink.items[TENANT, "notes"]["d"]
    importing.sink.items[TENANT, "notes"]["e"].body = json.dumps(note("e", "in place"))
    importing.sink.put_file(TENANT, "a", b"changed")

    counts = importing.undo(job)

    assert counts == UndoCounts(removed=5, restored=0, changed_since=5)
    assert importing.left(job) == [
        {"doctype": "files", "id": "a", "code": "content_changed"},
        {"doctype": "notes", "id": "a", "code": "changed"},
        {"doctype": "notes", "id": "b", "code": "removed"},
        {"doctype": "notes", "id": "c", "code": "changed"},
        {"doctype": "notes", "id": "e", "code": "changed"},
    ]
    assert list(importing.sink.bodies(TENANT, "notes")) == ["a", "c", "e"]
    assert importing.sink.files.objects == {"alice/a": b"changed"}


def test_undoing_goes_the_other_way_round(importing: Importing) -> None:
    job = importing.create({"notes": [note("a")], "tags": [{"_id": "t", "note": "a"}]})
    importing.run(job)

    importing.undo(job)

    taken = [call for call in importing.sink.calls if call.startswith("take_back")]
    assert taken == ["take_back tags", "take_back notes"]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.usefixtures("small_chunks")
def test_undoing_that_is_interrupted_ends_the_same(steps: int, call: int, after: bool) -> None:
    importing = Importing()
    importing.sink.put(TENANT, "notes", "b", note("b", "old"))
    importing.sink.put_file(TENANT, "a", b"old")
    importing.sink.put(TENANT, "files", "a", FILES[0])
    before = state_of(importing)
    job = importing.create({"notes": NOTES, "files": FILES}, contents={"a": b"1", "b": b"2"}, made=REPLACE)
    importing.run(job)
    dying(importing, "take_back", call, after=after)

    with pytest.raises(Died):
        importing.undo(job, steps)
    counts = importing.go_on_undoing(job, steps)

    assert counts == UndoCounts(removed=8, restored=2)
    assert state_of(importing) == before


def test_an_import_that_failed_half_way_is_undone(importing: Importing) -> None:
    before = state_of(importing)
    importing.rows_per_file = 2
    job = importing.create({"notes": NOTES})
    importing.validate(job)
    dying(importing, "write", 3)
    with pytest.raises(Died):
        importing.load(job)
    importing.imports.replace(importing.imports.get(TENANT, job.id).failed(importing.clock(), "It died."))
    importing.archives.delete_prefix(import_keys.work(job.id))
    assert len(importing.sink.bodies(TENANT, "notes")) == 4

    importing.undo(job)

    assert state_of(importing) == before


def test_an_import_that_replaced_what_another_one_wrote_leaves_it_to_the_other_to_undo(importing: Importing) -> None:
    first = importing.create({"notes": [note("a", "first")]})
    importing.run(first)
    second = importing.create({"notes": [note("a", "second")]}, made=REPLACE)
    importing.run(second)

    assert importing.undo(first) == UndoCounts(changed_since=1)
    assert importing.undo(second) == UndoCounts(restored=1)
    assert importing.sink.bodies(TENANT, "notes") == {"a": note("a", "first")}


def test_nothing_is_left_of_an_import_that_is_deleted_while_it_is_judged(importing: Importing) -> None:
    importing.rows_per_file = 50
    job = importing.create({"notes": NOTES})
    receipt = Receipt(deleted_at=importing.clock(), reason=Reason.DELETED, state=ImportState.IMPORTING)

    def deletes() -> None:
        stored = importing.imports.get(TENANT, job.id)
        importing.imports.replace(stored.deleted(importing.clock()).with_receipt(receipt))
        importing.archives.delete_prefix(import_keys.prefix(job.id))

    with pytest.raises(ImportGone), meanwhile(importing, "existing", deletes):
        importing.validate(job)
    assert list(importing.archives.list(import_keys.prefix(job.id))) == []


def test_verdicts_that_a_dying_function_left_are_forgotten(importing: Importing) -> None:
    importing.rows_per_file = 1
    importing.sink.put(TENANT, "notes", "a", note("a", "the product's"))
    job = importing.create({"notes": [note("a"), note("b"), note("c")]})
    dying(importing, "existing", 3)
    with pytest.raises(Died):
        importing.validate(job)
    importing.sink.put(TENANT, "notes", "b", note("b", "the product's"))
    del importing.sink.items[TENANT, "notes"]["a"]

    importing.validate(job)
    importing.load(job)
    notes = importing.finish(job).doctypes["notes"]

    assert (notes.rows, notes.accepted, notes.failed, notes.written) == (3, 2, 1, 2)
    failures = importing.archives.get(failures_file(job.id, notes.failures)).splitlines()
    assert [json.loads(line)["_id"] for line in failures] == ["b"]


@pytest.mark.parametrize("saved", [0, 1, 2])
def test_rows_that_a_dying_function_put_off_are_judged_once(importing: Importing, saved: int) -> None:
    importing.rows_per_file = 1
    links = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]
    job = importing.create({"files": [{"_id": key, "type": "directory", "dir_id": to} for key, to in links]})
    for _ in range(saved):
        importing.validate(job, FakeBudget(1))
    dying(importing, "existing", 4 - saved)
    with pytest.raises(Died):
        importing.validate(job)
    importing.sink.put(TENANT, "files", "d", {"_id": "d", "type": "directory"})

    files = importing.run(job).doctypes["files"]

    assert (files.rows, files.accepted, files.failed, files.reasons["exists"]) == (4, 3, 1, 1)


def test_a_target_that_does_not_answer_is_met_again(importing: Importing) -> None:
    job = importing.create({"notes": NOTES})
    importing.validate(job)
    calls = 0

    def hear(method: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StorageUnavailable("The table cannot be used.")

    importing.sink.hear = hear
    with pytest.raises(StorageUnavailable):
        importing.load(job)

    assert importing.load(job)
    assert len(importing.sink.bodies(TENANT, "notes")) == 7


@pytest.mark.usefixtures("small_chunks")
def test_what_was_written_before_a_target_failed_for_good_is_in_the_report(importing: Importing) -> None:
    importing.rows_per_file = 20
    job = importing.create({"notes": NOTES})
    importing.validate(job)
    writes = 0

    def hear(method: str) -> None:
        nonlocal writes
        writes += method == "write"
        if writes > 2:
            raise StorageUnavailable("The table cannot be used.")

    importing.sink.hear = hear
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            importing.load(job)
    report = importing.fail(job, "StorageUnavailable")

    assert report is not None
    assert (report.doctypes["notes"].accepted, report.doctypes["notes"].written) == (7, 4)
    assert importing.imports.get(TENANT, job.id).counts.written == 4 == len(importing.sink.bodies(TENANT, "notes"))


@pytest.mark.usefixtures("small_chunks")
def test_a_bucket_that_fails_at_the_end_of_a_file_has_its_faults_told_once(importing: Importing) -> None:
    importing.rows_per_file = 20
    job = importing.create({"notes": NOTES})
    importing.validate(job)
    importing.sink.put(TENANT, "notes", "b", note("b", "the product's"))
    put, refused = importing.archives.put, import_keys.rejected(job.id, "", "load")

    def fails(key: str, *arguments: Any, **named: Any) -> None:
        if key.startswith(refused):
            raise StorageUnavailable("The bucket cannot be used.")
        put(key, *arguments, **named)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(importing.archives, "put", fails)
        with pytest.raises(StorageUnavailable):
            importing.load(job)
    importing.load(job)
    report = importing.finish(job)

    assert [(fault.row, fault.code) for fault in report.faults] == [(2, "exists")]
    assert (report.doctypes["notes"].failed, report.doctypes["notes"].written) == (1, 6)


def test_large_records_are_written_in_several_transactions(importing: Importing) -> None:
    importing.rows_per_file = 20
    job: ImportJob = importing.create({"notes": [note(f"{number}", "x" * 300_000) for number in range(12)]})

    report = importing.run(job)

    assert report.doctypes["notes"].written == 12
    assert len([call for call in importing.sink.calls if call == "write notes"]) == 3


def test_a_budget_that_is_spent_between_contents_ends_the_step(importing: Importing) -> None:
    keys = [f"{number:02}" for number in range(20)]
    rows = [{"_id": key, "type": "file"} for key in keys]
    importing.rows_per_file = 50
    job = importing.create({"files": rows}, contents=dict.fromkeys(keys, b"x"))
    importing.validate(job)

    assert importing.load(job, FakeBudget(1)) is False
    assert 0 < len(importing.sink.files.objects) < 20
    assert importing.sink.bodies(TENANT, "files") == {}
    importing.load(job)
    assert len(importing.sink.bodies(TENANT, "files")) == 20
