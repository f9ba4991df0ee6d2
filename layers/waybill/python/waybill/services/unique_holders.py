"""Which records of the target have which values in fields that no two may have in common.

The field that names records is the target's key, and can be asked for. Others cannot: so all records of the doctype are
read once, before rows of it are judged, and what they have there is noted on the disk.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from waybill.ports import Budget
from waybill.rules.seen import digest_of

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CACHE_KIB = 8 * 1024
_ASK_EVERY = 100


class UniqueHolders:
    """The records of one doctype, in an SQLite file. Memory stays flat."""

    def __init__(self, path: Path, doctype: str, fields: Sequence[str]) -> None:
        self.path = path
        self._doctype = doctype
        self._fields = fields
        self._book = sqlite3.connect(path, isolation_level=None)
        self._book.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};"
            "CREATE TABLE IF NOT EXISTS holder (digest BLOB PRIMARY KEY, key TEXT) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS until (key TEXT, done INTEGER); BEGIN"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.execute("COMMIT")
        self._book.close()

    def settle(self) -> Path:
        """Write what is still in memory, and return the file, which can be copied until the next call."""
        self._book.execute("COMMIT")
        self._book.execute("BEGIN")
        return self.path

    @property
    def after(self) -> str:
        """The key of the last record that was read."""
        return str(self._until()[0])

    @property
    def done(self) -> bool:
        """Whether all records were read."""
        return bool(self._until()[1])

    def read(self, records: Iterable[tuple[str, str]], budget: Budget) -> bool:
        """Take in records behind ``after`` until they end, or the budget is spent; return whether they have ended."""
        last = self.after
        for number, (key, body) in enumerate(records, 1):
            self._add(key, body)
            last = key
            if number % _ASK_EVERY == 0 and budget.spent():
                self._note(last, done=False)
                return False
        self._note(last, done=True)
        return True

    def find(self, field: str, values: Sequence[str]) -> Mapping[str, str]:
        """Return which values some record has in a field, each with the record's key."""
        found: dict[str, str] = {}
        for value in values:
            digest = digest_of((self._doctype, field, value))
            row = self._book.execute("SELECT key FROM holder WHERE digest = ?", (digest,)).fetchone()
            if row is not None:
                found[value] = row[0]
        return found

    def _add(self, key: str, body: str) -> None:
        try:
            fields = _FIELDS.decode(body)
            values = {name: msgspec.json.decode(fields[name]) for name in self._fields if name in fields}
        except (msgspec.MsgspecError, RecursionError):
            return  # what is no record has no values
        for name, value in values.items():
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                digest = digest_of((self._doctype, name, str(value)))
                self._book.execute("INSERT OR IGNORE INTO holder VALUES (?, ?)", (digest, key))

    def _until(self) -> tuple[str, int]:
        row = self._book.execute("SELECT key, done FROM until").fetchone()
        return ("", 0) if row is None else (row[0], row[1])

    def _note(self, key: str, *, done: bool) -> None:
        self._book.execute("DELETE FROM until")
        self._book.execute("INSERT INTO until VALUES (?, ?)", (key, int(done)))
