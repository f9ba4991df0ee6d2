"""The file of an export of Qiscus: rows as they are, in a format that shows by its content (source-systems, C2)."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from waybill.intake.formats import format_of, rows
from waybill.intake.rows import Broken, Row
from waybill.sources.json_text import NotAnObject, one_line

HEAD = 4096
"""Bytes by which the format is told."""

_DIGEST = 16


class NoRows(Exception):
    """The file is in no format that is known. The message is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row: its number from 1, its line, or why there is none; ``id`` is what it calls itself."""

    number: int
    digest: bytes
    line: bytes | None
    id: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a file: how many rows, and where it breaks off, if it does."""

    rows: int
    broken: str = ""


def summary(chunks: Iterable[bytes]) -> Summary:
    """Read a file to its end. Raises NoRows."""
    count = 0
    for row in _read(chunks)[1]:
        if isinstance(row, Broken):
            return Summary(count, row.sentence) if row.code != "empty" else Summary(0)
        count += 1
    return Summary(count)


def file_rows(chunks: Iterable[bytes], leave_out: Collection[str] = ()) -> Iterator[FileRow]:
    """Yield the rows of a file, up to where it breaks off. Raises NoRows."""
    format_name, found = _read(chunks)
    for row in found:
        if isinstance(row, Broken):
            return
        yield _row(row, format_name, leave_out)


def digests(chunks: Iterable[bytes]) -> frozenset[bytes]:
    """Return what tells the rows of a file apart, row by row. Raises NoRows."""
    return frozenset(_digest(row) for row in _read(chunks)[1] if not isinstance(row, Broken))


def _read(chunks: Iterable[bytes]) -> tuple[str, Iterator[Row | Broken]]:
    """Return the format of a file, and its rows."""
    left = iter(chunks)
    head = b""
    for chunk in left:
        head += chunk
        if len(head) >= HEAD:
            break
    if not head.strip():
        return "json", iter(())
    name = format_of(head)
    if name is None or (name == "csv" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")):
        raise NoRows("is in no format that is known")
    return name, iter(rows(name, chain([head], left)))


def _row(row: Row, format_name: str, leave_out: Collection[str]) -> FileRow:
    digest = _digest(row)
    if not row.raw:
        return FileRow(row.number, digest, None, "", f"has {row.size:,} bytes, which is too much")
    try:
        line = _line(row, format_name, leave_out)
    except NotAnObject as fault:
        return FileRow(row.number, digest, None, "", str(fault))
    return FileRow(row.number, digest, line, _id(row.value))


def _line(row: Row, format_name: str, leave_out: Collection[str]) -> bytes:
    """Return a row as a line: its own text where that is JSON. Raises NotAnObject."""
    try:
        if format_name != "csv":
            return one_line(row.raw.decode(), leave_out)
    except UnicodeDecodeError:
        raise NotAnObject("is not UTF-8") from None
    if row.value is None:
        raise NotAnObject("is no row of its table")
    return one_line(msgspec.json.encode(row.value).decode(), leave_out)


def _id(value: dict[str, Any] | None) -> str:
    """Return what a row calls itself: a room or a comment by its id, a user by the email."""
    for name in ("UniqueId", "Email", "unique_id", "email"):
        found = (value or {}).get(name)
        if isinstance(found, str) and found:
            return found
    return ""


def _digest(row: Row) -> bytes:
    return hashlib.blake2b(row.raw or b"%d" % row.offset, digest_size=_DIGEST).digest()
