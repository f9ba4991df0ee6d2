"""Imports taken through their steps: what becomes of rows, what is written, and what the report says."""

import json

import pytest
from tests.unit.rules.court import COMMENT, REPLY, ROOM, USER
from tests.unit.services.imports import TENANT, Importing, as_table, note, options

from waybill.domain import import_keys
from waybill.domain.errors import CatalogError, ImportNotRunning
from waybill.domain.import_job import ImportPhase, ImportState, RowCounts
from waybill.domain.import_options import OnConflict
from waybill.intake.rows import Problem
from waybill.rules.unique_fields import unique_fields
from waybill.services import validate_rows
from waybill.services.import_report import failures_file

BAD = {"_id": "b", "text": 7}
OLD = note("b", "the product's")
BOB = {**USER, "Email": "bob@example.com", "AuthenticationToken": "token-of-bob"}
CY = {**USER, "Email": "cy@example.com", "AuthenticationToken": "token-of-cy"}


@pytest.fixture
def importing() -> Importing:
    return Importing()


def test_accepted_rows_are_written_as_they_were_sent(importing: Importing) -> None:
    texts = [b'{"_id": "a",  "n": 1.50, "text": "\\u00e9"}', b'{"text":"", "_id":"b"}']
    job = importing.create({"notes": texts})

    report = importing.run(job)

    items = importing.sink.items[TENANT, "notes"]
    assert [item.body.encode() for item in items.values()] == texts
    assert report.doctypes["notes"].written == 2
    assert importing.imports.get(TENANT, job.id).counts == RowCounts(rows=2, accepted=2, written=2)
    assert importing.imports.get(TENANT, job.id).state is ImportState.DONE


def test_a_record_is_dated_by_its_field_or_else_by_the_import(importing: Importing) -> None:
    dated = note("a", meta={"changed": "2020-02-03T04:05:06Z"})
    job = importing.create({"notes": [dated, note("b"), note("c", meta={"changed": "never"})]})

    importing.run(job)

    made = importing.clock().isoformat()
    items = importing.sink.items[TENANT, "notes"]
    assert [items[key].changed_at for key in "abc"] == ["2020-02-03T04:05:06Z", made, made]


def test_the_three_types_of_a_chat_are_written_in_their_order(importing: Importing) -> None:
    job = importing.create({"comments": [COMMENT, REPLY], "rooms": [ROOM], "users": [CY, BOB, USER]})

    report = importing.run(job)

    assert list(report.doctypes) == ["users", "rooms", "comments"]
    assert [(each.written, each.failed) for each in report.doctypes.values()] == [(3, 0), (1, 0), (2, 0)]
    writes = [call for call in importing.sink.calls if call.startswith("write")]
    assert writes == ["write users", "write rooms", "write comments"]


def reply(key: str, parent: str, **changes: object) -> dict[str, object]:
    return {**REPLY, "UniqueId": key, "ParentCommentUniqueId": parent, **changes}


CHAT = {"rooms": [ROOM], "users": [CY, BOB, USER]}
CHAIN = [*(reply(f"r{number}", f"r{number + 1}") for number in range(8)), reply("r8", "comment-1"), COMMENT]


@pytest.mark.parametrize("steps", [None, 1, 2])
def test_in_an_archive_a_row_may_refer_to_one_behind_it(importing: Importing, steps: int | None) -> None:
    lost = [reply("x", "nowhere"), reply("y", "x"), reply("z", "bad"), reply("bad", "comment-1", Message=1)]
    job = importing.create({**CHAT, "comments": [*lost, *CHAIN]})

    report = importing.run(job, steps)

    comments = report.doctypes["comments"]
    assert (comments.rows, comments.accepted, comments.failed, comments.written) == (14, 10, 4, 10)
    assert comments.reasons == {"reference_failed": 2, "reference_missing": 1, "wrong_type": 1}
    assert set(importing.sink.bodies(TENANT, "comments")) == {"comment-1", *(f"r{number}" for number in range(9))}
    text = importing.archives.get(failures_file(job.id, comments.failures))
    assert {json.loads(line)["UniqueId"] for line in text.splitlines()} == {"x", "y", "z", "bad"}


