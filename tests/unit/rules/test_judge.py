"""Rows among others: earlier rows, the target, what is done about conflicts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.rules.court import (
    COMMENT,
    PEOPLE,
    REPLY,
    ROOM,
    SINGLE,
    TOWN,
    USER,
    Target,
    doctype,
    rows,
    rules,
    told,
    verdicts,
)

from waybill.domain.import_options import OnConflict
from waybill.rules.codes import Outcome
from waybill.rules.judge import judge
from waybill.rules.seen import SqliteSeen
from waybill.rules.verdict import Finding, Row, Verdict

EXAMPLE_ROOM = {"rooms": [{"UniqueId": "room-1"}], "users": [{"Email": "ada@example.com"}]}
PARENTLESS = Target({**EXAMPLE_ROOM, "comments": []})


def outcomes(given: list[Verdict]) -> list[str]:
    return [str(each.outcome) for each in given]


def reasons(given: Verdict) -> set[tuple[str, str]]:
    return told(given.reasons)


def test_an_accepted_row_has_what_is_to_be_written_and_its_key() -> None:
    [room] = verdicts("rooms", [SINGLE], TOWN)

    named = {**SINGLE, "Name": "bob@example.com ada@example.com"}
    assert room == Verdict(number=1, source="", outcome=Outcome.ACCEPTED, key="room-1", value=named)


def test_a_failed_row_has_all_its_faults_and_nothing_to_write() -> None:
    [comment] = verdicts("comments", [{**REPLY, "Message": "other"}])

    assert (comment.outcome, comment.value, comment.key) == ("failed", None, "comment-2")
    assert reasons(comment) == {
        ("reply_text", "/Payload/text"),
        ("reference_missing", "/RoomUniqueId"),
        ("reference_missing", "/CreatorEmail"),
        ("reference_missing", "/ParentCommentUniqueId"),
    }


def test_a_row_that_could_not_be_read_stays_what_it_is(tmp_path: Path) -> None:
    problem = Finding("not_json", "", "The row is not JSON.")
    unread = Row(7, problem=problem, source="users.json")
    with SqliteSeen(tmp_path / "seen") as seen:
        [verdict] = judge([unread], rules("users"), seen=seen, existing=Target())

    assert (verdict.number, verdict.source, verdict.outcome) == (7, "users.json", "failed")
    assert verdict.reasons == (problem,)


def test_a_key_stands_once_in_the_input() -> None:
    first, second, third = verdicts(
        "users", [USER, {**USER, "Email": "bob@example.com"}, {**USER, "AuthenticationToken": "another"}]
    )

    assert first.outcome == "accepted"
    assert reasons(second) == {("duplicate", "/AuthenticationToken")}
    assert reasons(third) == {("duplicate", "/Email")}
    assert second.reasons[0].sentence == "An earlier row has the same AuthenticationToken: row 1."


def test_the_key_of_a_failed_row_counts_too() -> None:
    _, second = verdicts("rooms", [{**ROOM, "Name": ""}, ROOM], TOWN)

    assert reasons(second) == {("duplicate", "/UniqueId")}


def test_the_two_rooms_of_the_seed_have_one_id() -> None:
    assert outcomes(verdicts("rooms", [SINGLE, ROOM], TOWN)) == ["accepted", "failed"]
    assert outcomes(verdicts("rooms", [SINGLE, {**ROOM, "UniqueId": "a91c"}], TOWN)) == ["accepted", "accepted"]


def test_creator_and_participants_of_a_room_exist() -> None:
    target = Target({"users": PEOPLE[:1]})

    assert reasons(verdicts("rooms", [ROOM], target)[0]) == {
        ("reference_missing", "/CreatorEmail"),
        ("reference_missing", "/ParticipantEmails/0"),
        ("reference_missing", "/ParticipantEmails/2"),
    }


def test_a_parent_stands_earlier_in_the_file_or_in_the_target() -> None:
    target = Target(EXAMPLE_ROOM)

    assert outcomes(verdicts("comments", [COMMENT, REPLY], target)) == ["accepted", "accepted"]
    assert outcomes(verdicts("comments", [REPLY, COMMENT], target)) == ["failed", "accepted"]
    in_target = Target({**EXAMPLE_ROOM, "comments": [{"UniqueId": "comment-1"}]})
    assert outcomes(verdicts("comments", [REPLY], in_target)) == ["accepted"]


def test_no_comment_is_a_reply_to_itself() -> None:
    own = {**REPLY, "ParentCommentUniqueId": REPLY["UniqueId"]}

    assert reasons(verdicts("comments", [own], Target(EXAMPLE_ROOM))[0]) == {
        ("reference_missing", "/ParentCommentUniqueId")
    }


def test_a_reply_to_a_failed_comment_fails_and_says_why() -> None:
    _, reply = verdicts("comments", [{**COMMENT, "Message": ""}, REPLY], Target(EXAMPLE_ROOM))

    assert reasons(reply) == {("reference_failed", "/ParentCommentUniqueId")}
    assert reply.reasons[0].sentence == "The record of comments with this UniqueId is not taken itself: row 1."


def test_rooms_and_comments_find_users_and_rooms_of_the_same_import(tmp_path: Path) -> None:
    bob = {**USER, "Email": "bob@example.com", "AuthenticationToken": "b"}
    bad = {**USER, "Email": "cy@example.com", "AuthenticationToken": ""}
    with SqliteSeen(tmp_path / "seen") as seen:
        found = [
            list(judge(rows(values), rules(name), seen=seen, existing=Target()))
            for name, values in [("users", [USER, bob, bad]), ("rooms", [SINGLE, {**ROOM, "UniqueId": "room-2"}]),
                                 ("comments", [COMMENT, {**REPLY, "RoomUniqueId": "room-2"}])]
        ]  # fmt: skip

    assert [outcomes(each) for each in found] == [
        ["accepted", "accepted", "failed"],
        ["accepted", "failed"],
        ["accepted", "failed"],
    ]
    assert reasons(found[1][1]) == {("reference_failed", "/ParticipantEmails/2")}
    assert reasons(found[2][1]) == {("reference_failed", "/RoomUniqueId")}


STANDS = Target({"rooms": [{"UniqueId": "room-1"}], "users": [{"Email": "ada@example.com"}, *PEOPLE]})


@pytest.mark.parametrize(
    ("on_conflict", "outcome", "found", "replaces"),
    [
        (OnConflict.FAIL, "failed", {("exists", "/UniqueId")}, False),
        (OnConflict.SKIP, "skipped", {("exists", "/UniqueId")}, False),
        (OnConflict.REPLACE, "accepted", set(), True),
    ],
)
def test_what_becomes_of_a_row_whose_record_stands_in_the_target(
    on_conflict: OnConflict, outcome: str, found: set[tuple[str, str]], replaces: bool
) -> None:
    stands, new = verdicts("rooms", [ROOM, {**ROOM, "UniqueId": "new"}], STANDS, on_conflict)

    assert (stands.outcome, reasons(stands), stands.replaces) == (outcome, found, replaces)
    assert (stands.value is not None) == (outcome == "accepted")
    assert (new.outcome, new.replaces) == ("accepted", False)


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_a_faulty_row_fails_whatever_is_done_about_conflicts(on_conflict: OnConflict) -> None:
    [room] = verdicts("rooms", [{**ROOM, "Name": ""}], STANDS, on_conflict)

    assert room.outcome == "failed"
    assert ("empty", "/Name") in reasons(room)


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_a_token_of_another_user_is_taken(on_conflict: OnConflict) -> None:
    target = Target({"users": [{"Email": "bob@example.com", "AuthenticationToken": "token-of-ada"}]})
    [user] = verdicts("users", [USER], target, on_conflict)

    assert (user.outcome, reasons(user)) == ("failed", {("taken", "/AuthenticationToken")})


def test_the_token_of_the_user_that_is_replaced_is_not_taken() -> None:
    target = Target({"users": [{"Email": "ada@example.com", "AuthenticationToken": "token-of-ada"}]})
    [user] = verdicts("users", [USER], target, OnConflict.REPLACE)

    assert (user.outcome, user.replaces) == ("accepted", True)


def test_a_reference_to_a_skipped_or_conflicting_row_leads_to_the_target(tmp_path: Path) -> None:
    for on_conflict, outcome in [(OnConflict.SKIP, "skipped"), (OnConflict.FAIL, "failed")]:
        with SqliteSeen(tmp_path / str(on_conflict)) as seen:
            [room] = judge(rows([ROOM]), rules("rooms"), seen=seen, existing=STANDS, on_conflict=on_conflict)
            [comment] = judge(rows([COMMENT]), rules("comments"), seen=seen, existing=STANDS, on_conflict=on_conflict)

        assert (room.outcome, comment.outcome) == (outcome, "accepted")


def test_a_record_that_would_not_fit_is_refused_before_anything_is_written() -> None:
    options = '{"a": "' + "x" * 390_000 + '"}'
    [room] = verdicts("rooms", [{**ROOM, "UniqueId": "big", "Options": options}], TOWN)

    assert reasons(room) == {("record_too_large", "")}


def test_what_json_cannot_say_is_a_fault_and_no_crash() -> None:
    payload = {"type": "t", "content": "\ud800"}
    [comment] = verdicts("comments", [{**COMMENT, "Type": "custom", "Payload": payload}], Target(EXAMPLE_ROOM))

    assert reasons(comment) == {("bad_format", "")}


def test_rows_of_several_inputs_are_told_apart(tmp_path: Path) -> None:
    twice = [Row(1, USER, source="a.json"), Row(1, USER, source="b.json")]
    with SqliteSeen(tmp_path / "seen") as seen:
        _, second = judge(twice, rules("users"), seen=seen, existing=Target())

    assert second.reasons[0].sentence == "An earlier row has the same Email: row 1 of a.json."


def test_the_target_is_asked_in_hundreds_and_once_about_what_many_rows_refer_to() -> None:
    target = Target(EXAMPLE_ROOM)
    comments = [{**COMMENT, "UniqueId": f"c{number}"} for number in range(2_500)]

    assert {each.outcome for each in verdicts("comments", comments, target)} == {"accepted"}
    asked = [(doctype, len(keys)) for doctype, _, keys in target.asked]
    assert sorted(asked) == [("comments", 100)] * 25 + [("rooms", 1), ("users", 1)]


def test_rows_are_taken_as_they_come_and_not_all_at_once(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield Row(taken, {**USER, "Email": f"{taken}@example.com", "AuthenticationToken": str(taken)})

    with SqliteSeen(tmp_path / "seen") as seen:
        found = judge(endless(), rules("users"), seen=seen, existing=Target(), batch=10)
        assert [next(found).number for _ in range(11)] == list(range(1, 12))
        assert taken == 20


def test_large_rows_are_judged_few_at_a_time(tmp_path: Path) -> None:
    taken = 0

    def large() -> Iterator[Row]:
        nonlocal taken
        for taken in range(1, 101):
            yield Row(taken, {"_id": str(taken), "text": "x" * 300_000})

    with SqliteSeen(tmp_path / "seen") as seen:
        found = judge(large(), rules("notes", [doctype("notes")]), seen=seen, existing=Target())
        next(found)
        assert taken < 20


def test_folders_of_one_doctype_stand_before_what_is_in_them() -> None:
    catalog = [doctype("folders", references={"parent": "folders"})]
    values: list[dict[str, Any]] = [
        {"_id": "a"},
        {"_id": "b", "parent": "a"},
        {"_id": "c", "parent": "d"},
        {"_id": "d", "parent": None},
    ]

    given = verdicts("folders", values, doctypes=catalog)
    assert outcomes(given) == ["accepted", "accepted", "failed", "accepted"]
    assert reasons(given[2]) == {("reference_missing", "/parent")}


def test_a_parent_that_stands_later_in_the_file_is_looked_for_in_the_target(tmp_path: Path) -> None:
    target = Target({**EXAMPLE_ROOM, "comments": [{"UniqueId": "comment-1"}]})
    with SqliteSeen(tmp_path / "seen") as seen:
        for _ in range(2):  # the second time the index knows the parent's row too, which comes in another batch
            given = judge(
                rows([REPLY, COMMENT]),
                rules("comments"),
                seen=seen,
                existing=target,
                on_conflict=OnConflict.REPLACE,
                batch=1,
            )
            assert outcomes(list(given)) == ["accepted", "accepted"]


def test_a_row_that_may_wait_waits_for_one_behind_it(tmp_path: Path) -> None:
    values = [REPLY, {**REPLY, "UniqueId": "comment-3", "Message": 1}, COMMENT]
    with SqliteSeen(tmp_path / "seen") as seen:
        waits, bad, parent = judge(rows(values), rules("comments"), seen=seen, existing=PARENTLESS, may_wait=True)
        [again] = judge(
            rows([REPLY]),
            rules("comments"),
            seen=seen,
            existing=PARENTLESS,
            may_wait=True,
            again=True,
            judged=len(values),
        )

    assert (waits.waits, waits.outcome, reasons(waits)) == (
        True,
        "failed",
        {("reference_missing", "/ParentCommentUniqueId")},
    )
    assert not bad.waits
    assert reasons(bad) == {("wrong_type", "/Message")}, "That its parent is missing is not known yet."
    assert (parent.outcome, again.outcome) == ("accepted", "accepted")


@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_row_that_waits_keeps_its_key(batch: int, tmp_path: Path) -> None:
    values = [REPLY, {**COMMENT, "UniqueId": REPLY["UniqueId"]}, COMMENT]
    with SqliteSeen(tmp_path / "seen") as seen:

        def judged(sent: Sequence[dict[str, Any]], *, after: int = 0) -> list[Verdict]:
            given = judge(
                rows(sent),
                rules("comments"),
                seen=seen,
                existing=PARENTLESS,
                may_wait=True,
                again=after > 0,
                judged=after,
                batch=batch,
            )
            return list(given)

        first = judged(values)
        assert judged([REPLY], after=len(values))[0].outcome == "accepted"
        assert judged(values) == first, "also if the index has seen all of it already"

    waits, second, parent = first
    assert (waits.waits, second.waits, parent.outcome) == (True, False, "accepted")
    assert reasons(second) == {("duplicate", "/UniqueId")}


def test_a_row_waits_for_no_record_of_another_doctype(tmp_path: Path) -> None:
    with SqliteSeen(tmp_path / "seen") as seen:
        [alone] = judge(rows([REPLY]), rules("comments"), seen=seen, existing=Target(), may_wait=True)

    assert not alone.waits
    assert reasons(alone) == {("reference_missing", "/RoomUniqueId"), ("reference_missing", "/CreatorEmail")}


def test_a_row_whose_record_stands_in_the_target_does_not_wait_to_fail(tmp_path: Path) -> None:
    target = Target({**EXAMPLE_ROOM, "comments": [{"UniqueId": "comment-2"}]})
    with SqliteSeen(tmp_path / "seen") as seen:
        [there] = judge(rows([REPLY]), rules("comments"), seen=seen, existing=target, may_wait=True)

    assert (there.waits, reasons(there)) == (False, {("exists", "/UniqueId")})
