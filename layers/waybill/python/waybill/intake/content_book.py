"""Which content that came in belongs to which record, for any number of files."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

_CACHE_KIB = 8 * 1024


class BookedContent(NamedTuple):
    """A content: ``import_keys.content(import_id, number)`` has its ``size`` bytes, ``name`` is the file's as it came.

    ``sha256`` is in hexadecimal and ``md5`` in base64, as a Cozy's records have it.
    """

    number: int
    size: int
    sha256: str
    md5: str
    name: str


class ContentBook:
    """An SQLite file. Staging writes it; ``settle`` it and copy the file, and a copy can be read elsewhere.

    Each record has one content at most: the first that came in. It also keeps the places of files in an archive that
    names them itself (``archive.chain_lists``). Memory stays flat.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._book = sqlite3.connect(path, isolation_level=None)
        self._book.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};"
            "CREATE TABLE IF NOT EXISTS content (doctype BLOB, id BLOB, number INTEGER, size INTEGER, sha256 TEXT,"
            " md5 TEXT, name BLOB, PRIMARY KEY (doctype, id)) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS place (path BLOB PRIMARY KEY, doctype BLOB, id BLOB) WITHOUT ROWID"
        )
        self._book.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, doctype: str, record_id: str, content: BookedContent) -> bool:
        """Take in a record's content. Return False, and change nothing, if the record has another one."""
        row = (_bytes(doctype), _bytes(record_id), *content[:-1], _bytes(content.name))
        self._book.execute("INSERT OR IGNORE INTO content VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return self.find(doctype, record_id) == content

    def find(self, doctype: str, record_id: str) -> BookedContent | None:
        """Return the content of a record, None if it has none."""
        query = "SELECT number, size, sha256, md5, name FROM content WHERE doctype = ? AND id = ?"
        row = self._book.execute(query, (_bytes(doctype), _bytes(record_id))).fetchone()
        return None if row is None else _content_of(row)

    def forget(self, first: int) -> None:
        """Remove the contents with this number and those behind it."""
        self._book.execute("DELETE FROM content WHERE number >= ?", (first,))

    def note_place(self, path: str, doctype: str, record_id: str) -> None:
        """Keep which record the file at this path of an archive belongs to."""
        row = (_bytes(path), _bytes(doctype), _bytes(record_id))
        self._book.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", row)

    def place(self, path: str) -> tuple[str, str] | None:
        """Return doctype and id of the record that ``note_place`` kept for a path, None if for none."""
        row = self._book.execute("SELECT doctype, id FROM place WHERE path = ?", (_bytes(path),)).fetchone()
        return None if row is None else (_text(row[0]), _text(row[1]))

    def __iter__(self) -> Iterator[tuple[str, str, BookedContent]]:
        """Yield all contents with doctype and id of their records, in the order of these."""
        query = "SELECT doctype, id, number, size, sha256, md5, name FROM content ORDER BY doctype, id"
        for doctype, record_id, *content in self._book.execute(query):
            yield _text(doctype), _text(record_id), _content_of(content)

    def settle(self) -> Path:
        """Write what is still in memory, and return the file, which can be copied until the next call."""
        self._book.execute("COMMIT")
        self._book.execute("BEGIN")
        return self._path

    def close(self) -> None:
        """Write what is still in memory, and let go of the file."""
        self._book.execute("COMMIT")
        self._book.close()


def _content_of(row: Sequence[Any]) -> BookedContent:
    number, size, sha256, md5, name = row
    return BookedContent(number, size, sha256, md5, _text(name))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
