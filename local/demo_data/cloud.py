"""What each demo user has. The owner's cloud is large, the stranger's small; their data differ."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.demo_data import agenda, chat, money, people
from local.demo_data.chat import ChatSize
from local.demo_data.library import Library, LibrarySize
from local.demo_data.record import Record

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class CloudSize:
    """How many records of each kind a user has."""

    contacts: int
    events: int
    operations: int
    bills: int
    todos: int
    notes: int
    library: LibrarySize
    chat: ChatSize


CLOUDS = {
    "owner": CloudSize(
        contacts=800,
        events=900,
        operations=1800,
        bills=120,
        todos=150,
        notes=40,
        library=LibrarySize(albums=10, photos=220, documents=120, largest=(30 * _MEGABYTE, 30 * _MEGABYTE, 6_000_001)),
        chat=ChatSize(users=40, rooms=15, comments=500),
    ),
    "stranger": CloudSize(
        contacts=60,
        events=80,
        operations=150,
        bills=10,
        todos=20,
        notes=5,
        library=LibrarySize(albums=2, photos=20, documents=15, largest=(2 * _MEGABYTE,)),
        chat=ChatSize(users=6, rooms=3, comments=40),
    ),
}


def records(user: str) -> Iterator[Record]:
    """Yield all records of a demo user but the files index, which ``library`` has."""
    size = CLOUDS[user]
    yield from people.groups(user)
    yield from people.contacts(user, size.contacts)
    yield from money.accounts(user)
    yield from money.operations(user, size.operations)
    yield from money.bills(user, size.bills)
    yield from agenda.events(user, size.events)
    yield from agenda.todos(user, size.todos)
    yield from agenda.notes(user, size.notes)
    yield from agenda.settings(user)
    yield from library(user).albums()
    yield from chat.users(user, size.chat.users)
    yield from chat.rooms(user, size.chat)
    yield from chat.comments(user, size.chat)


def library(user: str) -> Library:
    """Return the files of a demo user."""
    return Library(user, CLOUDS[user].library)
