"""Assign what was read to parts, once everything is read."""

import hashlib
from collections.abc import Callable, Iterator

from waybill.archive.container import container_of
from waybill.archive.enclosed import LEAST_PARTS_SIZE
from waybill.archive.enough_parts_size import enough_parts_size
from waybill.archive.layouts import layout_of
from waybill.archive.paths import PathBook, safe_path
from waybill.archive.plan_parts import plan_parts as cut_parts
from waybill.domain import keys
from waybill.domain.errors import TooManyParts
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count
from waybill.domain.manifest import GapList, ReadLedger
from waybill.domain.options import GIBIBYTE, MAX_PARTS_SIZE
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

BATCH_BYTES = 40 * GIBIBYTE
"""About what one worker packs in a call of fifteen minutes; a larger export is packed by several side by side."""

BATCH_PARTS = 200
BATCH_ENTRIES = 25_000
"""About what one worker fetches in half a minute, and whose plan it can hold in memory."""

MOST_PARTS = 10_000
"""More would make the list of cursors, and the manifest, larger than one answer can be."""

FILES_DIRECTORY = "data/files"
NO_DIRECTORY = "_without_folder"


def plan_parts(tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock) -> Work:
    """Plan the parts and return where the list of pack batches is; or, if shards are unfinished, the list of those.

    Raises ExportGone or ExportNotRunning, TooManyParts, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        batches = load(archives, keys.read_batches(export_id), list[ReadBatch])
        shards = [shard for batch in batches for shard in batch.shards]
        left = [shard for shard in shards if not _is_read(archives, export_id, shard)]
        if left:
            save(archives, keys.read_batches_left(export_id), _spread(shards, left))
            return Work(ready=False, key=keys.read_batches_left(export_id))
        if load_if_there(archives, keys.parts_header(export_id), PartsHeader) is None:
            _plan(job, shards, archives)
    return Work(ready=True, key=keys.pack_batches(export_id))


def _is_read(archives: ObjectStore, export_id: str, shard: Shard) -> bool:
    last = last_staged(archives, export_id, shard)
    return last is not None and last.done


def _spread(shards: list[Shard], left: list[Shard]) -> list[ReadBatch]:
    """Give every shard that is left to a worker of its own.

    The first worker gets the shards that are read as well. It has nothing to do with them but to report them, in place
    of those who read them.
    """
    numbers = {shard.number for shard in left}
    read = [shard for shard in shards if shard.number not in numbers]
    groups = [[*read, left[0]], *([shard] for shard in left[1:])]
    return [ReadBatch(number, len(groups), tuple(group)) for number, group in enumerate(groups)]


def _plan(job: ExportJob, shards: list[Shard], archives: ObjectStore) -> None:
    content = _Content(job, sorted(shards, key=lambda shard: shard.number), archives)
    container, layout = container_of(job.options.format), layout_of(job.options.layout)
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

    def __init__(self, job: ExportJob, shards: list[Shard], archives: ObjectStore) -> None:
        """Go through everything once, for the ledger, the directories and the name of the group.

        How the parts are cut is in the group's name too, so that parts of two exports are never taken for one.
        """
        self._export_id = export_id = job.id
        self._shards = shards
        self._archives = archives
        self._directories: dict[str, str] = {}
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
                self._directories.update((directory.id, directory.path) for directory in flush.directories)
                for entry in flush.entries:
                    digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
                for file in flush.files:
                    digest.update(f"{file.id}\0{file.size}\0{file.etag}\n".encode("utf-8", "surrogatepass"))
        self.ledger.gaps.extend(gaps.listed)
        self.ledger.unlisted.update(gaps.unlisted)
        self.group = digest.hexdigest()[:32]

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yield the packed record entries with the key of their segment."""
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                if flush.segment is not None:
                    for entry in flush.entries:
                        yield flush.segment, entry

    def files(self) -> Iterator[FileEntry]:
        """Yield the files with the paths that they get, in the order of their ids."""
        book = PathBook()
        for shard in self._shards:
            for flush in staged(self._archives, self._export_id, shard):
                for file in flush.files:
                    path = book.unique(f"{FILES_DIRECTORY}/{safe_path(self._original_path(file))}")
                    yield FileEntry(path, shard.doctype, file)

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
