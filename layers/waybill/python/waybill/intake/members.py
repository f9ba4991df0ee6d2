"""What every reader of archives shares: members, limits, and the rules for what a member may be called."""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from waybill.domain.errors import WaybillError
from waybill.intake.codes import ArchiveCode

MOST_PATH_BYTES = 4_096

RATIO_FREE = 16 * 1024 * 1024
"""Bytes that anything may unpack to, whatever the ratio: a small archive of zeros is nobody's attack."""

_MOST_SHOWN = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


class BadArchive(WaybillError):
    """An archive that is refused. ``code`` is stable; ``path`` names the member, if it is about one."""

    def __init__(self, code: str, sentence: str, path: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.path = path


class BadMember(BadArchive):
    """One member is bad. Reading may go on with the next one; nothing of this one may be used."""


class MemberKind(StrEnum):
    """What a member is. There is nothing else: links and devices are refused."""

    FILE = "file"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may grow to, in bytes as unpacked: all of it, and one member.

    ``ratio`` is how many times more than the bytes that came in, and ``members`` is how many there may be.
    """

    total: int
    member: int
    ratio: int = 200
    members: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """One file or directory. Its ``size`` is what was announced; drawing ``chunks`` to their end proves it.

    Whoever does not draw them has them drawn, and checked all the same, before the next member comes. ``place`` counts
    the members of an archive from 0, where its directory says which there are.
    """

    path: str
    size: int
    kind: MemberKind
    chunks: Iterator[bytes]
    place: int = 0


class Allowance:
    """Counts what was unpacked, which is never taken from what an archive says."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._read = 0
        self._unpacked = 0

    def read(self, size: int) -> None:
        """Count bytes that came in."""
        self._read += size

    def unpacked(self, size: int) -> None:
        """Count bytes that came out. Raises BadArchive if they are too many."""
        self._unpacked += size
        if self._unpacked > self._limits.total:
            raise BadArchive(
                ArchiveCode.TOO_LARGE,
                f"The archive unpacks to more than {self._limits.total:,} bytes, which is the most.",
            )
        if self._unpacked > RATIO_FREE + self._limits.ratio * self._read:
            raise BadArchive(
                ArchiveCode.ZIP_BOMB,
                f"The archive unpacks to more than {self._limits.ratio} times its size, which no honest one does.",
            )


class MemberBook:
    """Takes in the members of one archive by name. Memory stays flat: names that were seen are on the disk."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0
        self._book = sqlite3.connect("", check_same_thread=False)  # the collector closes it from any thread
        self._book.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000")  # kibibytes
        self._book.execute("CREATE TABLE seen (path TEXT PRIMARY KEY) WITHOUT ROWID")

    def __del__(self) -> None:
        self._book.close()

    def add(self, name: str, size: int, kind: MemberKind) -> str:
        """Take in a member and return its path, without a slash at the end. Raises BadArchive if it is refused."""
        path = checked_path(name[:-1] if kind is MemberKind.DIRECTORY and name.endswith("/") else name)
        self._count += 1
        if self._count > self._limits.members:
            sentence = f"The archive has more than {self._limits.members:,} members, which is the most."
            raise BadArchive(ArchiveCode.TOO_MANY_MEMBERS, sentence)
        if size > self._limits.member:
            sentence = f"The member has {size:,} bytes; the most is {self._limits.member:,}."
            raise BadArchive(ArchiveCode.TOO_LARGE, sentence, path)
        if not self._book.execute("INSERT OR IGNORE INTO seen VALUES (?)", (_folded(path),)).rowcount:
            raise BadArchive(ArchiveCode.DUPLICATE_MEMBER, f"{shown(path)} is in the archive twice.", path)
        return path


def checked_path(name: str) -> str:
    """Return a member's path. Raises BadArchive if it could lead anywhere but below where it is unpacked."""
    components = name.split("/")
    if (
        len(name.encode("utf-8", "surrogatepass")) > MOST_PATH_BYTES
        or _DRIVE.match(name)
        or "\\" in name
        or _CONTROL.search(name)
        or any(component in {"", ".", ".."} for component in components)
    ):
        raise BadArchive(ArchiveCode.UNSAFE_PATH, f"The archive has a member with an unsafe name, {shown(name)}.", name)
    return name


def name_of(raw: bytes) -> str:
    """Return a name that must be UTF-8. Raises BadArchive."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "replace")
        sentence = f"The archive has a member whose name is not UTF-8, {shown(name)}."
        raise BadArchive(ArchiveCode.NAME_NOT_UTF_8, sentence, name) from None


def shown(path: str) -> str:
    """Return a path for a sentence: what cannot be printed becomes ``?``, and what is too long is cut."""
    text = "".join(char if char.isprintable() else "?" for char in path[:_MOST_SHOWN])
    return f"“{text}{' …' if len(path) > _MOST_SHOWN else ''}”"


def drained(members: Iterable[Member]) -> Iterator[Member]:
    """Yield members; what a caller leaves of one is drawn before the next, so that everything is checked."""
    for member in members:
        yield member
        for _ in member.chunks:
            pass


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path)
