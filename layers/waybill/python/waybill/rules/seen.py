"""Which keys stand earlier in the input, for inputs of any size."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from waybill.rules.doctype_rules import Question

_DIGEST = 16
_MOST_VARIABLES = 500
_CACHE_KIB = 16 * 1024


class Earlier(NamedTuple):
    """The first row that has a key: its ordinal among the rows of its doctype, where it is, whether it is accepted."""

    ordinal: int
    place: str
    accepted: bool


class Seen(Protocol):
    """An index of keys, by their digests (``digest_of``)."""

    def find(self, digests: Sequence[bytes]) -> Mapping[bytes, Earlier]:
        """Return which of the keys were added, each with what was added first."""
        ...

    def add(self, entries: Iterable[tuple[bytes, Earlier]]) -> None:
        """Add keys. One that is there already stays as it is, so adding again changes nothing."""
        ...


def digest_of(question: Question) -> bytes:
    """Return what stands for a key: short, of one length, and not telling the key, which may be a secret."""
    return blake2b("\0".join(question).encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def digest_of_reserved(question: Question) -> bytes:
    """Return what stands for a key that is kept for a row that waits; no key has it, since no doctype lacks a name."""
    return blake2b("\0".join(("", *question)).encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


class SqliteSeen:
    """Keys in an SQLite file on the function's disk: about 40 bytes each there, and in memory at most 16 MiB in all.

    At a checkpoint call ``settle`` and store the file; a copy of it, opened in another function, goes on from there. It
    may have seen rows beyond those whose verdicts were stored, which does no harm (``judge``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS seen (digest BLOB PRIMARY KEY, ordinal INTEGER, place TEXT, accepted INTEGER) "
            "WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, digests: Sequence[bytes]) -> Mapping[bytes, Earlier]:
        """Return which of the keys were added, each with what was added first."""
        found: dict[bytes, Earlier] = {}
        for begin in range(0, len(digests), _MOST_VARIABLES):
            some = digests[begin : begin + _MOST_VARIABLES]
            marks = ",".join("?" * len(some))
            query = f"SELECT digest, ordinal, place, accepted FROM seen WHERE digest IN ({marks})"  # noqa: S608 marks
            for digest, ordinal, place, accepted in self._database.execute(query, some):
                found[digest] = Earlier(ordinal, place, bool(accepted))
        return found

    def add(self, entries: Iterable[tuple[bytes, Earlier]]) -> None:
        """Add keys. One that is there already stays as it is."""
        rows = sorted((digest, *earlier) for digest, earlier in entries)
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", rows)

    def settle(self) -> Path:
        """Write what is still in memory, and return the file, which can be copied until the next call."""
        self._database.execute("COMMIT")
        self._database.execute("BEGIN")
        return self._path

    def close(self) -> None:
        """Write what is still in memory, and let go of the file."""
        self._database.execute("COMMIT")
        self._database.close()
