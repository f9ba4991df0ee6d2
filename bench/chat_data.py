"""A made-up chat in files, in the shape in which imports take it, the same in every run."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.data import Writer

USERS = 1_000
ROOMS = 100
_MESSAGES = 2_000
_REPLIES = 5
_WORDS = 25


def users() -> Iterator[dict[str, object]]:
    """Yield the users. They have no passwords: hashing one takes some tenths of a second by design."""
    writer = Writer(seed=6)
    for number in range(USERS):
        yield {
            "Email": _email(number),
            "Name": writer.words(2).title(),
            "AvatarUrl": f"https://avatars.example.org/{number}.png",
            "AuthenticationToken": f"token-{number:032x}",
            "CreateAt": "2024-01-02T03:04:05Z",
        }


def rooms() -> Iterator[dict[str, object]]:
    """Yield the rooms: groups of five."""
    for number in range(ROOMS):
        members = [_email((number * 7 + each) % USERS) for each in range(5)]
        yield {
            "Name": f"Room {number}",
            "Type": "group",
            "Options": "",
            "CreatorEmail": members[0],
            "CreatedAt": "2024-01-03T03:04:05Z",
            "AvatarUrl": "",
            "UniqueId": _room(number),
            "ParticipantEmails": members,
        }


def comments(count: int) -> Iterator[dict[str, object]]:
    """Yield comments; every fifth replies to the one before."""
    writer = Writer(seed=7)
    messages = [writer.words(_WORDS) for _ in range(_MESSAGES)]
    for number in range(count):
        message, replies = messages[number * 31 % _MESSAGES], number % _REPLIES == _REPLIES - 1
        day, hour = 1 + number // 24 % 28, number % 24
        yield {
            "Message": message,
            "DisableLinkPreview": False,
            "Type": "reply" if replies else "text",
            "UniqueId": _comment(number),
            "CreatorEmail": _email(number * 13 % USERS),
            "RoomUniqueId": _room(number * 17 % ROOMS),
            "CreatedAt": f"2024-05-{day:02}T{hour:02}:{number % 60:02}:00Z",
            "Payload": {"text": message, "replied_comment_id": 1} if replies else None,
            "ParentCommentUniqueId": _comment(number - 1) if replies else "",
        }


def write_array(file: Path, rows: Iterable[dict[str, object]]) -> int:
    """Write rows as one JSON array, a row a line, and return the file's size."""
    with file.open("w", encoding="utf-8") as text:
        text.write("[")
        for number, row in enumerate(rows):
            text.write(",\n" if number else "\n")
            text.write(json.dumps(row, ensure_ascii=False))
        text.write("\n]\n")
    return file.stat().st_size


def _email(number: int) -> str:
    return f"user{number}@example.org"


def _room(number: int) -> str:
    return f"room-{number:08x}"


def _comment(number: int) -> str:
    return f"comment_{number * 2654435761 % 2**32:08x}{number:012x}"
