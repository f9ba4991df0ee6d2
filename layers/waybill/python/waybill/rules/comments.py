"""Comments of a chat, as seed 003 imports them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from waybill.rules.chat_model import MOST_ID, ChatModel, Email, Id, Moment, as_moment, discarded, read
from waybill.rules.codes import FaultCode, NoticeCode
from waybill.rules.doctype_rules import Checked, Mention
from waybill.rules.payloads import NOT_IMPORTED, PAYLOADS, REPLY, TEXT, payload_faults
from waybill.rules.verdict import Finding

MOST_MESSAGE = 4_000
"""Characters (reference source-systems, section C3)."""


class Comment(ChatModel):
    """One row of comments."""

    Message: Annotated[str, Field(max_length=MOST_MESSAGE)]
    DisableLinkPreview: bool | None = False
    Type: str
    UniqueId: Id
    CreatorEmail: Email
    RoomUniqueId: Id
    CreatedAt: Moment | None = None
    Payload: dict[str, Any] | None = None
    ParentCommentUniqueId: Annotated[str, Field(max_length=MOST_ID)] | None = ""


_FIELDS = frozenset(Comment.model_fields)

_UNSUPPORTED = Finding(
    NoticeCode.TYPE_NOT_FULLY_SUPPORTED,
    "/Type",
    "Only text and reply are sure to come through; a chat server may not show a comment of this type as it was.",
)


class CommentRules:
    """The rules of comments. ``now`` is when the import was made: it dates comments without a date."""

    doctype = "comments"
    name_field = "UniqueId"

    def __init__(self, now: datetime) -> None:
        self._now = as_moment(now)

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        good, faults = read(Comment, value)
        notices = discarded(value, _FIELDS)
        kind = good.get("Type")
        if kind is not None:
            _judge_type(kind, good, faults)
            if kind in PAYLOADS and kind != REPLY:
                notices.append(_UNSUPPORTED)
        if not good.get("CreatedAt"):
            good = {**good, "CreatedAt": self._now}
        return Checked(
            value=good,
            keys=(Mention(("comments", "UniqueId", good["UniqueId"]), "/UniqueId"),) if "UniqueId" in good else (),
            references=_references(good),
            faults=tuple(faults),
            notices=tuple(notices),
        )


def _judge_type(kind: str, good: Mapping[str, Any], faults: list[Finding]) -> None:
    parent = good.get("ParentCommentUniqueId")
    if kind == TEXT:
        if good.get("Payload") is not None:
            faults.append(Finding(FaultCode.PAYLOAD_NOT_ALLOWED, "/Payload", "A comment of type text has no payload."))
    elif kind in PAYLOADS:
        if "Payload" in good:
            faults += payload_faults(kind, good["Payload"])
    else:
        faults.append(_unknown(kind))
    if kind == REPLY:
        _judge_reply(good, faults)
    elif parent:
        sentence = "Only a comment of type reply has a parent; leave this empty."
        faults.append(Finding(FaultCode.PARENT_NOT_ALLOWED, "/ParentCommentUniqueId", sentence))
    if kind in (TEXT, REPLY) and good.get("Message") == "":
        faults.append(Finding(FaultCode.EMPTY, "/Message", "The text must not be empty."))


def _unknown(kind: str) -> Finding:
    if kind == NOT_IMPORTED:
        sentence = "A chat server says this by itself; comments of this type cannot be imported."
        return Finding(FaultCode.TYPE_NOT_IMPORTED, "/Type", sentence)
    known = ", ".join([TEXT, *PAYLOADS])
    return Finding(FaultCode.UNKNOWN_TYPE, "/Type", f"There is no such type of comment. Known: {known}.")


def _judge_reply(good: Mapping[str, Any], faults: list[Finding]) -> None:
    payload, message = good.get("Payload"), good.get("Message")
    if payload and message is not None and isinstance(payload.get("text"), str) and payload["text"] != message:
        sentence = "The text of a reply is the same as its Message."
        faults.append(Finding(FaultCode.REPLY_TEXT, "/Payload/text", sentence))
    if "ParentCommentUniqueId" in good and not good["ParentCommentUniqueId"]:
        sentence = "A reply names its parent, the UniqueId of another comment."
        faults.append(Finding(FaultCode.REQUIRED, "/ParentCommentUniqueId", sentence))


def _references(good: Mapping[str, Any]) -> tuple[Mention, ...]:
    found: list[Mention] = []
    if "RoomUniqueId" in good:
        found.append(Mention(("rooms", "UniqueId", good["RoomUniqueId"]), "/RoomUniqueId"))
    if "CreatorEmail" in good:
        found.append(Mention(("users", "Email", good["CreatorEmail"]), "/CreatorEmail"))
    if good.get("Type") == REPLY and good.get("ParentCommentUniqueId"):
        found.append(Mention(("comments", "UniqueId", good["ParentCommentUniqueId"]), "/ParentCommentUniqueId"))
    return tuple(found)
