"""Remove what is left of an export that has its tombstone."""

from collections.abc import Callable
from contextlib import suppress

from waybill.domain import keys
from waybill.domain.errors import JobChanged
from waybill.domain.job import ExportJob
from waybill.domain.receipt import Receipt
from waybill.ports import JobStore, ObjectStore

_TRIES = 5


def remove_export(tombstone: ExportJob, *, jobs: JobStore, archives: ObjectStore) -> ExportJob:
    """Remove every object, unfinished upload and record of an export but its tombstone; return that, complete.

    What is there is counted and noted before anything is removed, so that a removal that was cut short still tells of
    everything when somebody goes on with it. Safe to repeat: a complete receipt stays as it is, and what a late step
    wrote since is removed. Whose export it was is known until a day after it has expired, because a sweep finds the
    tombstone by that.
    """
    if tombstone.receipt is not None and not tombstone.receipt.complete:
        found = list(archives.list(keys.prefix(tombstone.id)))
        reports = len(jobs.reports(tombstone.tenant, tombstone.id))
        size = sum(info.size for info in found)
        tombstone = _noted(tombstone, jobs, lambda seen: seen.found(objects=len(found), size=size, reports=reports))
    archives.delete_prefix(keys.prefix(tombstone.id))
    if tombstone.chain is not None:  # it was never done, so nobody builds on it
        archives.delete_prefix(keys.baselines_of(tombstone.id, tombstone.chain.key))
    jobs.forget_reports(tombstone.tenant, tombstone.id)
    return _noted(tombstone, jobs, Receipt.completed)


def _noted(tombstone: ExportJob, jobs: JobStore, change: Callable[[Receipt], Receipt]) -> ExportJob:
    """Return the tombstone with its receipt changed, once it is stored. Others may be removing the same export."""
    for _ in range(_TRIES):
        noted = tombstone.with_receipt(change(tombstone.receipt)) if tombstone.receipt is not None else tombstone
        if noted is tombstone:
            return tombstone
        with suppress(JobChanged):
            jobs.replace(noted)
            return noted
        tombstone = jobs.get(tombstone.tenant, tombstone.id)
    raise JobChanged(f"The export {tombstone.id} is changed by others all the time. Delete it again.")
