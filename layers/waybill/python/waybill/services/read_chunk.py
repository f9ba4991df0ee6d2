"""Read shards into segments until they end or the time is used."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from waybill.archive.chain_lists import deleted_line, key_line, list_path, packed_list
from waybill.archive.chain_names import DELETED, KEYS
from waybill.archive.container import container_of
from waybill.archive.cozy_gaps import left_out_with_its_file, neither_file_nor_directory
from waybill.archive.layout import PackedRecords, Record
from waybill.archive.layouts import layout_of
from waybill.domain import keys
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.chain import Row, Slice, order_of
from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count, Gap, Outcome, count_gaps
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Directory, Entry, FileReference, ReadBatch, Shard, Staged, StagedRecord
from waybill.domain.progress import WorkerProgress
from waybill.ports import (
    Budget,
    ChainStore,
    Clock,
    HasSnapshot,
    JobStore,
    ObjectStore,
    SourceItem,
    Sources,
    Staging,
    WorkStore,
)
from waybill.services.baselines import HeldRows, comparing, increment_of, put_rows, writing_baseline
from waybill.services.changes import Change, changes, everything, is_of_file
from waybill.services.choose_by_date import chosen_by_date
from waybill.services.export_staging import ExportStaging
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.table_rows import in_rows
from waybill.services.waiting_shards import note_waiting
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
    sources: Callable[[Catalog, Staging], Sources],
    jobs: JobStore,
    archives: ObjectStore,
    budget: Budget,
    clock: Clock,
    chains: ChainStore,
) -> bool:
    """Read the batch's shards, going on from what an earlier call left; return whether all of it is read.

    It stops also after ``batch.seconds``. Where entries are cut depends on the data and ``parts_size`` alone, never on
    time, so that a reading that was interrupted leaves the same bytes as one that was not. An export that builds on
    another one compares what it reads with that one's baseline. A shard whose source is not ready is noted as waiting,
    and left behind for the next one. Raises ExportGone or ExportNotRunning, SourceUnavailable, StorageUnavailable,
    BaselineUnreadable.
    """
    with (
        making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job,
        writing_baseline(job, jobs=jobs, archives=archives),
        comparing(job, chains),
    ):
        held = _held(job, archives)
        catalog = pinned_catalog(archives, export_id)
        sooner = _Sooner(budget, clock, batch.seconds)
        staging = ExportStaging(archives, export_id, call=budget, enough=sooner)
        reader = _ShardReader(job, catalog, sources(catalog, staging), held, archives, sooner)
        records = size = done = 0
        has_read = False
        for shard in batch.shards:
            last = last_staged(archives, job.id, shard)
            waits = False
            if last is None or not last.done:
                if has_read and sooner.spent():
                    return False
                has_read = True
                try:
                    last = reader.read(shard, last)
                except SourceNotReady as error:
                    last = last_staged(archives, job.id, shard)
                    waits = note_waiting(archives, job.id, shard, error, clock())
            if last is not None:
                records, size, done = records + last.total_records, size + last.total_bytes, done + last.done
            share = done / len(batch.shards)
            jobs.report(job, WorkerProgress("read", batch.number, batch.batches, share, records, size))
            if not waits and (last is None or not last.done):
                return False
        if not batch.shards:
            jobs.report(job, WorkerProgress("read", batch.number, batch.batches, 1.0, 0, 0))
    return done == len(batch.shards)


@dataclass(frozen=True, slots=True)
class _ShardReader:
    """Reads shards of one export, from their checkpoints on, as long as there is time."""

    job: ExportJob
    catalog: Catalog
    sources: Sources
    held: HeldRows | None
    archives: ObjectStore
    budget: Budget

    def read(self, shard: Shard, last: Staged | None) -> Staged:
        """Return the checkpoint that the shard has then. Raises SourceNotReady; what was flushed until then stays."""
        doctype = self.catalog.doctypes[shard.doctype]
        source = self.sources.of(shard.doctype)
        snapshot = source if isinstance(source, HasSnapshot) else None
        reading = _Reading(self.job, shard, last, reads_files=doctype.has_files, snapshot=snapshot)
        given = source.read(tenant=self.job.tenant, shard=shard, after=reading.resume_after)
        rows = in_rows(chosen_by_date(given, doctype, self.job.options.dates), source, self.job.options)
        items = reading.compared(rows, self.held, doctype)
        return _read_shard(items, reading, archives=self.archives, budget=self.budget)


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
    reading = _Reading(job, shard, None, reads_files=reads_files)
    _read_shard(everything(items), reading, archives=archives, budget=_Endless())


class _Endless:
    """A budget that is never spent."""

    def spent(self) -> bool:
        """Whether the step should stop."""
        return False


def _held(job: ExportJob, archives: ObjectStore) -> HeldRows | None:
    """Return what the chain holds, if the export builds on that."""
    increment = increment_of(archives, job)
    return HeldRows(archives, job.chain) if job.chain and increment and not increment.full else None


def _read_shard(found: Iterable[Change], reading: "_Reading", *, archives: WorkStore, budget: Budget) -> Staged:
    for change in _kept(found, reading, archives):
        reading.take(change)
        if reading.entry_is_full:
            reading.close_entry()
            if budget.spent():
                return reading.flush(archives, done=False)
            if reading.is_full:
                reading.flush(archives, done=False)
    reading.close_entry()
    return reading.flush(archives, done=True)


def _kept(found: Iterable[Change], reading: "_Reading", archives: WorkStore) -> Iterator[Change]:
    """Pass on what a source gives. If it fails, leave a checkpoint behind the last entry that is full."""
    try:
        yield from found
    except (SourceUnavailable, SourceNotReady):
        reading.keep_closed(archives)
        raise


@dataclass
class _OpenEntry:
    """The record entry that is being filled. ``keys`` and ``deleted`` are the lists beside it, in a chain."""

    records: list[Record] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    deleted: list[bytes] = field(default_factory=list)
    listed: int = 0
    set_apart: int = 0
    size: int = 0
    items: int = 0
    updated_at: int = 0
    last_key: str | None = None


_LISTS = ("_packed", "_directories", "_files", "_gaps", "_kept_files", "_rows")
_NUMBERS = ("_expected", "_files_expected", "_outside", "_unchanged", "_files_unchanged", "_deleted")
"""What _Reading gathers item by item. All else it has of entries, as they are closed."""


class _Reading:
    """One shard from a checkpoint on: gathers items into entries, entries into a segment."""

    def __init__(
        self,
        job: ExportJob,
        shard: Shard,
        last: Staged | None,
        *,
        reads_files: bool,
        snapshot: HasSnapshot | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._job = job
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
        self._mark()

    def _mark(self) -> None:
        """Note what belongs to entries that are closed."""
        self._closed = {name: len(getattr(self, name)) for name in _LISTS} | {
            name: getattr(self, name) for name in _NUMBERS
        }

    def keep_closed(self, archives: WorkStore) -> None:
        """Write what belongs to closed entries, as if nothing had come behind them. Nothing else can be taken then."""
        if self._written_behind == self.resume_after:
            return
        for name in _LISTS:
            del getattr(self, name)[self._closed[name] :]
        for name in _NUMBERS:
            setattr(self, name, self._closed[name])
        self.flush(archives, done=False)

    def _start_segment(self) -> None:
        self._written_behind = self.resume_after
        self._packed = bytearray()
        self._entries: list[Entry] = []
        self._directories: list[Directory] = []
        self._files: list[FileReference] = []
        self._gaps: list[Gap] = []
        self._fields: set[str] = set()
        self._expected = 0
        self._files_expected = 0
        self._outside = 0
        self._unchanged = 0
        self._files_unchanged = 0
        self._kept_files: list[FileReference] = []
        self._deleted = 0
        self._rows: list[Row] = []

    def compared(self, items: Iterator[SourceItem], held: HeldRows | None, doctype: Doctype) -> Iterator[Change]:
        """Return what becomes of the items from the checkpoint on, and of what the chain holds and the source does not.

        ``held`` is None in an export that builds on no other.
        """
        if self._job.chain is None:
            return everything(items)
        order = order_of(doctype)
        part = Slice(order, self._shard.first, self._shard.last, self.resume_after)
        return changes(items, held.rows(doctype.name, part) if held else (), order)

    def take(self, change: Change) -> None:
        """Account for one item of the source, or for one that is there no more."""
        entry = self._open
        entry.items += 1
        entry.last_key = change.key
        if change.row is not None:
            self._rows.append(change.row)
        if change.deleted:
            entry.deleted.append(deleted_line(change.key))
            entry.listed += len(entry.deleted[-1])
            self._deleted += 1
        if change.item is not None:
            self._take_item(change, change.item)

    def _take_item(self, change: Change, item: SourceItem) -> None:
        if item.outside:
            self._outside += 1
            return
        entry = self._open
        is_record = item.line is not None or (item.gap is not None and item.gap.kind == "record")
        self._expected += is_record
        self._files_expected += item.file is not None or item.file_gap is not None or not is_record
        self._gaps += [gap for gap in (item.gap, item.file_gap) if gap is not None]
        if item.line is not None and not change.has_record:
            self._unchanged += 1
        elif item.line is not None:
            entry.size += len(item.line) + 1
            entry.updated_at = max(entry.updated_at, item.updated_at)
            if self._sets_apart:
                self._set_apart(item, item.line)
                return
            entry.records.append(Record(item.key, item.line, item.updated_at))
            if self._job.chain is not None:
                entry.keys.append(key_line(item.key, directory=item.directory, is_file=is_of_file(item)))
                entry.listed += len(entry.keys[-1])
        if item.file is not None and change.has_content:
            self._files.append(item.file)
        elif item.file is not None:
            self._files_unchanged += 1
            self._kept_files += [item.file] if change.has_record else []
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
        entry = self._open
        return max(entry.size, entry.listed) >= self._target or entry.items >= MOST_ITEMS_PER_ENTRY

    @property
    def is_full(self) -> bool:
        """Whether the segment should be written."""
        files = len(self._files) + len(self._kept_files)
        pending = files + len(self._directories) + len(self._gaps) + len(self._entries)
        return len(self._packed) >= SEGMENT_SIZE or max(pending, len(self._rows)) >= MOST_ITEMS_PER_ENTRY

    def close_entry(self) -> None:
        """Pack the open entry, if it has records, and move the checkpoint behind its items."""
        entry, self._open = self._open, _OpenEntry()
        if entry.last_key is not None:
            self.resume_after = entry.last_key
        self._total_records += len(entry.records) + entry.set_apart
        self._total_bytes += entry.size
        name = f"{self._shard.index:04}-{self._next_entry:06}"
        doctype = self._shard.doctype
        if entry.records:
            packed = self._layout.pack_records(self._container, doctype, name, entry.records)
            self._add(packed, len(entry.records), entry.updated_at)
            self._fields.update(packed.fields)
        for kind, lines in ((KEYS, entry.keys), (DELETED, entry.deleted)):
            if lines:
                self._add(packed_list(self._container, list_path(doctype, kind, name), lines), 0, entry.updated_at)
        if entry.records or entry.deleted:
            self._next_entry += 1
        self._mark()

    def _add(self, packed: PackedRecords, records: int, updated_at: int) -> None:
        self._entries.append(
            Entry(
                path=packed.path,
                doctype=self._shard.doctype,
                size=packed.size,
                sha256=packed.sha256,
                records=records,
                offset=len(self._packed),
                length=len(packed.packed),
                updated_at=updated_at,
                rows=packed.rows,
            )
        )
        self._packed += packed.packed

    def flush(self, archives: WorkStore, *, done: bool) -> Staged:
        """Write the segment and then, as the checkpoint, what is in it. Nothing counts before the second is written."""
        key = keys.segment(self._export_id, self._shard.number, self._sequence) if self._packed else None
        if key is not None:
            archives.put(key, bytes(self._packed))
        baseline = put_rows(archives, self._job, self._shard, self._sequence, self._rows)
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
            count=Count(expected=self._expected, unchanged=self._unchanged) + record_gaps,
            file_count=Count(expected=self._files_expected, unchanged=self._files_unchanged) + file_gaps,
            gaps=tuple(self._gaps),
            resume_after=self.resume_after,
            next_entry=self._next_entry,
            total_records=self._total_records,
            total_bytes=self._total_bytes,
            done=done,
            fields=tuple(sorted(self._fields)),
            outside=self._outside,
            kept_files=tuple(self._kept_files),
            deleted=self._deleted,
            baseline=baseline,
            as_of=(self._snapshot.as_of if self._snapshot else None) or "",
        )
        save(archives, keys.staged(self._export_id, self._shard.number, self._sequence), staged)
        self._sequence += 1
        self._start_segment()
        return staged
