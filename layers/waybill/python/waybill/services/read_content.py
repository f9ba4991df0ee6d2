"""What was read of an export, taken together."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from waybill.archive.chain_lists import file_line, file_lists
from waybill.archive.container import container_of
from waybill.archive.directories import DirectoryBook
from waybill.archive.layout import MadeRecords
from waybill.archive.layouts import layout_of
from waybill.archive.paths import FileBook
from waybill.domain import keys
from waybill.domain.chain import BaselinePiece
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count
from waybill.domain.manifest import GapList, ReadLedger
from waybill.domain.plan import Entry, FileEntry, Shard, Staged
from waybill.ports import WorkStore
from waybill.services.baselines import increment_of
from waybill.services.work_files import staged


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
        increment = increment_of(archives, job)
        if increment is not None:  # the same changes, but since another state
            digest.update(increment.parent_manifest_sha256.encode())
        self.baseline: list[BaselinePiece] = []
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
                self._take_moment(flush)
                self._take_changes(flush)
                gaps.add(flush.gaps)
                for directory in flush.directories:
                    self._directories[directory.id] = directory.path
                    book.add(shard.doctype, directory)
                for line in _contents(flush):
                    digest.update(line)
        self._first = self._made(layout.made_first(job.tenant))
        self._last = self._made(layout.made_last(book))
        if job.chain is not None:
            self._last += self._made(self._file_lists(job))
        for _, entry in (*self._first, *self._last):
            digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
        self.ledger.gaps.extend(gaps.listed)
        self.ledger.unlisted.update(gaps.unlisted)
        self.ledger.outside.update(outside if job.options.dates is not None else {})
        self.group = digest.hexdigest()[:32]

    def _take_moment(self, flush: Staged) -> None:
        """Note when the records were read, if their source says so. It is in no name and in no digest."""
        if flush.as_of:
            first, last = self.ledger.as_of.get(flush.doctype, (flush.as_of, flush.as_of))
            self.ledger.as_of[flush.doctype] = min(first, flush.as_of), max(last, flush.as_of)

    def _take_changes(self, flush: Staged) -> None:
        """Take in what only exports of a chain have."""
        if flush.deleted:
            self.ledger.deleted[flush.doctype] = self.ledger.deleted.get(flush.doctype, 0) + flush.deleted
        if flush.baseline is not None:
            self.baseline.append(flush.baseline)

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
        book = FileBook(self._layout.files_root, self._directories)
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                for file in flush.files:
                    is_path = file.kept and file.directory.startswith("/")
                    path = (book.path_in if is_path else book.path)(file.directory, file.name)
                    yield FileEntry(path, shard.doctype, file, flush.segment if file.record else None)

    def _file_lists(self, job: ExportJob) -> Iterator[MadeRecords]:
        """Yield the lists of the files of an export of a chain."""
        target = self._layout.entry_target(job.options.parts_size)
        for doctype, packed in file_lists(container_of(job.options.format), self._file_lines(), target=target):
            yield MadeRecords(doctype, 0, packed)

    def _file_lines(self) -> Iterator[tuple[str, bytes]]:
        files = self.files()
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                for file in flush.kept_files:
                    yield shard.doctype, file_line(file, None)
                for _ in flush.files:
                    entry = next(files)
                    yield shard.doctype, file_line(entry.reference, entry.path)

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


def _contents(flush: Staged) -> Iterator[bytes]:
    """Yield what tells the contents of one flush from others."""
    for entry in flush.entries:
        yield f"{entry.path}\0{entry.sha256}\n".encode()
    for file in flush.files:
        yield f"{file.id}\0{file.size}\0{file.etag}\n".encode("utf-8", "surrogatepass")
        if file.record is not None:
            yield file.record.sha256.encode()
