"""One file of rows, of any format: what is staged of it, and that nothing depends on when a call had to stop."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeBudget
from tests.unit.services.staging import TENANT, Import

from waybill.domain import import_keys
from waybill.domain.errors import ImportNotRunning, InputRefused
from waybill.domain.import_job import ImportPhase
from waybill.domain.upload import LIFE, UploadState
from waybill.intake.staged_inputs import InputRole, StagedInput, failures_form

CONTACTS = [{"_id": str(number), "text": "a\nb" * number, "big": 10**number} for number in range(30)]
AS_JSON = json.dumps(CONTACTS, indent=1).encode()
AS_LINES = b"".join(json.dumps(each).encode() + b"\n" for each in CONTACTS)
AS_TABLE = b"_id,text\r\n" + b"".join(b'%d,"a\nb ""%d"""\r\n' % (number, number) for number in range(30))
FORMS = {"json": AS_JSON, "ndjson": AS_LINES, "csv": AS_TABLE}


def refused(made: Import, **options: Any) -> InputRefused:
    """Stage what must be refused."""
    with pytest.raises(InputRefused) as caught:
        made.stage(doctype="io.cozy.contacts", **options)
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_every_format_come_out_as_they_went_in(form: str) -> None:
    made = Import()
    made.upload(f"contacts.{form}", FORMS[form])

    staged = made.stage(doctype="io.cozy.contacts")

    columns = ("_id", "text") if form == "csv" else ()
    told = StagedInput(f"contacts.{form}", InputRole.ROWS, len(FORMS[form]), form, "io.cozy.contacts", columns, rows=30)
    assert (staged.inputs, staged.rows, staged.whole, staged.remarks) == ((told,), 30, True, ())
    wanted = [{"_id": n, "text": f'a\nb "{n}"'} for n in range(30)] if form == "csv" else CONTACTS
    assert made.values() == wanted
    assert [(source, row.number) for source, row in made.rows()] == [(f"contacts.{form}", n + 1) for n in range(30)]
    assert (made.now.phase, made.now.counts.rows, made.now.partial) == (ImportPhase.VALIDATE, 30, False)
    assert failures_form(staged.inputs, "io.cozy.contacts") == (form, columns)


@settings(deadline=None, max_examples=60)
@given(
    form=st.sampled_from(sorted(FORMS)),
    budgets=st.lists(st.integers(1, 12), max_size=12),
    size=st.integers(1, 2_000),
    damage=st.booleans(),
)
def test_however_it_is_cut_into_calls_the_row_files_are_the_same(
    form: str, budgets: list[int], size: int, damage: bool
) -> None:
    data = FORMS[form][:-40] if damage else FORMS[form]
    in_one, in_many = Import(row_file_size=size), Import(row_file_size=size)
    for made in (in_one, in_many):
        made.upload(f"contacts.{form}", data)
    in_one.stage(doctype="io.cozy.contacts", allow_partial=True)
    in_many.stage(budgets, doctype="io.cozy.contacts", allow_partial=True)

    assert in_many.row_files == in_one.row_files
    assert in_many.staged == in_one.staged
    assert in_many.now.counts == in_one.now.counts


def test_a_call_that_died_is_repeated_and_changes_nothing() -> None:
    made = Import(row_file_size=200)
    made.upload("contacts.json", AS_JSON)
    made.create(doctype="io.cozy.contacts")
    made.step(FakeBudget(7))
    checkpoint = made.archives.objects[import_keys.staging(made.now.id)]
    made.step()
    once = dict(made.archives.objects)
    del made.archives.objects[import_keys.inputs(made.now.id)]
    made.archives.objects[import_keys.staging(made.now.id)] = checkpoint

    assert made.step()
    assert {key: data for key, data in made.archives.objects.items() if "rows/" in key} == {
        key: data for key, data in once.items() if "rows/" in key
    }
    assert made.staged.rows == 30


def test_a_step_that_comes_again_finds_it_done() -> None:
    made = Import()
    made.upload("contacts.json", AS_JSON)
    made.stage(doctype="io.cozy.contacts")
    rev = made.now.rev

    assert made.step()
    assert made.now.rev == rev


