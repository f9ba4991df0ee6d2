"""Remove what is left of an export that has its tombstone."""

from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.domain.receipt import Receipt
from waybill.ports import JobStore, ObjectStore
from waybill.services.tombstones import note_receipt


def remove_export(tombstone: ExportJob, *, jobs: JobStore, archives: ObjectStore) -> ExportJob:
    """Remove every object, unfinished upload and record of an export but its tombstone; return that, complete.

    What an export of a chain has left for the next one stays if the export was done, because the next one builds on it.
    What is there is counted and noted before anything is removed, so that a removal that was cut short still tells of
    everything when somebody goes on with it. Safe to repeat: a complete receipt stays as it is, and what a late step
    wrote since is removed. Whose export it was is known until a day after it has expired, because a sweep finds the
    tombstone by that.
    """
    if tombstone.receipt is not None and not tombstone.receipt.complete:
        found = list(archives.list(keys.prefix(tombstone.id)))
        reports = len(jobs.reports(tombstone.tenant, tombstone.id))
        size = sum(info.size for info in found)
        tombstone = note_receipt(
            tombstone,
            "export",
            records=jobs,
            change=lambda seen: seen.found(objects=len(found), size=size, reports=reports),
        )
    archives.delete_prefix(keys.prefix(tombstone.id))
    if tombstone.chain is not None:  # it was never done, so nobody builds on it
        archives.delete_prefix(keys.baselines_of(tombstone.id, tombstone.chain.key))
    jobs.forget_reports(tombstone.tenant, tombstone.id)
    return note_receipt(tombstone, "export", records=jobs, change=Receipt.completed)
