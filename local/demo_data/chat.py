"""A chat: its users, rooms and comments, in the shape in which Qiscus imports them (seed 003)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.demo_data.record import Record
from local.demo_data.seed import chance, identifier, iso, moment
from local.demo_data.words import full_name, phrase, text

USERS, ROOMS, COMMENTS = "users", "rooms", "comments"


@dataclass(frozen=True, slots=True)
class ChatSize:
    """How many users, rooms and comments there are."""

    users: int
    rooms: int
    comments: int


def users(owner: str, count: int) -> Iterator[Record]:
    """Yield the users of the chat. Their secrets are here so that an export has something to leave out."""
    rng = chance(owner, USERS)
    for number in range(count):
        changed = moment(rng, 1500)
        yield _record(
            USERS,
            _email(owner, number),
            changed,
            Email=_email(owner, number),
            Name=" ".join(full_name(rng)),
            AvatarUrl=f"https://avatars.example.org/{rng.randrange(10**6)}.png",
            AuthenticationToken=rng.randbytes(16).hex(),
            Password=rng.randbytes(12).hex(),
            CreateAt=iso(changed),
        )


def rooms(owner: str, size: ChatSize) -> Iterator[Record]:
    """Yield the rooms: of two, named after both, and groups."""
    rng = chance(owner, ROOMS)
    for number in range(size.rooms):
        is_group = number % 3 == 0
        members = rng.sample(range(size.users), min(size.users, rng.randint(3, 6) if is_group else 2))
        participants = [_email(owner, member) for member in members]
        changed = moment(rng, 1400)
        yield _record(
            ROOMS,
            _room(owner, number),
            changed,
            Name=phrase(rng, 3).title() if is_group else " ".join(participants),
            Type="group" if is_group else "single",
            Options="",
            CreatorEmail=participants[0],
            CreatedAt=iso(changed),
            AvatarUrl="",
            UniqueId=_room(owner, number),
            ParticipantEmails=participants,
        )


def comments(owner: str, size: ChatSize) -> Iterator[Record]:
    """Yield the comments, a few minutes apart; every fifth replies to the one before."""
    rng = chance(owner, COMMENTS)
    when = moment(rng, 30)
    before = ""
    for number in range(size.comments):
        when += timedelta(seconds=rng.randint(20, 7200))
        key = identifier(owner, COMMENTS, number)
        message = text(rng, rng.randint(1, 3))
        is_reply = number % 5 == 4
        yield _record(
            COMMENTS,
            key,
            when,
            Message=message,
            DisableLinkPreview=False,
            Type="reply" if is_reply else "text",
            UniqueId=key,
            CreatorEmail=_email(owner, rng.randrange(size.users)),
            RoomUniqueId=_room(owner, rng.randrange(size.rooms)),
            CreatedAt=iso(when),
            Payload={"text": message, "replied_comment_id": 1} if is_reply else None,
            ParentCommentUniqueId=before if is_reply else "",
        )
        before = key


def _record(doctype: str, key: str, changed: datetime, /, **body: Any) -> Record:
    return Record(doctype, key, iso(changed), body)


def _email(owner: str, number: int) -> str:
    return f"{owner}.chat{number}@example.org"


def _room(owner: str, number: int) -> str:
    return identifier(owner, ROOMS, number)
