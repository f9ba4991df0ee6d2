"""What a made-up chat holds. The same every time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

DATED_BY = {"users": "CreateAt", "rooms": "CreatedAt", "comments": "CreatedAt"}
"""What dates a row. ``CreateAt`` is what it is called for users, in every version (source-systems, C2)."""

_WORDS = ("halo", "dokter", "terima kasih", "baik", "selamat pagi", "“maaf”", "ok \u2028", "😀")


@dataclass
class Chat:
    """Rows by type, in the order in which they were made."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def between(self, kind: str, first: date, last: date, zone: Callable[[datetime], date]) -> list[dict[str, Any]]:
        """Return the rows of the days from ``first`` to ``last``, both included."""
        return [row for row in self.rows[kind] if first <= zone(_moment(row[DATED_BY[kind]])) <= last]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def made_up(
    *,
    users: int = 20,
    rooms: int = 8,
    comments: int = 300,
    since: date = date(2025, 12, 1),
    days: int = 80,
    seed: int = 3,
) -> Chat:
    """Return a chat of so many days."""
    chance = random.Random(seed)
    start = datetime(since.year, since.month, since.day, 3, tzinfo=UTC)

    def at(number: int, count: int) -> str:
        return (
            (start + timedelta(seconds=number * (days * 86_400 - 1) // max(count, 1)))
            .isoformat()
            .replace("+00:00", "Z")
        )

    emails = [f"user{number}@example.org" for number in range(users)]
    chat = Chat()
    chat.rows["users"] = [
        {
            "Email": email,
            "Name": f"User {number}",
            "AvatarUrl": f"https://cdn.example.org/{number}.png",
            "AuthenticationToken": f"token-secret-{number}",
            "Password": f"password-secret-{number}",
            "CreateAt": at(number, users),
        }
        for number, email in enumerate(emails)
    ]
    chat.rows["rooms"] = [
        {
            "Name": f"Room {number}",
            "Type": "group" if number % 2 else "single",
            "Options": "" if number % 3 else '{"topic":"x"}',
            "CreatorEmail": emails[number % users],
            "CreatedAt": at(number, rooms),
            "AvatarUrl": "",
            "UniqueId": f"room-{number // 2 if number < 4 else number}",  # the seed's own sample repeats one
            "ParticipantEmails": [emails[number % users], emails[(number + 1) % users]],
        }
        for number in range(rooms)
    ]
    chat.rows["comments"] = [
        {
            "Message": chance.choice(_WORDS),
            "DisableLinkPreview": False,
            "Type": "text" if number % 5 else "reply",
            "UniqueId": f"android_{number:08}",
            "CreatorEmail": chance.choice(emails),
            "RoomUniqueId": f"room-{chance.randrange(rooms)}",
            "CreatedAt": at(number, comments),
            "Payload": None if number % 5 else {"text": "…", "replied_comment_id": 1},
            "ParentCommentUniqueId": "" if number % 5 else f"android_{max(number - 1, 0):08}",
        }
        for number in range(comments)
    ]
    return chat