def test_a_chain_that_is_too_long_is_told_and_may_be_sent_again(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate_rows, "MOST_ROUNDS", 2)
    importing.rows_per_file = 1
    job = importing.create({**CHAT, "comments": CHAIN})
    report = importing.run(job)
    assert report.doctypes["comments"].reasons == {"reference_missing": 7}

    text = importing.archives.get(failures_file(job.id, report.doctypes["comments"].failures))
    again = importing.create({"comments": text.splitlines()[::-1]})
    importing.run(again)

    assert len(importing.sink.bodies(TENANT, "comments")) == 10


def test_in_a_file_of_rows_what_is_referred_to_stands_before(importing: Importing) -> None:
    importing.run(importing.create(CHAT))

    report = importing.run(importing.create({"comments": [REPLY, COMMENT]}, made=options(archive=False)))

    assert report.doctypes["comments"].reasons == {"reference_missing": 1}


def test_a_row_that_is_bad_keeps_no_other_from_being_written(importing: Importing) -> None:
    problem = Problem("not_json", "", "The row is not JSON.")
    job = importing.create({"notes": [note("a"), BAD, problem, note("a"), note("c")]})

    report = importing.run(job)

    notes = report.doctypes["notes"]
    assert list(importing.sink.bodies(TENANT, "notes")) == ["a", "c"]
    assert (notes.rows, notes.accepted, notes.skipped, notes.failed, notes.written) == (5, 2, 0, 3, 2)
    assert notes.reasons == {"duplicate": 1, "not_json": 1, "wrong_type": 1}
    assert [(each.row, each.code, each.pointer) for each in report.faults] == [
        (2, "wrong_type", "/text"),
        (3, "not_json", ""),
        (4, "duplicate", "/_id"),
    ]


def test_rejected_rows_come_back_in_their_order_with_their_reasons(importing: Importing) -> None:
    job = importing.create({"notes": [note("a"), BAD, note("c"), note("d"), note("a")]})

    report = importing.run(job)

    assert report.doctypes["notes"].failures == "notes-failures.ndjson"
    key = failures_file(job.id, "notes-failures.ndjson")
    rows = [json.loads(line) for line in importing.archives.get(key).splitlines()]
    assert [(row["_id"], row["_waybill_error"]["row"], row["_waybill_error"]["code"]) for row in rows] == [
        ("b", 2, "wrong_type"),
        ("a", 5, "duplicate"),
    ]
    assert importing.archives.downloads[key].filename == "notes-failures.ndjson"


def test_mended_rows_are_taken_when_they_are_sent_again(importing: Importing) -> None:
    first = importing.create({"notes": [note("a"), BAD]})
    importing.run(first)
    text = importing.archives.get(failures_file(first.id, "notes-failures.ndjson"))
    mended = text.strip().replace(b'"text":7', b'"text":"seven"')

    importing.run(importing.create({"notes": [mended]}))

    assert importing.sink.bodies(TENANT, "notes") == {"a": note("a"), "b": note("b", "seven")}


def test_rejected_rows_of_a_table_are_a_table(importing: Importing) -> None:
    problem = Problem("cell_count", "", "The row has 1 cell, and the table 2 columns.")
    job = importing.create({"notes": [problem]}, made=options(archive=False), inputs=[as_table("notes", "_id", "text")])

    report = importing.run(job)

    text = importing.archives.get(failures_file(job.id, report.doctypes["notes"].failures)).decode()
    assert text.splitlines()[0] == "_id,text,_waybill_error"
    assert "row 1: cell_count" in text


def test_all_faults_of_a_row_are_in_its_reason(importing: Importing) -> None:
    bad = {**COMMENT, "Type": "reply", "CreatedAt": "yesterday", "Message": 1}
    job = importing.create({"comments": [bad]})

    report = importing.run(job)

    text = importing.archives.get(failures_file(job.id, report.doctypes["comments"].failures))
    detail = json.loads(text)["_waybill_error"]["detail"]
    assert "Also /CreatedAt: A moment is written as" in detail
    assert "Also /ParentCommentUniqueId" in detail


