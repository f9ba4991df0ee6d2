"""What validation leaves for loading: accepted rows as they are to be written, rejected rows with their reasons."""

from collections.abc import Iterable, Iterator

import msgspec

NO_CONTENT = -1


class AcceptedRow(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """A row that is to be written.

    ``at`` is its position in its row file, from 0, ``body`` the record's JSON text. ``replaces`` says that a record of
    this key stood in the target. ``salted_by`` is there if the record has a password that must not be stored: it is
    like no other row's. ``content`` is the number of the file's content, of ``size`` bytes.
    """

    at: int
    key: str
    changed_at: str
    body: msgspec.Raw
    replaces: bool = False
    salted_by: str = ""
    content: int = NO_CONTENT
    size: int = 0
    media_type: str = ""


class RejectedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row that is not taken, and why. ``at`` is its position in its row file, from 0."""

    at: int
    code: str
    pointer: str
    sentence: str


_ACCEPTED = msgspec.json.Decoder(AcceptedRow).decode
_REJECTED = msgspec.json.Decoder(RejectedRow).decode
_ENCODE = msgspec.json.Encoder().encode


def line_of(row: AcceptedRow | RejectedRow) -> bytes:
    """Return the line of a row, with its newline."""
    return _ENCODE(row) + b"\n"


def accepted_rows(data: bytes) -> Iterator[AcceptedRow]:
    """Yield the rows of a file of verdicts."""
    return map(_ACCEPTED, data.splitlines())


def rejected_rows(data: bytes) -> Iterator[RejectedRow]:
    """Yield the rejected rows of a file of them."""
    return map(_REJECTED, data.splitlines())


def joined(lines: Iterable[bytes]) -> bytes:
    """Return lines as one text."""
    return b"".join(lines)
