"""Exports in the layout cozy, and what a Cozy makes of them by its importer, in small (reference cozy-move, section 4).

The importer checks what the real one checks, by the order of entries alone: it looks at no name of a content.
"""

import base64
import hashlib
import io
import json
import posixpath
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.unit.archive.exports import CONTAINERS, Export

from waybill.archive.directories import DirectoryBook
from waybill.archive.layout import MadeRecords, Record
from waybill.archive.layouts import archive_layout_of
from waybill.domain.plan import Directory, Entry, FileEntry, FileReference, PartPlan, StagedRecord

FILES = "io.cozy.files"
ROOT = "io.cozy.files.root-dir"
TENANT = "alice.mycozy.cloud"
LAYOUT = archive_layout_of("cozy")
ZIP = CONTAINERS["zip"]

_DATA = "My Cozy/Data/"


def file_document(name: str, content: bytes, directory: str = ROOT, **changes: Any) -> dict[str, Any]:
    """The index record of a file as a Cozy has it."""
    digest = base64.b64encode(hashlib.md5(content).digest()).decode()
    document = {"type": "file", "name": name, "dir_id": directory, "size": str(len(content)), "md5sum": digest}
    return {**document, **changes}


@dataclass
class CozyExport(Export):
    """An export that is put together as ReadChunk and PlanParts do it."""

    layout: Any = LAYOUT
    container: Any = ZIP
    documents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    directories: list[Directory] = field(default_factory=list)
    pairs: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    _read: list[tuple[str, Entry]] = field(default_factory=list)

    def add_documents(self, doctype: str, documents: Mapping[str, bytes]) -> None:
        """Stage documents as one run."""
        self.documents.setdefault(doctype, {}).update(documents)
        records = [Record(key, line, 1_600_000_000) for key, line in documents.items()]
        name = f"0001-{len(self._read) + 1:06}"
        packed = LAYOUT.pack_records(ZIP, doctype, name, records)
        self._read.append(self._staged(MadeRecords(doctype, len(records), packed)))

    def add_directory(self, name: str, path: str) -> None:
        """Put a directory into the export."""
        record = json.dumps({"_id": name, "type": "directory", "path": path})
        self.directories.append(Directory(name, path, record, 1_600_000_000))

    def add_pair(
        self,
        name: str,
        path: str,
        content: bytes,
        record: bytes | None = None,
        *,
        mime: str = "",
        executable: bool = False,
    ) -> FileEntry:
        """Put a file and its record into the export. Ids are added in order."""
        document = {"_id": name, **file_document(posixpath.basename(path), content)}
        given = json.dumps(document).encode() if record is None else record
        text = LAYOUT.file_record(given, len(content))
        segment = "segments/files"
        offset = len(self.segments.get(segment, b""))
        staged = StagedRecord(offset, len(text), hashlib.sha256(text).hexdigest())
        self.segments[segment] = self.segments.get(segment, b"") + text
        base = posixpath.basename(path)
        reference = FileReference(
            name, base, ROOT, name, len(content), '"etag"', mime, 1_500_000_000, executable, staged
        )
        entry = FileEntry(self._book.unique(f"{LAYOUT.files_root}/{path}"), FILES, reference, segment)
        self.files.append(entry)
        self.contents[name] = content
        self.pairs[name] = (text, content)
        return entry

    def plans(self, parts_size: int) -> list[PartPlan]:
        """Cut the export into parts, with what is made when all is read."""
        book = DirectoryBook()
        for directory in self.directories:
            book.add(FILES, directory)
        first = [self._staged(each) for each in LAYOUT.made_first(TENANT)]
        last = [self._staged(each) for each in LAYOUT.made_last(book)]
        self.entries = [*first, *self._read, *last]
        return super().plans(parts_size)

    def _staged(self, made: MadeRecords) -> tuple[str, Entry]:
        packed = made.packed
        key = f"segments/{len(self.segments)}"
        self.segments[key] = packed.packed
        return key, Entry(packed.path, made.doctype, packed.size, packed.sha256, made.records, 0, len(packed.packed))


@dataclass
class Imported:
    """What a Cozy has after an import."""

    documents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    files: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)


def imported(parts: Iterable[bytes], files: str = FILES) -> Imported:
    """Import parts in their order; ``files`` is the doctype that a Cozy has its files under. Fails where it would."""
    cozy = Imported()
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            _import(archive, archive.infolist(), cozy, files)
    return cozy


def _import(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], cozy: Imported, files: str) -> None:
    for position, entry in enumerate(entries):
        if not entry.filename.startswith(_DATA):
            continue
        doctype, _, name = entry.filename.removeprefix(_DATA).partition("/")
        if not name:
            continue
        doctype, name, text = unquote(doctype), name.removesuffix(".json"), archive.read(entry)
        if doctype != files:
            cozy.documents.setdefault(doctype, {})[name] = text
        elif json.loads(text)["type"] == "directory":
            path = json.loads(text)["path"]
            parent = posixpath.dirname(path)
            assert parent in {"/", *cozy.directories}, f"{path} comes before {parent}"
            cozy.directories.append(path)
        else:
            _import_file(text, archive.read(entries[position + 1]), name, cozy)


def _import_file(text: bytes, content: bytes, name: str, cozy: Imported) -> None:
    document = json.loads(text)
    assert document["size"] == str(len(content))
    if "md5sum" in document:
        digest = hashlib.md5(content).digest()
        assert base64.b64decode(document["md5sum"]) == digest
    assert name not in cozy.files
    cozy.files[name] = (text, content)
