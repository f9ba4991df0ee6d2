"""Users of seed 003: what a row must have, and what becomes of it."""

from typing import Any

import pytest
from tests.unit.rules.court import NOW, USER, checked, faults, told

from waybill.rules.users import UserRules


def test_a_good_user_is_taken_as_it_was_sent() -> None:
    result = checked("users", USER)

    assert (result.value, result.faults, result.notices) == (USER, (), ())
    assert [(key.question, key.pointer) for key in result.keys] == [
        (("users", "Email", "ada@example.com"), "/Email"),
        (("users", "AuthenticationToken", "token-of-ada"), "/AuthenticationToken"),
    ]


def test_the_sample_of_the_seed_is_good() -> None:
    sample = {**USER, "AvatarUrl": "https://placehold.it/20x20", "AuthenticationToken": "randomstring"}

    assert faults("users", sample) == set()


def test_only_what_names_and_admits_a_user_is_required() -> None:
    least = {"Email": "ada@example.com", "AuthenticationToken": "t"}

    assert checked("users", least).value == {
        **least,
        "Name": "",
        "AvatarUrl": "",
        "Password": None,
        "CreateAt": "2026-11-25T12:00:00Z",
    }


def test_created_at_is_taken_for_create_at() -> None:
    row = {key: value for key, value in USER.items() if key != "CreateAt"}

    assert checked("users", {**row, "CreatedAt": "2018-01-01T00:00:00+07:00"}).value == {
        **USER,
        "CreateAt": "2018-01-01T00:00:00+07:00",
    }
    assert faults("users", {**USER, "CreatedAt": USER["CreateAt"]}) == set()
    assert faults("users", {**USER, "CreatedAt": "2018-01-01T00:00:00Z"}) == {("contradiction", "/CreatedAt")}


def test_other_keys_are_discarded_with_a_notice() -> None:
    result = checked("users", {**USER, "Shoe/Size": 43})

    assert result.value == USER
    assert told(result.notices) == {("fields_discarded", "/Shoe~1Size")}
    assert told(checked("users", {**USER, "a": 1, "b": 2}).notices) == {("fields_discarded", "")}


def test_an_avatar_should_be_https_and_may_be_http() -> None:
    result = checked("users", {**USER, "AvatarUrl": "http://example.com/a.png"})

    assert (result.faults, told(result.notices)) == ((), {("https_encouraged", "/AvatarUrl")})


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://example.com/a",
        "https://",
        "example.com/a.png",
        "https://example.com/a b",
        "https://me:secret@example.com/a",
        "https:///a",
    ],
)
def test_an_avatar_is_a_link_to_a_host(url: str) -> None:
    assert faults("users", {**USER, "AvatarUrl": url}) == {("avatar_not_https", "/AvatarUrl")}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Email", 7, "wrong_type"),
        ("Email", None, "wrong_type"),
        ("Email", "", "empty"),
        ("Email", "ada", "bad_format"),
        ("Email", "ada@ex@ample.com", "bad_format"),
        ("Email", "ada @example.com", "bad_format"),
        ("Email", "ada@example.com\n", "bad_format"),
        ("Email", "a" * 250 + "@b.c", None),
        ("Email", "a" * 251 + "@b.c", "too_long"),
        ("Name", None, None),
        ("Name", "n" * 255, None),
        ("Name", "n" * 256, "too_long"),
        ("AuthenticationToken", "", "empty"),
        ("AuthenticationToken", " t", "bad_format"),
        ("AuthenticationToken", "t\x00t", "bad_format"),
        ("AuthenticationToken", "t" * 255, None),
        ("AuthenticationToken", "t" * 256, "too_long"),
        ("AvatarUrl", None, None),
        ("AvatarUrl", "", None),
        ("AvatarUrl", "https://example.com/" + "a" * 2_029, "too_long"),
        ("Password", None, None),
        ("Password", "", None),
        ("Password", 1234, "wrong_type"),
        ("Password", "p" * 1_025, "too_long"),
        ("CreateAt", None, None),
        ("CreateAt", "2017-05-10T11:46:30.123456789+05:30", None),
        ("CreateAt", "2016-02-29T00:00:00Z", None),
        ("CreateAt", "2017-02-29T00:00:00Z", "bad_format"),
        ("CreateAt", "2017-05-10T24:00:00Z", "bad_format"),
        ("CreateAt", "2017-05-10T11:46:30", "bad_format"),
        ("CreateAt", "2017-05-10", "bad_format"),
        ("CreateAt", "٢٠١٧-05-10T11:46:30Z", "bad_format"),
        ("CreateAt", 1494416790, "wrong_type"),
    ],
)
def test_each_field(field: str, value: Any, code: str | None) -> None:
    assert faults("users", {**USER, field: value}) == ({(code, f"/{field}")} if code else set())


def test_all_faults_are_told_at_once() -> None:
    assert faults("users", {"Email": "ada", "AvatarUrl": "ftp://x", "CreateAt": 1, "CreatedAt": "yesterday"}) == {
        ("bad_format", "/Email"),
        ("required", "/AuthenticationToken"),
        ("avatar_not_https", "/AvatarUrl"),
        ("wrong_type", "/CreateAt"),
        ("bad_format", "/CreatedAt"),
    }


def test_no_sentence_holds_what_was_sent() -> None:
    secrets = {name: f"hush hush {name}\x00" for name in USER}

    assert not [fault for fault in checked("users", secrets).faults if "hush" in fault.sentence]


def test_a_user_of_an_archive_has_no_token_and_is_not_given_one() -> None:
    without = {name: value for name, value in USER.items() if name not in {"AuthenticationToken", "Password"}}

    result = UserRules(NOW, archived=True).check(dict(without))

    assert (result.faults, [key.question[1] for key in result.keys]) == ((), ["Email"])
    assert result.value == {**without, "Password": None}
    assert faults("users", without) == {("required", "/AuthenticationToken")}
    assert UserRules(NOW, archived=True).check(dict(USER)).value == USER