@pytest.mark.parametrize(
    ("way", "outcome", "text"),
    [
        (OnConflict.FAIL, (0, 0, 1), "the product's"),
        (OnConflict.SKIP, (0, 1, 0), "the product's"),
        (OnConflict.REPLACE, (1, 0, 0), "ours"),
    ],
)
def test_a_record_that_stands_there(
    importing: Importing, way: OnConflict, outcome: tuple[int, int, int], text: str
) -> None:
    importing.sink.put(TENANT, "notes", "b", OLD)
    job = importing.create({"notes": [note("b", "ours")]}, made=options(on_conflict=way))

    report = importing.run(job)

    notes = report.doctypes["notes"]
    assert (notes.written, notes.skipped, notes.failed) == outcome
    assert importing.sink.bodies(TENANT, "notes")["b"] == note("b", text)


def test_a_dry_run_writes_nothing_and_reports_the_same(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", OLD)
    rows = {"notes": [note("a"), note("b"), {"_id": "c", "text": 7}]}

    dry = importing.run(importing.create(rows, made=options(dry_run=True)))
    assert importing.sink.bodies(TENANT, "notes") == {"b": OLD}
    real = importing.run(importing.create(rows))

    assert dry.dry_run
    assert not real.dry_run
    assert dry.faults == real.faults
    assert [(each.rows, each.accepted, each.skipped, each.failed, each.reasons) for each in dry.doctypes.values()] == [
        (each.rows, each.accepted, each.skipped, each.failed, each.reasons) for each in real.doctypes.values()
    ]
    assert dry.doctypes["notes"].written == 0


def test_a_record_that_is_replaced_keeps_what_exports_leave_out(importing: Importing) -> None:
    importing.sink.put(TENANT, "notes", "b", {**OLD, "secret": "s3cret", "gone": 1}, shard="7")
    job = importing.create({"notes": [note("b", "ours")]}, made=options(on_conflict=OnConflict.REPLACE))

    importing.run(job)

    item = importing.sink.items[TENANT, "notes"]["b"]
    assert json.loads(item.body) == note("b", "ours", secret="s3cret")
    assert item.others == {"shard": "7"}


def test_passwords_are_stored_as_salted_hashes_and_nowhere_else(importing: Importing) -> None:
    job = importing.create({"users": [USER, {**BOB, "Password": USER["Password"]}, {**CY, "Password": ""}]})

    importing.run(job)

    stored = importing.sink.bodies(TENANT, "users")
    hashes = [user.get("PasswordHash") for user in stored.values()]  # type: ignore[attr-defined]
    assert hashes[2] is None
    assert hashes[0].startswith("$scrypt$")
    assert hashes[0] != hashes[1]
    assert all("Password" not in user for user in stored.values())  # type: ignore[operator]
    assert not any(USER["Password"].encode() in data for data in importing.archives.objects.values())


def test_a_password_gets_the_same_hash_when_the_step_runs_twice(importing: Importing) -> None:
    job = importing.create({"users": [USER]})
    importing.validate(job)
    importing.load(job)
    first = importing.sink.bodies(TENANT, "users")
    importing.sink.items.clear()
    importing.archives.delete_prefix(import_keys.loading(job.id))
    importing.load(job)

    assert importing.sink.bodies(TENANT, "users") == first


def test_users_of_an_archive_have_no_token_and_keep_the_one_they_had(importing: Importing) -> None:
    without = {name: value for name, value in USER.items() if name not in {"AuthenticationToken", "Password"}}
    importing.sink.put(TENANT, "users", USER["Email"], {**USER, "Name": "old"})
    job = importing.create({"users": [without]}, made=options(on_conflict=OnConflict.REPLACE))

    importing.run(job)

    stored = importing.sink.bodies(TENANT, "users")[USER["Email"]]
    assert stored == {**without, "AuthenticationToken": USER["AuthenticationToken"], "Password": USER["Password"]}


def test_a_token_that_another_user_has_in_the_target_is_taken(importing: Importing) -> None:
    importing.sink.put(TENANT, "users", "eve@example.com", {**USER, "Email": "eve@example.com"})
    job = importing.create({"users": [USER, BOB]})

    report = importing.run(job)

    assert report.doctypes["users"].reasons == {"taken": 1}
    assert list(importing.sink.bodies(TENANT, "users")) == ["bob@example.com", "eve@example.com"]


def test_finding_holders_of_values_goes_on_where_it_stopped(importing: Importing) -> None:
    for number in range(250):
        key = f"user{number:03}@example.com"
        importing.sink.put(TENANT, "users", key, {**USER, "Email": key, "AuthenticationToken": f"t{number}"})
    job = importing.create({"users": [{**USER, "AuthenticationToken": "t240"}]})

    report = importing.run(job, steps=1)

    assert report.doctypes["users"].reasons == {"taken": 1}
    assert len([call for call in importing.sink.calls if call == "records users"]) == 3


def test_files_get_their_contents_before_their_records(importing: Importing) -> None:
    folder = {"_id": "root", "type": "directory", "path": "/"}
    rows = [folder, *({"_id": key, "type": "file", "name": key, "dir_id": "root", "mime": "text/x"} for key in "ab")]
    job = importing.create({"files": rows}, contents={"a": b"content of a", "b": b""})

    report = importing.run(job)

    assert importing.sink.files.objects == {"alice/a": b"content of a", "alice/b": b""}
    assert importing.sink.media_types["alice/a"] == "text/x"
    calls = [call for call in importing.sink.calls if call.startswith(("put_content", "write"))]
    assert calls == ["put_content files", "put_content files", "write files"]
    assert report.doctypes["files"].notices == {}


def test_a_file_without_a_content_is_taken_with_a_notice(importing: Importing) -> None:
    job = importing.create({"files": [{"_id": "a", "type": "file", "name": "a"}]})

    report = importing.run(job)

    assert report.doctypes["files"].notices == {"content_missing": 1}
    assert list(importing.sink.bodies(TENANT, "files")) == ["a"]


def test_a_file_whose_name_leaves_no_room_for_the_tenant_fails(importing: Importing) -> None:
    rows = [{"_id": "x" * 1_020, "type": "file"}, {"_id": "y" * 1_020, "type": "directory"}]
    job = importing.create({"files": rows}, contents={"x" * 1_020: b"1"})

    report = importing.run(job)

    assert report.doctypes["files"].reasons == {"too_long": 1}
    assert importing.sink.files.objects == {}


def test_a_content_without_a_record_is_never_overwritten(importing: Importing) -> None:
    importing.sink.put_file(TENANT, "a", b"the product's")
    job = importing.create({"files": [{"_id": "a", "type": "file"}]}, contents={"a": b"ours"})

    report = importing.run(job)

    assert importing.sink.files.objects["alice/a"] == b"the product's"
    assert report.doctypes["files"].reasons == {"exists": 1}
    assert importing.sink.bodies(TENANT, "files") == {}


def test_a_doctype_that_cannot_be_imported_ends_the_import(importing: Importing) -> None:
    job = importing.create({"notes": [note("a")]})
    importing.catalog = type(importing.catalog)(
        {name: each for name, each in importing.catalog.doctypes.items() if name != "notes"}
    )

    with pytest.raises(CatalogError, match="notes cannot be imported"):
        importing.validate(job)


def test_a_step_that_comes_late_does_nothing(importing: Importing) -> None:
    job = importing.create({"notes": [note("a")]})
    importing.run(job)
    calls = list(importing.sink.calls)

    with pytest.raises(ImportNotRunning):
        importing.load(job)
    with pytest.raises(ImportNotRunning):
        importing.validate(job)
    assert importing.sink.calls == calls


def test_the_record_tells_what_is_being_done(importing: Importing) -> None:
    job = importing.create({"notes": [note(f"{number}") for number in range(7)]})

    importing.validate(job, budget=None)
    validated = importing.imports.get(TENANT, job.id)
    importing.load(job)

    assert (validated.phase, validated.counts) == (ImportPhase.VALIDATE, RowCounts(rows=7, accepted=7))
    loaded = importing.imports.get(TENANT, job.id)
    assert (loaded.phase, loaded.counts) == (ImportPhase.LOAD, RowCounts(rows=7, accepted=7, written=7))


def test_unique_fields_are_those_of_the_rules(importing: Importing) -> None:
    job = importing.create({})
    for name in ("users", "rooms", "comments", "notes"):
        assert unique_fields(importing.catalog.doctypes[name])[0] == importing.rules(name, job).name_field
    checked = importing.rules("users", job).check(dict(USER))
    assert [key.question[1] for key in checked.keys] == list(unique_fields(importing.catalog.doctypes["users"]))
