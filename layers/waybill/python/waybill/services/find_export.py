"""How every use case finds the export that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from waybill.domain import keys
from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportJob, ExportState, is_export_id
from waybill.ports import Clock, JobStore, ObjectStore


def stored_export(tenant: str, export_id: str, *, jobs: JobStore) -> ExportJob:
    """Return a tenant's export, whatever has become of it. Raises ExportNotFound, also for what cannot be an id."""
    if not is_export_id(export_id):
        raise ExportNotFound("There is no export with this id.")
    return jobs.get(tenant, export_id)


def find_export(tenant: str, export_id: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return a tenant's export. Raises ExportNotFound, also for another tenant's, and ExportGone."""
    job = stored_export(tenant, export_id, jobs=jobs)
    job.check_not_gone(clock())
    return job


@contextmanager
def making_export(
    tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock
) -> Iterator[ExportJob]:
    """Give a step the export that is being made, for as long as the step writes objects of it.

    Raises ExportNotFound, ExportGone or ExportNotRunning, so that a step that comes late stops before it writes. A step
    that was under way when the export was deleted removes what it wrote after the deletion had looked.
    """
    job = jobs.get(tenant, export_id)
    job.check_running(clock())
    try:
        yield job
    finally:
        if jobs.get(tenant, export_id).state is ExportState.DELETED:
            archives.delete_prefix(keys.prefix(export_id))
