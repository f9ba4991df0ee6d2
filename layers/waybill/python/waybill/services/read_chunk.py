"""Read shards into segments until they end or the time is used."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from waybill.archive.container import container_of
from waybill.archive.cozy_gaps import left_out_with_its_file, neither_file_nor_directory
from waybill.archive.layout import Record
from waybill.archive.layouts import layout_of
from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count, Gap, Outcome, count_gaps
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Directory, Entry, FileReference, ReadBatch, Shard, Staged, StagedRecord
from waybill.domain.progress import WorkerProgress
from waybill.ports import Budget, Clock, JobStore, ObjectStore, SourceItem, Sources, WorkStore
from waybill.services.choose_by_date import chosen_by_date
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.work_files import last_staged, save

SEGMENT_SIZE = 4 * MEBIBYTE
"""A flush writes a segment of about this size. It bounds the memory of a reader."""

MOST_ITEMS_PER_ENTRY = 10_000
"""An entry is closed after this many records even if it is small, so that lists of file references stay short."""


def read_chunk(
    tenant: str,
    export_id: str,
    batch: ReadBatch,
    *,
    sources: Callable[[Catalog], Sources],
    jobs: JobStore,
    archives: ObjectStore,
    budget: Budget,
    clock: Clock,
) -> bool:
    """Read the batch's shards, going on from what an earlier call left; return whether all of it is read.

    It stops also after ``batch.seconds``. Where entries are cut depends on the data and ``parts_size`` alone, never on
    time, so that a reading that was interrupted leaves the same bytes as one that was not. Raises ExportGone or
    ExportNotRunning, SourceUnavailable, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        catalog = pinned_catalog(archives, export_id)
        found = sources(catalog)
        budget = _Sooner(budget, clock, batch.seconds)
        records = size = 0
        has_read = False
        for position, shard in enumerate(batch.shards):
            last = last_staged(archives, job.id, shard)
            if last is None or not last.done:
                if has_read and budget.spent():
                    return False
                has_read = True
                doctype = catalog.doctypes[shard.doctype]
                reading = _Reading(job, shard, last, reads_files=doctype.has_files)
                given = found.of(shard.doctype).read(tenant=job.tenant, shard=shard, after=reading.resume_after)
                items = chosen_by_date(given, doctype, job.options.dates)
                last = _take(items, reading, archives=archives, budget=budget)
            records, size = records + last.total_records, size + last.total_bytes
            share = (position + last.done) / len(batch.shards)
            jobs.report(job, WorkerProgress("read", batch.number, batch.batches, share, records, size))
            if not last.done:
                return False
        if not batch.shards:
            jobs.report(job, WorkerProgress("read", batch.number, batch.batches, 1.0, 0, 0))
    return True


class _Sooner:
    """A budget that is spent when another one is, or after some seconds."""

    def __init__(self, budget: Budget, clock: Clock, seconds: int | None) -> None:
        self._budget = budget
        self._clock = clock
        self._until = None if seconds is None else clock() + timedelta(seconds=seconds)

    def spent(self) -> bool:
        """Whether the step should stop."""
        return self._budget.spent() or (self._until is not None and self._clock() >= self._until)


def take_whole(
    job: ExportJob, shard: Shard, items: Iterable[SourceItem], *, archives: WorkStore, reads_files: bool
) -> None:
    """Stage all items of a shard, as reading them does that is never interrupted."""
    _take(items, _Reading(job, shard, None, reads_files=reads_files), archives=archives, budget=_Endless())


class _Endless:
    """A budget that is never spent."""

    def spent(self) -> bool:
        """Whether the step should stop."""
        return False


def _take(items: Iterable[SourceItem], reading: "_Reading", *, archives: WorkStore, budget: Budget) -> Staged:
    for item in items:
        reading.take(item)
        if reading.entry_is_full:
            reading.close_entry()
            if budget.spent():
                return reading.flush(archives, done=False)
            if reading.is_full:
                reading.flush(archives, done=False)
    reading.close_entry()
    return reading.flush(archives, done=True)


@dataclass
class _OpenEntry:
    """The record entry that is being filled."""

    records: list[Record] = field(default_factory=list)
    set_apart: int = 0
    size: int = 0
    items: int = 0
    updated_at: int = 0
    last_key: str | None = None


