"""Users of a chat, as seed 003 imports them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from waybill.rules.chat_model import (
    MOST_PASSWORD,
    ChatModel,
    Email,
    Id,
    Moment,
    Text,
    Url,
    as_moment,
    avatar_scheme,
    discarded,
    read,
)
from waybill.rules.codes import FaultCode, NoticeCode
from waybill.rules.doctype_rules import Checked, Mention
from waybill.rules.verdict import Finding


class User(ChatModel):
    """One row of users. Qiscus writes CreateAt; other systems write CreatedAt, which is taken for it."""

    Email: Email
    Name: Text | None = ""
    AvatarUrl: Url | None = ""
    AuthenticationToken: Id
    Password: Annotated[str, Field(max_length=MOST_PASSWORD)] | None = None
    CreateAt: Moment | None = None
    CreatedAt: Moment | None = None


class ArchivedUser(User):
    """A user of an archive: exports leave out the token, as they do the password, so it may be missing."""

    AuthenticationToken: Id | None = None  # type: ignore[assignment]


_FIELDS = frozenset(User.model_fields)
_UNIQUE = ("Email", "AuthenticationToken")


class UserRules:
    """The rules of users. ``now`` is when the import was made: it dates users without a date.

    ``archived`` says that the rows come from an archive, which has no tokens.
    """

    doctype = "users"
    name_field = "Email"

    def __init__(self, now: datetime, *, archived: bool = False) -> None:
        self._now = as_moment(now)
        self._model = ArchivedUser if archived else User

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        good, faults = read(self._model, value)
        notices = discarded(value, _FIELDS)
        _judge_avatar(good.get("AvatarUrl"), faults, notices)
        created, also = good.get("CreateAt"), good.get("CreatedAt")
        if created is not None and also is not None and created != also:
            sentence = "CreateAt and CreatedAt are one thing and differ; leave out one of them."
            faults.append(Finding(FaultCode.CONTRADICTION, "/CreatedAt", sentence))
        return Checked(
            value={
                **{name: each for name, each in good.items() if name != "CreatedAt" and not _is_left_out(name, each)},
                "CreateAt": created or also or self._now,
            },
            keys=tuple([Mention(("users", field, good[field]), f"/{field}") for field in _UNIQUE if good.get(field)]),
            references=(),
            faults=tuple(faults),
            notices=tuple(notices),
        )


def _is_left_out(name: str, value: object) -> bool:
    """Whether this is the token that an archive does not have: it is not written as null, but not at all."""
    return name == "AuthenticationToken" and value is None


def _judge_avatar(url: str | None, faults: list[Finding], notices: list[Finding]) -> None:
    scheme = avatar_scheme(url) if url else "https"
    if scheme == "http":
        notices.append(Finding(NoticeCode.HTTPS_ENCOURAGED, "/AvatarUrl", "An avatar should have an https link."))
    elif scheme != "https":
        faults.append(Finding(FaultCode.AVATAR_NOT_HTTPS, "/AvatarUrl", "An avatar is an https link, or empty."))
