"""Put the archives of a chain together again: the state of the data at its last export.

Stands on the standard library alone, so that a person who holds the archives can run it anywhere (``client merge``).
docs/incremental.md says the same in words.
"""

import hashlib
import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from waybill.archive.chain_names import DELETED, FILES, KEYS, LISTS
from waybill.archive.paths import FileBook

CONTENTS = "data/files"


class ChainBroken(Exception):
    """The archives cannot be put together; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Link:
    """One export of a chain, as its manifest tells of it.

    ``digest`` is the manifest's SHA-256, ``parent`` that of the manifest of the export that this one builds on, empty
    if it is a full one; ``parts`` are the manifest's.
    """

    export: str
    created_at: str
    digest: str
    parent: str
    parent_export: str
    parts: tuple[dict[str, Any], ...] = field(hash=False)

    @property
    def name(self) -> str:
        """What the export is called when there is something to say about it."""
        return f"the export {self.export} of {self.created_at}"


def link_of(manifest: bytes) -> Link:
    """Return what a manifest says. Raises ChainBroken if it is not that of an export of a chain."""
    try:
        document = json.loads(manifest)
        export = document["export"]
        parts = tuple(document["parts"])
        increment = document.get("incremental")
        name = f"{export['id']} of {export['created_at']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ChainBroken("It is not a manifest of Waybill's.") from None
    if not isinstance(increment, dict):
        raise ChainBroken(
            f"The export {name} is not incremental: it is complete by itself, and nothing can be added to it."
        )
    return Link(
        export["id"],
        export["created_at"],
        hashlib.sha256(manifest).hexdigest(),
        increment["parent_manifest_sha256"],
        increment["parent_export"],
        parts,
    )


def in_order(links: Iterable[Link]) -> list[Link]:
    """Return the exports of one chain, the full one first, each behind the one that it builds on.

    Raises ChainBroken if one is missing, or if they are not of one chain.
    """
    known = {link.digest: link for link in links}
    for link in known.values():
        if link.parent and link.parent not in known:
            raise ChainBroken(
                f"A link is missing: {link.name} builds on the export {link.parent_export}, which is not here. "
                "Add its parts and its manifest."
            )
    full = sorted((link for link in known.values() if not link.parent), key=lambda link: link.created_at)
    if not full:
        raise ChainBroken("There is no manifest of a full export to begin with.")
    if len(full) > 1:
        raise ChainBroken(
            f"These are of more than one chain: {' and '.join(link.name for link in full)} are complete, and each "
            "begins a chain. Leave out one of them, and all that build on it."
        )
    order = full
    while following := [link for link in known.values() if link.parent == order[-1].digest]:
        if len(following) > 1:
            raise ChainBroken(
                f"The chain splits: {' and '.join(link.name for link in following)} build on the same export. Leave "
                "out the one that no later export builds on."
            )
        order.append(following[0])
    return order


class Rebuild:
    """Takes the exports of a chain, one after the other, and gives the state that they come to.

    ``database`` is the path of a new SQLite database, empty for a temporary one; what is large lies there. ``keep``
    stores the content of a file and returns a name for it, ``drop`` removes it.
    """

    def __init__(self, database: str, *, keep: Callable[[Iterable[bytes]], str], drop: Callable[[str], object]) -> None:
        self._state = sqlite3.connect(database)
        self._state.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE record (
                doctype TEXT, key BLOB, line BLOB, directory BLOB, PRIMARY KEY (doctype, key)) WITHOUT ROWID;
            CREATE TABLE file (
                doctype TEXT, key BLOB, name BLOB, folder BLOB, content TEXT, PRIMARY KEY (doctype, key)) WITHOUT ROWID;
            CREATE TABLE place (path TEXT PRIMARY KEY, doctype TEXT, key BLOB) WITHOUT ROWID;
            """
        )
        self._keep = keep
        self._drop = drop
        self._lines: dict[tuple[str, str], list[bytes]] = {}
        self._keys: dict[tuple[str, str], list[bytes]] = {}

    def __del__(self) -> None:
        self._state.close()

    def take(self, path: str, chunks: Iterable[bytes]) -> None:
        """Take in one file of an archive by its path in the bag; the parts of an export come in their order.

        Draws ``chunks`` to the end. What is not payload is passed over. Raises ChainBroken for payload that the
        archive's lists do not explain.
        """
        path = unicodedata.normalize("NFC", path)
        if path.startswith(f"{CONTENTS}/"):
            self._take_content(path, chunks)
        elif path.startswith("data/") and path.endswith(".ndjson"):
            lines = b"".join(chunks).split(b"\n")[:-1]
            folder, _, name = path.rpartition("/")
            if folder.startswith(f"{LISTS}/"):
                self._take_list(folder.removeprefix(f"{LISTS}/"), name.removesuffix(".ndjson"), lines)
            else:
                self._pair(self._lines, (folder.removeprefix("data/"), name.removesuffix(".ndjson")), lines)
        else:
            for _ in chunks:
                pass

    def end_export(self) -> None:
        """Say that all of one export was taken in. Raises ChainBroken if records are left that no list names."""
        left = [*self._lines, *self._keys]
        if left:
            raise ChainBroken(f"The records of {left[0][0]} and the lists of their keys do not go together.")
        self._state.execute("DELETE FROM place")

    def records(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield doctype, key and line of every record, by doctype and key."""
        for doctype, key, line in self._state.execute("SELECT doctype, key, line FROM record ORDER BY doctype, key"):
            yield doctype, _text(key), line

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the path of every file, as a full export has it, and the name of its content."""
        rows = self._state.execute("SELECT key, directory FROM record WHERE directory NOTNULL ORDER BY doctype, key")
        book = FileBook(CONTENTS, {_text(key): _text(directory) for key, directory in rows})
        rows = self._state.execute("SELECT folder, name, content FROM file WHERE content NOTNULL ORDER BY doctype, key")
        for folder, name, content in rows:
            yield book.path(_text(folder), _text(name)), content

    def _take_list(self, doctype: str, name: str, lines: Sequence[bytes]) -> None:
        kind, _, number = name.partition("-")
        if kind == KEYS:
            self._pair(self._keys, (doctype, number), lines)
        elif kind == DELETED:
            for line in lines:
                key = _blob(json.loads(line)["key"])
                self._forget_file(doctype, key)
                self._state.execute("DELETE FROM record WHERE doctype = ? AND key = ?", (doctype, key))
        elif kind == FILES:
            for line in lines:
                self._take_place(doctype, json.loads(line))

    def _pair(self, half: dict[tuple[str, str], list[bytes]], name: tuple[str, str], lines: Sequence[bytes]) -> None:
        """Take in one of two: a file of records and the list of their keys."""
        half[name] = list(lines)
        if name not in self._lines or name not in self._keys:
            return
        records, keys = self._lines.pop(name), self._keys.pop(name)
        if len(records) != len(keys):
            raise ChainBroken(f"The records of {name[0]} and the lists of their keys do not go together.")
        for line, described in zip(records, keys, strict=True):
            known = json.loads(described)
            key = _blob(known["key"])
            directory = _blob(known["directory"]) if "directory" in known else None
            self._state.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", (name[0], key, line, directory))
            if not known.get("file"):
                self._forget_file(name[0], key)

    def _take_place(self, doctype: str, file: dict[str, str]) -> None:
        key, name, folder = _blob(file["key"]), _blob(file["name"]), _blob(file["in"])
        self._state.execute(
            "INSERT INTO file VALUES (?, ?, ?, ?, NULL) "
            "ON CONFLICT DO UPDATE SET name = excluded.name, folder = excluded.folder",
            (doctype, key, name, folder),
        )
        if "path" in file:
            path = unicodedata.normalize("NFC", file["path"])
            self._state.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (path, doctype, key))

    def _take_content(self, path: str, chunks: Iterable[bytes]) -> None:
        place = self._state.execute("SELECT doctype, key FROM place WHERE path = ?", (path,)).fetchone()
        if place is None:
            raise ChainBroken(f"No list in the archive says whose content {path} is.")
        self._drop_content(*place)
        content = self._keep(chunks)
        self._state.execute("UPDATE file SET content = ? WHERE doctype = ? AND key = ?", (content, *place))

    def _forget_file(self, doctype: str, key: bytes) -> None:
        self._drop_content(doctype, key)
        self._state.execute("DELETE FROM file WHERE doctype = ? AND key = ?", (doctype, key))

    def _drop_content(self, doctype: str, key: bytes) -> None:
        row = self._state.execute("SELECT content FROM file WHERE doctype = ? AND key = ?", (doctype, key)).fetchone()
        if row is not None and row[0] is not None:
            self._drop(row[0])


def _blob(text: str) -> bytes:
    """Return a text as SQLite orders as sources do, by its bytes; a lone half of a surrogate pair comes through."""
    return text.encode("utf-8", "surrogatepass")


def _text(blob: bytes) -> str:
    return blob.decode("utf-8", "surrogatepass")
