"""Pack parts until the batch is done or the time is used."""

from collections.abc import Callable, Iterator

from waybill.archive.container import container_of
from waybill.archive.enclosed import enclosed
from waybill.archive.part import ContentLost, PartWriter
from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Gap
from waybill.domain.plan import FileEntry, PackBatch, PackedPart, PartPlan, PartsHeader, SegmentSlice
from waybill.domain.progress import WorkerProgress
from waybill.ports import Budget, Clock, JobStore, ObjectStore
from waybill.services.fetch_ahead import FetchAhead
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.work_files import load, load_if_there, save


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

    ``buckets`` gives a bucket by its name. A part is there when its result is; until then packing
    it again replaces what an interrupted try left. However little time there is, one part is packed, so that every call
    gets on. Raises ExportGone or ExportNotRunning, StorageUnavailable.
    """
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        catalog = pinned_catalog(archives, export_id)
        header = load(archives, keys.parts_header(export_id), PartsHeader)
        batch = load(archives, keys.pack_batch(export_id, number), PackBatch)
        size = 0
        begun = False
        for position, plan in enumerate(batch.parts):
            if load_if_there(archives, keys.packed_part(export_id, plan.number), PackedPart) is None:
                if begun and budget.spent():
                    return False
                begun = True
                packed = _pack(job, header, plan, catalog=catalog, archives=archives, buckets=buckets)
                save(archives, keys.packed_part(export_id, plan.number), packed)
            size += sum(entry.reference.size for entry in plan.files)
            share = (position + 1) / len(batch.parts)
            jobs.report(job, WorkerProgress("pack", number, header.batches, share, 0, size))
    return True


def _pack(
    job: ExportJob,
    header: PartsHeader,
    plan: PartPlan,
    *,
    catalog: Catalog,
    archives: ObjectStore,
    buckets: Callable[[str], ObjectStore],
) -> PackedPart:
    """Write one part.

    If a file's content breaks off in the middle, the part is begun again: once with the file, because the store may
    have been at fault, then without it, and the file is named as lost.
    """
    key = keys.part(job.id, plan.number, container_of(job.options.format).extension)

    def read_segment(part: SegmentSlice) -> Iterator[bytes]:
        return archives.stream_range(part.key, part.offset, part.length)

    def fetch(entry: FileEntry) -> Iterator[bytes]:
        return buckets(catalog.bucket(entry.doctype)).stream(entry.reference.key, etag=entry.reference.etag)

    lost: dict[str, Gap] = {}
    broken_off: set[str] = set()
    while True:
        with FetchAhead([entry for entry in plan.files if entry.path not in lost], fetch) as ahead:
            writer = PartWriter(
                plan,
                header,
                container=container_of(job.options.format),
                schemas=catalog.schemas,
                read_segment=read_segment,
                open_file=ahead.open,
                lost=lost,
                enclosed=enclosed(job.options.parts_size),
            )
            try:
                archives.put_stream(key, writer.chunks())
            except ContentLost as error:
                if error.path in broken_off:
                    lost[error.path] = error.gap
                broken_off.add(error.path)
            else:
                return writer.packed()