def test_row_files_are_small_and_in_order_and_their_rows_too() -> None:
    made = Import(row_file_size=300)
    made.upload("contacts.json", AS_JSON)
    made.stage(doctype="io.cozy.contacts")

    assert len(made.row_files) > 5
    assert next(iter(made.row_files)) == "000-io.cozy.contacts/1-000000.ndjson"
    assert all(len(data) < 300 + 500 for data in made.row_files.values())
    assert made.values() == CONTACTS


def test_several_files_of_rows_are_staged_one_after_the_other() -> None:
    made = Import()
    made.upload("first.json", AS_JSON)
    made.upload("second.ndjson", AS_LINES)
    staged = made.stage([1] * 20, doctype="io.cozy.contacts")

    assert made.values() == CONTACTS * 2
    assert [source for source, _ in made.rows()][29:31] == ["first.json", "second.ndjson"]
    assert failures_form(staged.inputs, "io.cozy.contacts") == ("ndjson", ())


def test_directories_come_before_files_and_bad_rows_among_them() -> None:
    made = Import()
    rows = [{"_id": "1", "type": "file"}, {"_id": "2", "type": "directory"}, 7, {"_id": "3", "type": "directory"}]
    made.upload("files.json", json.dumps(rows).encode())
    made.stage(doctype="io.cozy.files")

    assert [value and value["_id"] for value in made.values()] == ["2", "3", "1", None]
    assert [key.rpartition("/")[2][:1] for key in made.row_files] == ["0", "1"]


def test_what_refers_to_others_has_a_higher_rank() -> None:
    made = Import()
    made.upload("rooms.json", b'[{"UniqueId": "r"}]')
    made.stage(doctype="rooms")

    assert list(made.row_files) == ["001-rooms/1-000000.ndjson"]


# ---------------------------------------------------------------- Bad rows and broken files

BAD_ROWS = {
    b'[{"a":1},{"a":NaN},{"a":2}]': "not_json",
    b'[{"a":1},5,{"a":2}]': "not_an_object",
    b'[{"a":1},{"a":"\xff"},{"a":2}]': "not_utf8",
    b'[{"a":1},{"a":1,"a":2},{"a":2}]': "duplicate_key",
    b'[{"a":1},{"a":"\\ud800"},{"a":2}]': "lone_surrogate",
    b'[{"a":1},{"a":1e999},{"a":2}]': "number_too_large",
    b'[{"a":1},{"a":' + b"[" * 70 + b"]" * 70 + b'},{"a":2}]': "too_deep",
    b'[{"a":1},{"a":"' + b"x" * 4_000_000 + b'"},{"a":2}]': "row_too_large",
    b'\xef\xbb\xbf{"a":1}\n{"a":\n{"a":2}\n': "not_json",
    b"a,b\r\n1,x\r\n1,2,3\r\n2,x\r\n": "cell_count",
    b'a,b\r\n1,x\r\n1,x"y\r\n2,x\r\n': "quotes",
    b"a,b\r\n1,x\r\n1,\0\r\n2,x\r\n": "nul",
}


@pytest.mark.parametrize("data", BAD_ROWS, ids=BAD_ROWS.values())
def test_a_bad_row_reaches_validation_with_its_reason_and_the_others_as_they_are(data: bytes) -> None:
    made = Import()
    made.upload("contacts.csv" if data.startswith(b"a,b") else "contacts", data)

    staged = made.stage(doctype="io.cozy.contacts")

    assert staged.rows == 3
    first, bad, last = [row for _, row in made.rows()]
    assert (first.value or {})["a"] == 1
    assert (last.value or {})["a"] == 2
    assert bad.problem is not None
    assert (bad.number, bad.problem.code) == (2, BAD_ROWS[data])


BROKEN = {
    b"": ("empty", 0),
    b'[{"a":1},{"a":2': ("truncated", 1),
    b'[{"a":1},{"a":2},': ("truncated", 2),
    b'{"a":1}\n{"a":2}\n{"a":': ("truncated", 2),
    b'[{"a":1}},{"a":2}]': ("broken_json", 1),
    b'[{"a":1}]{"a":2}': ("trailing_data", 1),
    b"[" * 5_000_000: ("endless_depth", 0),
    b'[{"a":1},{"a":"' + b"x" * 16_000_002: ("endless_row", 1),
    b"a,a\r\n1,2\r\n": ("duplicate_column", 0),
    b"a,\xff\r\n1,2\r\n": ("broken_header", 0),
    b'a,b\r\n1,2\r\n1,"2': ("truncated", 1),
}


