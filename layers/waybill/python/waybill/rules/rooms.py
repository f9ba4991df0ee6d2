"""Rooms of a chat, as seed 003 imports them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, Strict, TypeAdapter, ValidationError

from waybill.rules.chat_model import (
    ChatModel,
    Email,
    Id,
    Moment,
    Text,
    Url,
    as_moment,
    avatar_scheme,
    discarded,
    findings_of,
    read,
)
from waybill.rules.codes import FaultCode
from waybill.rules.doctype_rules import Checked, Mention
from waybill.rules.verdict import MOST_FINDINGS, Finding

MOST_PARTICIPANTS = 10_000
"""Emails in one room: more would not fit into one record."""

_IN_A_SINGLE = 2


class Room(ChatModel):
    """One row of rooms. The emails of participants are looked at apart, so that every bad one is told."""

    Name: Text | None = ""
    Type: Literal["single", "group"]
    Options: str | None = ""
    CreatorEmail: Email
    CreatedAt: Moment | None = None
    AvatarUrl: Url | None = ""
    UniqueId: Id
    ParticipantEmails: Annotated[list[Any], Field(max_length=MOST_PARTICIPANTS)]


_EMAIL = TypeAdapter[str](Annotated[Email, Strict()])
_FIELDS = frozenset(Room.model_fields)


class RoomRules:
    """The rules of rooms. ``now`` is when the import was made: it dates rooms without a date."""

    doctype = "rooms"
    name_field = "UniqueId"

    def __init__(self, now: datetime) -> None:
        self._now = as_moment(now)

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        good, faults = read(Room, value)
        emails = _judge_participants(good, faults)
        _judge_name(good, faults)
        if good.get("AvatarUrl") and avatar_scheme(good["AvatarUrl"]) != "https":
            faults.append(Finding(FaultCode.AVATAR_NOT_HTTPS, "/AvatarUrl", "An avatar is an https link, or empty."))
        if good.get("Options") and not _is_json(good["Options"]):
            faults.append(Finding(FaultCode.OPTIONS_NOT_JSON, "/Options", "Options is the text of JSON, or empty."))
        creator = [("/CreatorEmail", good["CreatorEmail"])] if "CreatorEmail" in good else []
        named = {"Name": " ".join(good["ParticipantEmails"])} if good.get("Type") == "single" and not faults else {}
        return Checked(
            value={**good, **named, "CreatedAt": good.get("CreatedAt") or self._now},
            keys=(Mention(("rooms", "UniqueId", good["UniqueId"]), "/UniqueId"),) if "UniqueId" in good else (),
            references=tuple([Mention(("users", "Email", email), pointer) for pointer, email in [*creator, *emails]]),
            faults=tuple(faults),
            notices=tuple(discarded(value, _FIELDS)),
        )


def _judge_participants(good: Mapping[str, Any], faults: list[Finding]) -> list[tuple[str, str]]:
    """Add the faults of the participants, and return the emails that are good, with their pointers."""
    if "ParticipantEmails" not in good:
        return []
    sent = good["ParticipantEmails"]
    emails: dict[str, str] = {}
    for index, email in enumerate(sent):
        pointer = f"/ParticipantEmails/{index}"
        fault = _email_fault(email, "ParticipantEmails", str(index))
        if fault is None and email in emails:
            fault = Finding(FaultCode.PARTICIPANT_TWICE, pointer, "This participant is named before already.")
        if fault is None:
            emails[email] = pointer
        elif len(faults) < MOST_FINDINGS:
            faults.append(fault)
    if good.get("Type") == "single":
        _judge_single(sent, good.get("CreatorEmail"), faults)
    return [(pointer, email) for email, pointer in emails.items()]


def _email_fault(email: object, *path: str) -> Finding | None:
    try:
        _EMAIL.validate_python(email)
    except ValidationError as error:
        return findings_of(error, *path)[0]
    return None


def _judge_single(sent: list[Any], creator: str | None, faults: list[Finding]) -> None:
    if len(sent) != _IN_A_SINGLE:
        sentence = f"A room of type single has exactly 2 participants; here are {len(sent):,}."
        faults.append(Finding(FaultCode.PARTICIPANT_COUNT, "/ParticipantEmails", sentence))
    if creator is not None and creator not in sent:
        sentence = "The creator of a room of type single is one of its participants."
        faults.append(Finding(FaultCode.CREATOR_NOT_PARTICIPANT, "/CreatorEmail", sentence))


def _judge_name(good: Mapping[str, Any], faults: list[Finding]) -> None:
    if good.get("Type") == "group" and "Name" in good and not good["Name"]:
        faults.append(Finding(FaultCode.EMPTY, "/Name", "A room of type group needs a name."))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True
