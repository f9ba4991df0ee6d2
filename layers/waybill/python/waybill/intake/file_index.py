"""Which record of a files index is that of which file in a bag.

A bag names its files by the paths that ``archive.paths.PathBook`` gave, in the order of the records' ids, and says
nowhere which record is meant. So the paths are given once more. A record without a content in the export was given no
path there; the manifest's gaps name them.
"""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from waybill.archive.bag import PAYLOAD
from waybill.archive.paths import NO_DIRECTORY, PathBook, safe_path


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file's record by its id, and the path in the bag that it was given."""

    id: str
    path: str


class FileIndex:
    """Takes in the records of files doctypes in any order; then gives each file its path.

    Memory stays flat: the records' names are on the disk.
    """

    def __init__(self) -> None:
        self._book = sqlite3.connect("", check_same_thread=False)  # the collector closes it from any thread
        self._book.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000")  # kibibytes
        self._book.execute(
            "CREATE TABLE file (doctype BLOB, id BLOB, name BLOB, directory BLOB, PRIMARY KEY (doctype, id)) "
            "WITHOUT ROWID"
        )
        self._book.execute("CREATE TABLE directory (id BLOB PRIMARY KEY, path BLOB) WITHOUT ROWID")
        self._book.execute("CREATE TABLE given (path TEXT PRIMARY KEY, doctype BLOB, id BLOB) WITHOUT ROWID")

    def __del__(self) -> None:
        self._book.close()

    def add(self, record_id: str, record: dict[str, Any], doctype: str = "") -> None:
        """Take in a record: its ``type`` is ``file`` or ``directory``, as a Cozy has it; others are passed over."""
        name = record.get("name")
        name = name if isinstance(name, str) and name else record_id
        key = _bytes(record_id)
        if record.get("type") == "directory":
            path = record.get("path")
            path = path if isinstance(path, str) else f"/{name}"
            self._book.execute("INSERT OR REPLACE INTO directory VALUES (?, ?)", (key, _bytes(path)))
        elif record.get("type") == "file":
            directory = record.get("dir_id")
            directory = directory if isinstance(directory, str) else ""
            row = (_bytes(doctype), key, _bytes(name), _bytes(directory))
            self._book.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", row)

    def give_paths(self, without_content: Collection[str | tuple[str, str]] = ()) -> None:
        """Give every file its path, except those that had none in the export. Call it when all is taken in.

        ``without_content`` are ids, or pairs of doctype and id.
        """
        book = PathBook()
        self._book.execute("DELETE FROM given")
        rows = self._book.execute(
            "SELECT doctype, file.id, name, path FROM file LEFT JOIN directory ON file.directory = directory.id "
            "ORDER BY doctype, file.id"
        )
        for doctype, key, name, path in rows:
            if _text(key) in without_content or (_text(doctype), _text(key)) in without_content:
                continue
            folder = NO_DIRECTORY if path is None else _text(path)
            given = book.unique(f"{PAYLOAD}/files/{safe_path(f'{folder}/{_text(name)}')}")
            self._book.execute("INSERT INTO given VALUES (?, ?, ?)", (given, doctype, key))

    def record_of(self, path: str) -> str | None:
        """Return the id of the record whose file lies at this path of a bag, None if there is none."""
        owner = self.owner_of(path)
        return None if owner is None else owner[1]

    def owner_of(self, path: str) -> tuple[str, str] | None:
        """Return doctype and id of the record whose file lies at this path of a bag, None if there is none."""
        row = self._book.execute("SELECT doctype, id FROM given WHERE path = ?", (path,)).fetchone()
        return None if row is None else (_text(row[0]), _text(row[1]))

    def __iter__(self) -> Iterator[IndexedFile]:
        """Yield all files with their paths, in the order of their ids."""
        for key, path in self._book.execute("SELECT id, path FROM given ORDER BY doctype, id"):
            yield IndexedFile(_text(key), path)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