def named_by_code(broken: list[bytes]) -> dict[str, Any]:
    return {"argvalues": broken, "ids": [f"{BROKEN[data][0]}-{len(data)}" for data in broken]}


@pytest.mark.parametrize("data", **named_by_code([data for data, (_, before) in BROKEN.items() if not before]))
def test_a_file_that_breaks_off_before_its_first_row_is_refused(data: bytes) -> None:
    made = Import()
    made.upload("contacts", data)

    error = refused(made)

    assert error.reason == BROKEN[data][0]
    assert "Before that there are 0 rows." in str(error)
    assert (made.now.phase, made.now.counts.rows) == (ImportPhase.STAGE, 0)


@pytest.mark.parametrize("data", **named_by_code([data for data, (_, before) in BROKEN.items() if before]))
def test_the_rows_before_a_break_are_staged_to_be_judged_and_that_none_is_to_be_written_too(data: bytes) -> None:
    made = Import()
    made.upload("contacts", data)

    staged = made.stage(doctype="io.cozy.contacts")

    code, before = BROKEN[data]
    assert staged.refusal is not None
    assert staged.refusal.code == code
    assert staged.refusal.sentence.startswith("“contacts”: ")
    assert staged.refusal.sentence.endswith(f" Before that there are {before} rows. None of them is written.")
    assert [(each.code, each.input) for each in staged.remarks] == [("broken_input", "contacts")]
    assert (len(made.rows()), made.now.counts.rows, made.now.phase) == (before, before, ImportPhase.VALIDATE)
    assert not made.now.partial, "Nothing that is there is taken."


def test_inputs_behind_one_that_breaks_off_are_staged_too_and_the_first_break_is_the_reason() -> None:
    made = Import()
    for number, data in enumerate([b'[{"a":1},', b'[{"a":2}]', b'[{"a":3}}']):
        made.upload(f"contacts-{number}", data)

    staged = made.stage([1] * 10, doctype="io.cozy.contacts")

    assert [value["a"] for value in made.values()] == [1, 2, 3]
    assert staged.refusal is not None
    assert (staged.refusal.code, staged.remark_count) == ("truncated", 2)


@pytest.mark.parametrize(
    ("data", "rows"), [(b'[{"a":1},{"a":2', 1), (b'{"a":1}\n{"a":2}\n{"a":', 2), (b'a,b\r\n1,x\r\n2,"x', 1)]
)
def test_with_allow_partial_the_rows_before_the_break_are_staged_and_the_break_is_told(data: bytes, rows: int) -> None:
    made = Import()
    made.upload("contacts", data)

    staged = made.stage(doctype="io.cozy.contacts", allow_partial=True)

    assert [value["a"] for value in made.values()] == [1, 2][:rows]
    assert not staged.inputs[0].whole
    assert staged.refusal is None
    assert [(each.code, each.input) for each in staged.remarks] == [("broken_input", "contacts")]
    assert made.now.partial


def test_even_with_allow_partial_something_must_be_there() -> None:
    made = Import()
    made.upload("contacts", b"[" * 10_000)

    assert refused(made, allow_partial=True).reason == "nothing_to_import"


@pytest.mark.parametrize(
    ("header", "reason"),
    [(b"_id,n,other", "unknown_column"), (b"n", "missing_column"), (b"_id", None), (b"_id,n", None)],
)
def test_columns_must_be_those_of_the_schema_where_it_takes_no_others(header: bytes, reason: str | None) -> None:
    made = Import()
    made.upload("table.csv", header + b"\r\n")
    if reason is None:
        assert made.stage(doctype="strict").rows == 0
        return
    with pytest.raises(InputRefused) as caught:
        made.stage(doctype="strict")

    assert caught.value.reason == reason


@pytest.mark.parametrize("data", [b'"text"', b"5", b'{"contacts": [\n{}\n]}', b'\xef\xbb\xbf {\n"a": 1}'])
def test_json_that_is_no_array_is_refused(data: bytes) -> None:
    made = Import()
    made.upload("contacts.json", data)

    assert refused(made).reason == "wrong_top_level"


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.jsonl", "a.txt"])
def test_one_object_a_line_is_read_whatever_it_is_called(name: str) -> None:
    made = Import()
    made.upload(name, AS_LINES)
    made.stage(doctype="io.cozy.contacts")

    assert made.values() == CONTACTS


