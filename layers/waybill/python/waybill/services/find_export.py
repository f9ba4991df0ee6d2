"""How every use case finds the export that it is about."""

from waybill.domain.job import ExportJob
from waybill.ports import Clock, JobStore


def find_export(tenant: str, export_id: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return a tenant's export. Raises ExportNotFound, also for another tenant's, and ExportGone."""
    job = jobs.get(tenant, export_id)
    job.check_not_gone(clock())
    return job


def running_export(tenant: str, export_id: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return an export that is being made.

    Raises ExportNotFound, ExportGone or ExportNotRunning, so that a step that comes late stops before it writes.
    """
    job = jobs.get(tenant, export_id)
    job.check_running(clock())
    return job
