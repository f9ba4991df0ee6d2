"""Leave a tombstone where an export was."""

from collections.abc import Callable
from contextlib import suppress

from waybill.domain.errors import ExportExists, ExportNotFound, JobChanged
from waybill.domain.job import ExportJob, lost_export
from waybill.ports import Clock, JobStore

_TRIES = 5


def bury_export(
    tenant: str,
    export_id: str,
    *,
    jobs: JobStore,
    clock: Clock,
    known: ExportJob | None = None,
    check: Callable[[ExportJob], None] | None = None,
) -> ExportJob:
    """Return the export's tombstone, once it is stored. From then on it answers 410, and its link leads nowhere.

    A tombstone that stands is kept. Where DynamoDB has removed the record by its TTL, the tombstone is made of the
    record that is ``known`` to have been there, or of what the id tells. ``check`` sees the record that would be
    replaced, and raises to leave it as it is. Raises ExportNotFound if the tenant never had such an export, and
    JobChanged if others change the record all the time.
    """
    for _ in range(_TRIES):
        try:
            stored = jobs.get(tenant, export_id)
        except ExportNotFound:
            tombstone = _last_known(tenant, export_id, known, jobs, clock).deleted(clock())
            with suppress(ExportExists):
                jobs.bury(tombstone)
                return tombstone
            continue
        if check is not None:
            check(stored)
        tombstone = stored.deleted(clock())
        if tombstone is stored:
            return stored
        with suppress(JobChanged):
            jobs.replace(tombstone)
            return tombstone
    raise JobChanged(f"The export {export_id} is changed by others all the time. Delete it again.")


def _last_known(tenant: str, export_id: str, known: ExportJob | None, jobs: JobStore, clock: Clock) -> ExportJob:
    if known is not None:
        return known
    if jobs.owner_of(export_id) != tenant:
        raise ExportNotFound(f"There is no export {export_id} here.")
    return lost_export(tenant, export_id, clock())
