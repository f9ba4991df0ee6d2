"""Assign what was read to parts, once everything is read."""

from collections.abc import Iterable, Iterator

from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.cursor import check_names
from waybill.domain.errors import TooManyParts
from waybill.domain.job import ExportJob
from waybill.domain.options import COZY, GIBIBYTE, MAX_PARTS_SIZE
from waybill.domain.plan import PackBatch, PartPlan, PartsHeader, ReadBatch, Shard, Work
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.lanes import lanes
from waybill.services.making_export import making_export
from waybill.services.parts_plan import PartsPlan, parts_plan_of
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.plan_export import batches_of
from waybill.services.read_content import ReadContent
from waybill.services.waiting_shards import due_shards
from waybill.services.work_files import last_staged, load, load_if_there, save

BATCH_BYTES = 44 * GIBIBYTE
"""About what one worker packs in a call of fifteen minutes; a larger export is packed by several side by side."""

BATCH_PARTS = 200
BATCH_ENTRIES = 25_000
"""About what one worker fetches in half a minute, and whose plan it can hold in memory."""

MOST_PARTS = 10_000
"""More would make the list of cursors, and the manifest, larger than one answer can be."""


def plan_parts(tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock) -> Work:
    """Plan the parts and return where the list of pack batches is; or, if shards are unfinished, the list of those.

    Where all of these wait for their sources, it says for how long.

    Raises ExportGone or ExportNotRunning, TooManyParts, InvalidOptions if the format or the layout cannot hold what was
    read, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        batches = load(archives, keys.read_batches(export_id), list[ReadBatch])
        shards = [shard for batch in batches for shard in batch.shards]
        left = [shard for shard in shards if not _is_read(archives, export_id, shard)]
        if left:
            due, wait = due_shards(archives, job, left, clock())
            catalog = pinned_catalog(archives, export_id)
            save(archives, keys.read_batches_left(export_id), _round(shards, left, due, catalog, waited=wait > 0))
            return Work(ready=False, key=keys.read_batches_left(export_id), wait=wait)
        if load_if_there(archives, keys.parts_header(export_id), PartsHeader) is None:
            _plan(job, shards, archives)
    return Work(ready=True, key=keys.pack_batches(export_id))


def _is_read(archives: ObjectStore, export_id: str, shard: Shard) -> bool:
    last = last_staged(archives, export_id, shard)
    return last is not None and last.done


def _round(
    shards: list[Shard], left: list[Shard], due: list[Shard], catalog: Catalog, *, waited: bool
) -> list[ReadBatch]:
    """Give every shard that is due to a worker of its own, but those of one system that go together.

    Those that were ``waited`` for, and may still not be ready, go to as few workers as when the export began. The first
    worker gets the shards that are read as well. It has nothing to do with them but to report them, in place of those
    who read them.
    """
    numbers = {shard.number for shard in left}
    read = [shard for shard in shards if shard.number not in numbers]
    if waited:
        return batches_of([*read, *due])
    groups = lanes(due, catalog)
    groups[0] = [*read, *groups[0]]
    return [ReadBatch(number, len(groups), tuple(group)) for number, group in enumerate(groups)]


def _plan(job: ExportJob, shards: list[Shard], archives: ObjectStore) -> None:
    content = ReadContent(job, sorted(shards, key=lambda shard: shard.number), archives)
    parts_plan = parts_plan_of(job.options, pinned_catalog(archives, job.id), content, created_at=job.created_at)
    numbers: list[int] = []
    names: list[str] = []
    for batch in pack_batches(_limited(parts_plan, job.options.parts_size)):
        save(archives, keys.pack_batch(job.id, batch.number), batch)
        numbers.append(batch.number)
        names += [part.first_file for part in batch.parts]
    if job.options.layout == COZY:
        check_names(names[1:], len(names))  # now, and not when all is packed
    save(archives, keys.read_ledger(job.id), content.ledger)
    if job.chain is not None:
        save(archives, keys.baseline_pieces(job.id), content.baseline)
    save(archives, keys.pack_batches(job.id), numbers)
    save(
        archives,
        keys.parts_header(job.id),
        PartsHeader(content.group, len(names), len(numbers), dict(parts_plan.columns)),
    )


def _limited(parts_plan: PartsPlan, parts_size: int) -> Iterator[PartPlan]:
    """Pass on the plans up to MOST_PARTS; with more, count them all and say which parts_size would do."""
    number = 0
    for number, plan in enumerate(parts_plan.plans(), start=1):
        if number <= MOST_PARTS:
            yield plan
    if number > MOST_PARTS:
        raise TooManyParts(too_many_parts(number, parts_size, parts_plan.enough(MOST_PARTS)))


def too_many_parts(number: int, parts_size: int, enough: int | None) -> str:
    """Return the sentence for an export of more than MOST_PARTS; ``enough`` is a ``parts_size`` that would do."""
    return (
        f"With a parts_size of {parts_size} bytes this export would have {number} parts; the most is {MOST_PARTS}. "
        + (
            f"Create it again with a parts_size of {enough} bytes or more."
            if enough is not None and enough <= MAX_PARTS_SIZE
            else "No parts_size is enough. Create several exports, each with_doctypes of its own."
        )
    )


def pack_batches(plans: Iterable[PartPlan]) -> Iterator[PackBatch]:
    """Yield the batches that packers take the parts in, one packer each."""
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
