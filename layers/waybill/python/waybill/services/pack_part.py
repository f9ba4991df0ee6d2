"""Pack parts until the batch is done or the time is used."""

from collections.abc import Callable

import msgspec

from waybill.domain import keys
from waybill.domain.plan import PackedPart, PartPlan, PartsHeader
from waybill.domain.progress import WorkerProgress
from waybill.ports import Budget, Clock, JobStore, ObjectStore
from waybill.services.making_export import making_export
from waybill.services.part_packing import PartPacking
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.work_files import load, load_if_there, save


class _UnreadBatch(msgspec.Struct):
    """A PackBatch whose plans are read one at a time: as objects all together take many times the memory."""

    parts: list[msgspec.Raw]


def pack_part(
    tenant: str,
    export_id: str,
    number: int,
    *,
    jobs: JobStore,
    archives: ObjectStore,
    buckets: Callable[[str], ObjectStore],
    budget: Budget,
    clock: Clock,
) -> bool:
    """Pack the parts of batch ``number`` that are not there yet; return whether all of them are.

    ``buckets`` gives a bucket by its name. A part is there when its result is. One that takes longer than the time of a
    call is gone on with by the next; however little time there is, every call gets on. Raises ExportGone or
    ExportNotRunning, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        header = load(archives, keys.parts_header(export_id), PartsHeader)
        batch = load(archives, keys.pack_batch(export_id, number), _UnreadBatch)
        packing = PartPacking(job, header, pinned_catalog(archives, export_id), archives, buckets)
        size = 0
        begun = False
        for position, unread in enumerate(batch.parts):
            plan = msgspec.json.decode(unread, type=PartPlan)
            if load_if_there(archives, keys.packed_part(export_id, plan.number), PackedPart) is None:
                if begun and budget.spent():
                    return False
                begun = True
                packed = packing.pack(plan, budget)
                if packed is None:
                    return False
                save(archives, keys.packed_part(export_id, plan.number), packed)
            size += sum(entry.reference.size for entry in plan.files)
            share = (position + 1) / len(batch.parts)
            jobs.report(job, WorkerProgress("pack", number, header.batches, share, 0, size))
    return True
