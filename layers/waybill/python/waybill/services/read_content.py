"""What was read of an export, taken together."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from waybill.archive.directories import DirectoryBook
from waybill.archive.layout import MadeRecords
from waybill.archive.layouts import layout_of
from waybill.archive.paths import PathBook, safe_path
from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count
from waybill.domain.manifest import GapList, ReadLedger
from waybill.domain.plan import Entry, FileEntry, FileReference, Shard
from waybill.ports import WorkStore
from waybill.services.work_files import staged

NO_DIRECTORY = "_without_folder"


class ReadContent:
    """All that was read, shard by shard, in the order in which it goes into the archive."""

    def __init__(self, job: ExportJob, shards: list[Shard], archives: WorkStore) -> None:
        """Go through everything once, for the ledger, the directories and the name of the group.

        How the parts are cut is in the group's name too, so that parts of two exports are never taken for one.
        """
        self._export_id = export_id = job.id
        self._made_segments = 0
        self._shards = shards
        self._archives = archives
        self._layout = layout = layout_of(job.options.layout)
        self._directories: dict[str, str] = {}
        book = DirectoryBook()
        self.fields: dict[str, set[str]] = {}
        self.ledger = ReadLedger()
        digest = hashlib.sha256(f"{job.options.format}\0{job.options.layout}\0{job.options.parts_size}\n".encode())
        gaps = GapList()
        outside: Counter[str] = Counter()
        for shard in shards:
            self.ledger.records.setdefault(shard.doctype, Count())
            fields = self.fields.setdefault(shard.doctype, set())
            for flush in staged(archives, export_id, shard):
                self.ledger.records[shard.doctype] += flush.count
                if flush.file_count != Count():
                    self.ledger.files[shard.doctype] = self.ledger.files.get(shard.doctype, Count()) + flush.file_count
                fields.update(flush.fields)
                outside[shard.doctype] += flush.outside
                gaps.add(flush.gaps)
                for directory in flush.directories:
                    self._directories[directory.id] = directory.path
                    book.add(shard.doctype, directory)
                for entry in flush.entries:
                    digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
                for file in flush.files:
                    digest.update(f"{file.id}\0{file.size}\0{file.etag}\n".encode("utf-8", "surrogatepass"))
                    if file.record is not None:
                        digest.update(file.record.sha256.encode())
        self._first = self._made(layout.made_first(job.tenant))
        self._last = self._made(layout.made_last(book))
        for _, entry in (*self._first, *self._last):
            digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
        self.ledger.gaps.extend(gaps.listed)
        self.ledger.unlisted.update(gaps.unlisted)
        self.ledger.outside.update(outside if job.options.dates is not None else {})
        self.group = digest.hexdigest()[:32]

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yield the packed record entries with the key of their segment."""
        yield from self._first
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                if flush.segment is not None:
                    for entry in flush.entries:
                        yield flush.segment, entry
        yield from self._last

    def files(self) -> Iterator[FileEntry]:
        """Yield the files with the paths that they get, in the order of their ids."""
        book = PathBook()
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                for file in flush.files:
                    path = book.unique(f"{self._layout.files_root}/{safe_path(self._original_path(file))}")
                    yield FileEntry(path, shard.doctype, file, flush.segment if file.record else None)

    def _made(self, entries: Iterator[MadeRecords]) -> list[tuple[str, Entry]]:
        """Store entries that were made here, each in a segment of its own."""
        made: list[tuple[str, Entry]] = []
        for each in entries:
            key = keys.planned_segment(self._export_id, self._made_segments)
            packed = each.packed
            self._archives.put(key, packed.packed)
            self._made_segments += 1
            length = len(packed.packed)
            made.append((key, Entry(packed.path, each.doctype, packed.size, packed.sha256, each.records, 0, length)))
        return made

    def _original_path(self, file: FileReference) -> str:
        return f"{self._directories.get(file.directory, NO_DIRECTORY)}/{file.name}"
