"""Cut the chosen doctypes into shards and put them into batches for the readers."""

from collections.abc import Sequence
from dataclasses import replace

from waybill.domain import keys
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.plan import ReadBatch, Shard, Work
from waybill.ports import Clock, JobStore, ObjectStore, Sources
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pin_catalog
from waybill.services.work_files import load_if_there, save

SMALL_SHARDS_PER_BATCH = 32
"""A doctype that is one shard is usually small; this many are read by one worker, one after the other."""


def plan_export(
    tenant: str,
    export_id: str,
    *,
    catalog: Catalog,
    sources: Sources,
    jobs: JobStore,
    archives: ObjectStore,
    clock: Clock,
) -> Work:
    """List the batches to read and return where the list is.

    A plan that stands already is kept, because readers may have begun with it. Raises ExportGone or ExportNotRunning,
    InvalidOptions if the catalog has changed since, SourceUnavailable, StorageUnavailable.
    """
    key = keys.read_batches(export_id)
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        if load_if_there(archives, key, list[ReadBatch]) is None:
            doctypes = catalog.chosen(job.options)
            pin_catalog(archives, export_id, doctypes)
            save(archives, key, _batches(_shards_by_doctype(tenant, doctypes, sources)))
    return Work(ready=True, key=key)


def _shards_by_doctype(tenant: str, doctypes: Sequence[Doctype], sources: Sources) -> list[list[Shard]]:
    shards: list[list[Shard]] = []
    start = 0
    for doctype in doctypes:
        cut = sources.of(doctype.name).shards(tenant=tenant, start=start)
        shards.append([replace(shard, index=index) for index, shard in enumerate(cut, start=1)])
        start += len(cut)
    return shards


def _batches(shards_by_doctype: list[list[Shard]]) -> list[ReadBatch]:
    """One batch for each shard of a large doctype; the small doctypes share. There is always at least one batch."""
    small = [shards[0] for shards in shards_by_doctype if len(shards) == 1]
    groups = [small[i : i + SMALL_SHARDS_PER_BATCH] for i in range(0, len(small), SMALL_SHARDS_PER_BATCH)]
    groups += [[shard] for shards in shards_by_doctype if len(shards) > 1 for shard in shards]
    groups = groups or [[]]
    return [ReadBatch(number, len(groups), tuple(group)) for number, group in enumerate(groups)]