def test_what_is_no_text_is_refused() -> None:
    made = Import()
    made.upload("contacts", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")

    assert refused(made).reason == "unknown_format"


def test_a_table_may_begin_like_json() -> None:
    made = Import()
    made.upload("a.csv", b"[a],b\r\n1,x\r\n")
    made.stage(doctype="io.cozy.contacts")

    assert made.values() == [{"[a]": 1, "b": "x"}]


# ---------------------------------------------------------------- What an input must be


def test_a_doctype_that_is_not_there_is_refused() -> None:
    made = Import()
    made.upload("x.json", b"[]")
    with pytest.raises(InputRefused) as caught:
        made.stage(doctype="io.cozy.unknown")

    assert caught.value.reason == "unknown_doctype"


def test_rows_must_have_a_doctype() -> None:
    made = Import()
    made.upload("contacts.json", AS_JSON)
    with pytest.raises(InputRefused) as caught:
        made.stage()

    assert caught.value.reason == "doctype_missing"


def test_files_of_records_say_their_doctype_by_their_names() -> None:
    made = Import()
    made.upload("2026-11-24T12:30:04+00:00_exported_rooms_2.json", b'[{"UniqueId": "b"}]')
    made.upload("2026-11-24T12_30_04_00_00_exported_rooms.json", b'[{"UniqueId": "a"}]')
    made.upload("2026-11-24T12:30:04+00:00_exported_users.csv", b"Email\r\nada@example.org\r\n")
    made.stage()

    assert made.values("rooms") == [{"UniqueId": "a"}, {"UniqueId": "b"}]
    assert made.values("users") == [{"Email": "ada@example.org"}]


def test_a_step_that_comes_late_writes_nothing() -> None:
    made = Import()
    made.upload("contacts.json", AS_JSON)
    job = made.create(doctype="io.cozy.contacts")
    made.imports.replace(job.failed(made.clock(), "It failed."))
    before = dict(made.archives.objects)

    with pytest.raises(ImportNotRunning):
        made.step()
    assert made.archives.objects == before


def expire(made: Import, upload: str) -> None:
    stored = made.uploads.get(TENANT, upload)
    made.uploads.put(replace(stored, created_at=made.clock() - LIFE))


def reopen(made: Import, upload: str) -> None:
    made.uploads.put(replace(made.uploads.get(TENANT, upload), state=UploadState.OPEN))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda made, upload: made.uploads.delete(TENANT, upload), "upload_missing"),
        (lambda made, upload: made.archives.objects.pop(f"uploads/{upload}"), "upload_missing"),
        (expire, "upload_missing"),
        (reopen, "upload_incomplete"),
        (lambda made, upload: made.archives.objects.update({f"uploads/{upload}": b"[]"}), "upload_changed"),
    ],
)
def test_an_upload_that_is_not_there_or_another_is_refused(spoil: object, reason: str) -> None:
    made = Import()
    upload = made.upload("contacts.json", AS_JSON)
    made.create(doctype="io.cozy.contacts")
    spoil(made, upload)  # type: ignore[operator]
    with pytest.raises(InputRefused) as caught:
        made.step()

    assert caught.value.reason == reason


def test_an_upload_that_is_replaced_between_two_calls_is_refused() -> None:
    made = Import()
    upload = made.upload("contacts.json", AS_JSON)
    made.create(doctype="io.cozy.contacts")
    assert not made.step(FakeBudget(3))
    made.archives.objects[f"uploads/{upload}"] = AS_JSON.replace(b"a", b"b")
    with pytest.raises(InputRefused) as caught:
        made.step()

    assert caught.value.reason == "upload_changed"


def test_another_tenants_upload_is_not_there() -> None:
    made = Import()
    made.upload("contacts.json", AS_JSON, tenant="mallory")

    assert refused(made).reason == "upload_missing"


def test_an_archive_is_refused_where_a_doctype_says_that_it_is_rows() -> None:
    made = Import()
    made.upload("part.zip", b"PK\x03\x04" + b"\0" * 100)

    assert refused(made).reason == "unexpected_archive"