class _Reading:
    """One shard from a checkpoint on: gathers items into entries, entries into a segment."""

    def __init__(self, job: ExportJob, shard: Shard, last: Staged | None, *, reads_files: bool) -> None:
        self._export_id = job.id
        self._shard = shard
        self._layout = layout_of(job.options.layout)
        self._sets_apart = reads_files and self._layout.pairs_files
        self._target = self._layout.entry_target(job.options.parts_size)
        self._container = container_of(job.options.format)
        self._sequence = last.sequence + 1 if last else 0
        self._next_entry = last.next_entry if last else 1
        self._total_records = last.total_records if last else 0
        self._total_bytes = last.total_bytes if last else 0
        self.resume_after = last.resume_after if last else None
        self._open = _OpenEntry()
        self._start_segment()

    def _start_segment(self) -> None:
        self._packed = bytearray()
        self._entries: list[Entry] = []
        self._directories: list[Directory] = []
        self._files: list[FileReference] = []
        self._gaps: list[Gap] = []
        self._fields: set[str] = set()
        self._expected = 0
        self._files_expected = 0
        self._outside = 0

    def take(self, item: SourceItem) -> None:
        """Account for one item of the source."""
        entry = self._open
        entry.items += 1
        entry.last_key = item.key
        if item.outside:
            self._outside += 1
            return
        is_record = item.line is not None or (item.gap is not None and item.gap.kind == "record")
        self._expected += is_record
        self._files_expected += item.file is not None or item.file_gap is not None or not is_record
        self._gaps += [gap for gap in (item.gap, item.file_gap) if gap is not None]
        if item.line is not None:
            entry.size += len(item.line) + 1
            entry.updated_at = max(entry.updated_at, item.updated_at)
            if self._sets_apart:
                self._set_apart(item, item.line)
                return
            entry.records.append(Record(item.key, item.line, item.updated_at))
        if item.file is not None:
            self._files.append(item.file)
        if item.directory is not None:
            self._directories.append(item.directory)

    def _set_apart(self, item: SourceItem, line: bytes) -> None:
        """Take in a record that goes next to its file, or among the directories; any other has no place."""
        if item.file is not None:
            text = self._layout.file_record(line, item.file.size)
            record = StagedRecord(len(self._packed), len(text), hashlib.sha256(text).hexdigest())
            self._files.append(replace(item.file, record=record))
            self._packed += text
            self._open.set_apart += 1
        elif item.directory is not None:
            self._directories.append(replace(item.directory, record=line.decode(), updated_at=item.updated_at))
            self._open.set_apart += 1
        elif item.file_gap is not None and item.file_gap.outcome is Outcome.FAILED:
            self._gaps.append(left_out_with_its_file(item.file_gap))
        else:
            self._gaps.append(neither_file_nor_directory(self._shard.doctype, item.key))

    @property
    def entry_is_full(self) -> bool:
        """Whether the open entry has reached its size. Says the same for the same items, whenever it is asked."""
        return self._open.size >= self._target or self._open.items >= MOST_ITEMS_PER_ENTRY

    @property
    def is_full(self) -> bool:
        """Whether the segment should be written."""
        pending = len(self._files) + len(self._directories) + len(self._gaps) + len(self._entries)
        return len(self._packed) >= SEGMENT_SIZE or pending >= MOST_ITEMS_PER_ENTRY

    def close_entry(self) -> None:
        """Pack the open entry, if it has records, and move the checkpoint behind its items."""
        entry, self._open = self._open, _OpenEntry()
        if entry.last_key is not None:
            self.resume_after = entry.last_key
        self._total_records += len(entry.records) + entry.set_apart
        self._total_bytes += entry.size
        if not entry.records:
            return
        name = f"{self._shard.index:04}-{self._next_entry:06}"
        packed = self._layout.pack_records(self._container, self._shard.doctype, name, entry.records)
        self._entries.append(
            Entry(
                path=packed.path,
                doctype=self._shard.doctype,
                size=packed.size,
                sha256=packed.sha256,
                records=len(entry.records),
                offset=len(self._packed),
                length=len(packed.packed),
                updated_at=entry.updated_at,
                rows=packed.rows,
            )
        )
        self._fields.update(packed.fields)
        self._packed += packed.packed
        self._next_entry += 1

    def flush(self, archives: WorkStore, *, done: bool) -> Staged:
        """Write the segment and then, as the checkpoint, what is in it. Nothing counts before the second is written."""
        key = keys.segment(self._export_id, self._shard.number, self._sequence) if self._packed else None
        if key is not None:
            archives.put(key, bytes(self._packed))
        record_gaps = count_gaps(gap for gap in self._gaps if gap.kind == "record")
        file_gaps = count_gaps(gap for gap in self._gaps if gap.kind == "file")
        staged = Staged(
            shard=self._shard.number,
            sequence=self._sequence,
            doctype=self._shard.doctype,
            segment=key,
            entries=tuple(self._entries),
            directories=tuple(self._directories),
            files=tuple(self._files),
            count=Count(expected=self._expected) + record_gaps,
            file_count=Count(expected=self._files_expected) + file_gaps,
            gaps=tuple(self._gaps),
            resume_after=self.resume_after,
            next_entry=self._next_entry,
            total_records=self._total_records,
            total_bytes=self._total_bytes,
            done=done,
            fields=tuple(sorted(self._fields)),
            outside=self._outside,
        )
        save(archives, keys.staged(self._export_id, self._shard.number, self._sequence), staged)
        self._sequence += 1
        self._start_segment()
        return staged
