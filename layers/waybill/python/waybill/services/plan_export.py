"""Cut the chosen doctypes into shards and put them into batches for the readers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from waybill.domain import keys
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.chain import order_of
from waybill.domain.plan import ReadBatch, Shard, Work
from waybill.ports import Budget, Clock, JobStore, ObjectStore, Sources, Staging
from waybill.services.baselines import plan_increment
from waybill.services.export_staging import ExportStaging
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pin_catalog
from waybill.services.work_files import load_if_there, save

SHARDS_PER_BATCH = 64
"""Most exports are read by one worker within FIRST_ROUND_SECONDS, whatever the number of their shards."""

FIRST_ROUND_SECONDS = 30
"""After this the shards that are left are spread over as many workers (PlanParts)."""


def plan_export(
    tenant: str,
    export_id: str,
    *,
    catalog: Catalog,
    sources: Callable[[Catalog, Staging], Sources],
    jobs: JobStore,
    archives: ObjectStore,
    budget: Budget,
    clock: Clock,
) -> Work:
    """List the batches to read and return where the list is.

    A plan that stands already is kept, because readers may have begun with it. Raises ExportGone or ExportNotRunning,
    InvalidOptions if the catalog has changed since, SourceUnavailable, StorageUnavailable.
    """
    key = keys.read_batches(export_id)
    with making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job:
        if load_if_there(archives, key, list[ReadBatch]) is None:
            doctypes = catalog.of_tenant(tenant).chosen(job.options)
            pin_catalog(archives, export_id, doctypes)
            plan_increment(archives, job, {doctype.name: order_of(doctype).name for doctype in doctypes})
            staging = ExportStaging(archives, export_id, call=budget, enough=budget)
            save(archives, key, batches_of(shards_of(tenant, doctypes, sources(catalog, staging))))
    return Work(ready=True, key=key)


def shards_of(tenant: str, doctypes: Sequence[Doctype], sources: Sources) -> list[Shard]:
    """Cut the doctypes into shards, numbered through. Raises SourceUnavailable."""
    shards: list[Shard] = []
    for doctype in doctypes:
        cut = sources.of(doctype.name).shards(tenant=tenant, start=len(shards))
        shards += [replace(shard, index=index) for index, shard in enumerate(cut, start=1)]
    return shards


def batches_of(shards: list[Shard]) -> list[ReadBatch]:
    """Put the shards into as few batches as can be. There is always at least one."""
    groups = [shards[start : start + SHARDS_PER_BATCH] for start in range(0, len(shards) or 1, SHARDS_PER_BATCH)]
    return [ReadBatch(number, len(groups), tuple(group), FIRST_ROUND_SECONDS) for number, group in enumerate(groups)]
