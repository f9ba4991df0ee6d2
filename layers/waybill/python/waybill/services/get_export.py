"""Show one export."""

from waybill.domain.job import ExportJob, ExportState
from waybill.domain.progress import Progress, total
from waybill.ports import Clock, JobStore
from waybill.services.find_export import find_export


def get_export(tenant: str, export_id: str, *, jobs: JobStore, clock: Clock) -> tuple[ExportJob, Progress | None]:
    """Return an export, and its progress while it runs. Raises ExportNotFound or ExportGone."""
    job = find_export(tenant, export_id, jobs=jobs, clock=clock)
    if job.state is not ExportState.EXPORTING:
        return job, None
    return job, total(jobs.reports(tenant, export_id))
