"""Rooms of seed 003."""

from typing import Any

import pytest
from tests.unit.rules.court import ROOM, SINGLE, checked, faults


def test_a_good_group_keeps_its_name() -> None:
    result = checked("rooms", ROOM)

    assert (result.value, result.faults, result.notices) == (ROOM, (), ())
    assert [key.question for key in result.keys] == [("rooms", "UniqueId", "room-1")]


def test_a_single_room_is_named_by_its_two_participants() -> None:
    result = checked("rooms", SINGLE)

    assert result.faults == ()
    assert result.value == {**SINGLE, "Name": "bob@example.com ada@example.com"}


def test_creator_and_participants_are_references_to_users() -> None:
    assert [(each.question, each.pointer) for each in checked("rooms", SINGLE).references] == [
        (("users", "Email", "ada@example.com"), "/CreatorEmail"),
        (("users", "Email", "bob@example.com"), "/ParticipantEmails/0"),
        (("users", "Email", "ada@example.com"), "/ParticipantEmails/1"),
    ]


@pytest.mark.parametrize("emails", [[], ["ada@example.com"], ["ada@example.com", "bob@example.com", "cy@example.com"]])
def test_a_single_room_has_exactly_two_participants(emails: list[str]) -> None:
    assert ("participant_count", "/ParticipantEmails") in faults("rooms", {**SINGLE, "ParticipantEmails": emails})
    assert faults("rooms", {**ROOM, "ParticipantEmails": emails}) == set()


def test_the_creator_of_a_single_room_is_one_of_its_participants() -> None:
    others = {**SINGLE, "ParticipantEmails": ["bob@example.com", "cy@example.com"]}

    assert faults("rooms", others) == {("creator_not_participant", "/CreatorEmail")}
    assert faults("rooms", {**others, "Type": "group"}) == set()


def test_two_participants_are_two_people() -> None:
    twice = {**SINGLE, "ParticipantEmails": ["ada@example.com", "ada@example.com"]}

    assert faults("rooms", twice) == {("participant_twice", "/ParticipantEmails/1")}


def test_every_bad_participant_is_told() -> None:
    emails = ["ada@example.com", 7, "bob", "", "x" * 250 + "@y.zz"]

    assert faults("rooms", {**ROOM, "ParticipantEmails": emails}) == {
        ("wrong_type", "/ParticipantEmails/1"),
        ("bad_format", "/ParticipantEmails/2"),
        ("empty", "/ParticipantEmails/3"),
        ("too_long", "/ParticipantEmails/4"),
    }


@pytest.mark.parametrize("options", ["", None, "{}", '{"a": [1, 2]}', "null", '"text"'])
def test_options_is_the_text_of_json_or_empty(options: str | None) -> None:
    assert faults("rooms", {**ROOM, "Options": options}) == set()


@pytest.mark.parametrize("options", ["{", "NaN", "{'a': 1}", " ", "[" * 100_000])
def test_options_that_is_no_json(options: str) -> None:
    assert faults("rooms", {**ROOM, "Options": options}) == {("options_not_json", "/Options")}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Type", "channel", "unknown_value"),
        ("Type", None, "unknown_value"),
        ("Name", "", "empty"),
        ("Name", None, "empty"),
        ("Options", {}, "wrong_type"),
        ("CreatorEmail", "ada", "bad_format"),
        ("AvatarUrl", "https://example.com/a.png", None),
        ("AvatarUrl", "http://example.com/a.png", "avatar_not_https"),
        ("AvatarUrl", "data:image/png;base64,AA", "avatar_not_https"),
        ("UniqueId", "", "empty"),
        ("UniqueId", "two words", None),
        ("UniqueId", "line\nend", "bad_format"),
        ("UniqueId", 7, "wrong_type"),
        ("ParticipantEmails", "ada@example.com", "wrong_type"),
        ("ParticipantEmails", [f"{number}@b.c" for number in range(10_000)], None),
        ("ParticipantEmails", [f"{number}@b.c" for number in range(10_001)], "too_long"),
        ("CreatedAt", "2017-05-11 06:35:27", "bad_format"),
    ],
)
def test_each_field(field: str, value: Any, code: str | None) -> None:
    assert faults("rooms", {**ROOM, field: value}) == ({(code, f"/{field}")} if code else set())


def test_the_name_of_a_single_room_may_be_anything() -> None:
    assert faults("rooms", {**SINGLE, "Name": ""}) == set()


def test_fields_that_must_be_there() -> None:
    assert faults("rooms", {}) == {
        ("required", f"/{field}") for field in ("Type", "CreatorEmail", "UniqueId", "ParticipantEmails")
    }
