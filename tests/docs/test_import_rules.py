"""docs/import-rules.md says what the rules do: every code, field, type and limit, and none besides."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from waybill.domain.import_options import OnConflict
from waybill.rules import chat_model, comments, judge, passwords, payloads, rooms, schema_rules, users, verdict
from waybill.rules.chat_model import ChatModel
from waybill.rules.codes import FaultCode, NoticeCode, Outcome
from waybill.rules.comments import Comment
from waybill.rules.payloads import NOT_IMPORTED, PAYLOADS, TEXT
from waybill.rules.rooms import Room
from waybill.rules.users import User

TEXT_OF_PAGE = (Path(__file__).parents[2] / "docs" / "import-rules.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands under a heading, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", TEXT_OF_PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def tables(heading: str) -> list[dict[str, str]]:
    """The tables of a section: for what stands between backticks in the first cell of a row, the second cell."""
    found = re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE)
    rows = [[line.split("|")[1:3] for line in table.splitlines()[2:]] for table in found]
    return [{first.strip(" `"): second.strip() for first, second in table} for table in rows]


@pytest.mark.parametrize(("heading", "codes"), [("Fault codes", FaultCode), ("Notice codes", NoticeCode)])
def test_every_code_is_described_once_and_no_other(heading: str, codes: type[StrEnum]) -> None:
    assert re.findall(r"^\| `(\w+)` \|", section(heading), re.MULTILINE) == [code.value for code in codes]


def test_every_outcome_and_every_way_with_conflicts_is_described() -> None:
    outcomes, conflicts = tables("Outcomes")

    assert list(outcomes) == [each.value for each in Outcome]
    assert list(conflicts) == [each.value for each in OnConflict]


@pytest.mark.parametrize(("heading", "model"), [("users", User), ("rooms", Room), ("comments", Comment)])
def test_every_field_is_described_and_whether_it_is_required(heading: str, model: type[ChatModel]) -> None:
    fields = tables(heading)[0]

    assert list(fields) == list(model.model_fields)
    always = {name for name, rule in fields.items() if re.match(r"required(?! (for|in) )", rule)}
    assert always == {name for name, field in model.model_fields.items() if field.is_required()}


@pytest.mark.parametrize(
    ("heading", "rules"),
    [("users", users.UserRules), ("rooms", rooms.RoomRules), ("comments", comments.CommentRules)],
)
def test_the_field_that_names_records_is_said(
    heading: str, rules: type[users.UserRules | rooms.RoomRules | comments.CommentRules]
) -> None:
    assert f"Named by `{rules.name_field}`." in section(heading)


def test_every_type_of_comment_is_described_with_what_its_payload_must_have() -> None:
    described = tables("comments")[1]

    assert list(described) == [TEXT, *PAYLOADS]
    for kind, model in PAYLOADS.items():
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        assert required <= set(re.findall(r"`(\w+)`", described[kind])), kind
    assert f"`{NOT_IMPORTED}` cannot be imported" in section("comments")


def test_the_limits_are_those_of_the_code() -> None:
    user, room, comment = tables("users")[0], tables("rooms")[0], tables("comments")[0]

    assert f"up to {chat_model.MOST_EMAIL} characters" in user["Email"]
    assert f"up to {chat_model.MOST_ID} characters" in user["Name"]
    assert f"up to {chat_model.MOST_PASSWORD:,} characters" in user["Password"]
    assert f"up to {rooms.MOST_PARTICIPANTS:,} in" in room["ParticipantEmails"]
    assert f"up to {comments.MOST_MESSAGE:,} characters" in comment["Message"]
    assert f"Ids and tokens have up to {chat_model.MOST_ID} characters" in section("comments")
    assert section("comments").count(f"1 to {payloads.MOST_BUTTONS}") == 2
    faults = tables("Fault codes")[0]
    assert f"more than {judge.MOST_RECORD:,} bytes" in faults[FaultCode.RECORD_TOO_LARGE]
    assert f"more than {schema_rules.MOST_SEARCHED:,} bytes" in faults[FaultCode.MORE_FAULTS]
    assert f"up to {verdict.MOST_FINDINGS} faults" in section("Fault codes")


def test_the_form_of_a_password_is_said() -> None:
    kept = passwords.stored({"Password": "p"}, bytes(passwords.LEAST_SALT))[passwords.PASSWORD_HASH]
    parameters = "$".join(kept.split("$")[:3])

    assert f"`{parameters}$<salt>$<hash>`" in section("Passwords")
    assert f"{passwords.LEAST_SALT} bytes or more" in section("Passwords")
    assert f"`{passwords.PASSWORD_HASH}`" in section("Passwords")
