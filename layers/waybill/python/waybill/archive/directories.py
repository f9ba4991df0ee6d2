"""The directories of an export, in an order in which none comes before the one that it is in."""

import sqlite3
from collections.abc import Iterator

from waybill.domain.plan import Directory


class DirectoryBook:
    """Takes directories in any order and gives them back, those of one doctype together, parents first.

    Memory stays flat: the book is a temporary SQLite database, which moves to the disk as it grows.
    """

    def __init__(self) -> None:
        self._book = sqlite3.connect("")
        self._book.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000")  # kibibytes
        self._book.execute("CREATE TABLE directory (doctype, depth, path, id, record, updated_at)")

    def __del__(self) -> None:
        self._book.close()

    def add(self, doctype: str, directory: Directory) -> None:
        """Take in a directory."""
        path = directory.path.encode("utf-8", "surrogatepass")
        depth = sum(1 for name in path.split(b"/") if name)
        row = (doctype, depth, path, directory.id, directory.record, directory.updated_at)
        self._book.execute("INSERT INTO directory VALUES (?, ?, ?, ?, ?, ?)", row)

    def __iter__(self) -> Iterator[tuple[str, Directory]]:
        rows = self._book.execute("SELECT * FROM directory ORDER BY doctype, depth, path, CAST(id AS BLOB)")
        for doctype, _, path, name, record, updated_at in rows:
            yield doctype, Directory(name, path.decode("utf-8", "surrogatepass"), record, updated_at)
