"""Assign what was read to parts, once everything is read."""

import hashlib
from collections.abc import Callable, Iterator

from waybill.archive.container import container_of
from waybill.archive.directories import DirectoryBook
from waybill.archive.enclosed import LEAST_PARTS_SIZE
from waybill.archive.enough_parts_size import enough_parts_size
from waybill.archive.layout import Layout, MadeRecords
from waybill.archive.layouts import layout_of
from waybill.archive.paths import PathBook, safe_path
from waybill.archive.plan_parts import plan_parts as cut_parts
from waybill.domain import keys
from waybill.domain.errors import TooManyParts
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count
from waybill.domain.manifest import GapList, ReadLedger
from waybill.domain.options import MAX_PARTS_SIZE, MEBIBYTE
from waybill.domain.plan import (
    Entry,
    FileEntry,
    FileReference,
    PackBatch,
    PartPlan,
    PartsHeader,
    ReadBatch,
    Shard,
    Work,
)
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.work_files import last_staged, load, load_if_there, save, staged

BATCH_BYTES = 256 * MEBIBYTE
"""About what one worker packs in ten seconds; a larger export is packed by several side by side."""

BATCH_PARTS = 200
BATCH_ENTRIES = 25_000

MOST_PARTS = 10_000
"""More would make the list of cursors, and the manifest, larger than one answer can be."""

NO_DIRECTORY = "_without_folder"


def plan_parts(tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock) -> Work:
    """Plan the parts and return where the list of pack batches is; or, if shards are unfinished, the list of those.

    Raises ExportGone or ExportNotRunning, TooManyParts, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        batches = load(archives, keys.read_batches(export_id), list[ReadBatch])
        left = [batch for batch in batches if not _is_read(archives, export_id, batch)]
        if left:
            save(archives, keys.read_batches_left(export_id), left)
            return Work(ready=False, key=keys.read_batches_left(export_id))
        if load_if_there(archives, keys.parts_header(export_id), PartsHeader) is None:
            _plan(job, [shard for batch in batches for shard in batch.shards], archives)
    return Work(ready=True, key=keys.pack_batches(export_id))


def _is_read(archives: ObjectStore, export_id: str, batch: ReadBatch) -> bool:
    last = (last_staged(archives, export_id, shard) for shard in batch.shards)
    return all(staged is not None and staged.done for staged in last)


def _plan(job: ExportJob, shards: list[Shard], archives: ObjectStore) -> None:
    container, layout = container_of(job.options.format), layout_of(job.options.layout)
    content = _Content(job, sorted(shards, key=lambda shard: shard.number), archives, layout)
    schemas = pinned_catalog(archives, job.id).schemas
    plans = cut_parts(
        content.entries(),
        content.files(),
        parts_size=job.options.parts_size,
        schemas=schemas,
        container=container,
        layout=layout,
    )

    def enough() -> int | None:
        bounds = layout.bounds(container, schemas, max(job.options.parts_size, LEAST_PARTS_SIZE))
        return enough_parts_size(
            sum(bounds.record(entry, first=True) for _, entry in content.entries()),
            (bounds.file(file) for file in content.files()),
            around=bounds.empty(),
            parts=MOST_PARTS,
            more_than=job.options.parts_size,
        )

    numbers: list[int] = []
    parts = 0
    for batch in _batches(_limited(plans, job.options.parts_size, enough)):
        save(archives, keys.pack_batch(job.id, batch.number), batch)
        numbers.append(batch.number)
        parts += len(batch.parts)
    save(archives, keys.read_ledger(job.id), content.ledger)
    save(archives, keys.pack_batches(job.id), numbers)
    save(archives, keys.parts_header(job.id), PartsHeader(content.group, parts, len(numbers)))


class _Content:
    """All that was read, shard by shard, in the order in which it goes into the archive."""

    def __init__(self, job: ExportJob, shards: list[Shard], archives: ObjectStore, layout: Layout) -> None:
        """Go through everything once, for the ledger, the directories and the name of the group.

        How the parts are cut is in the group's name too, so that parts of two exports are never taken for one.
        """
        self._export_id = export_id = job.id
        self._made_segments = 0
        self._shards = shards
        self._archives = archives
        self._layout = layout
        self._directories: dict[str, str] = {}
        book = DirectoryBook()
        self.ledger = ReadLedger()
        digest = hashlib.sha256(f"{job.options.format}\0{job.options.layout}\0{job.options.parts_size}\n".encode())
        gaps = GapList()
        for shard in shards:
            self.ledger.records.setdefault(shard.doctype, Count())
            for flush in staged(archives, export_id, shard):
                self.ledger.records[shard.doctype] += flush.count
                if flush.file_count != Count():
                    self.ledger.files[shard.doctype] = self.ledger.files.get(shard.doctype, Count()) + flush.file_count
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


def _limited(plans: Iterator[PartPlan], parts_size: int, enough: Callable[[], int | None]) -> Iterator[PartPlan]:
    """Pass on the plans up to MOST_PARTS; with more, count them all and say which parts_size would do."""
    number = 0
    for number, plan in enumerate(plans, start=1):
        if number <= MOST_PARTS:
            yield plan
    if number > MOST_PARTS:
        size = enough()
        raise TooManyParts(
            f"With a parts_size of {parts_size} bytes this export would have {number} parts; the most is {MOST_PARTS}. "
            + (
                f"Create it again with a parts_size of {size} bytes or more."
                if size is not None and size <= MAX_PARTS_SIZE
                else "No parts_size is enough. Create several exports, each with_doctypes of its own."
            )
        )


def _batches(plans: Iterator[PartPlan]) -> Iterator[PackBatch]:
    batch: list[PartPlan] = []
    size = entries = number = 0
    for plan in plans:
        batch.append(plan)
        size += plan.bound
        entries += len(plan.entries) + len(plan.files)
        if size >= BATCH_BYTES or len(batch) >= BATCH_PARTS or entries >= BATCH_ENTRIES:
            yield PackBatch(number, tuple(batch))
            batch, size, entries, number = [], 0, 0, number + 1
    if batch:
        yield PackBatch(number, tuple(batch))
