"""Delete an export for the Qiscus dialect, which answers what it was."""

from waybill.domain.job import ExportJob
from waybill.domain.progress import Progress
from waybill.ports import Clock, JobStore, ObjectStore, Workflow
from waybill.services.delete_export import delete_export
from waybill.services.get_qiscus_export import get_qiscus_export


def delete_qiscus_export(
    tenant: str, unique_id: str, *, jobs: JobStore, workflow: Workflow, archives: ObjectStore, clock: Clock
) -> tuple[ExportJob, Progress | None]:
    """Delete an export as ``delete_export`` does; return it, and its progress, as they were until then.

    Raises ExportNotFound or ExportGone; so it says of an export that was deleted before that it is gone.
    """
    shown = get_qiscus_export(tenant, unique_id, jobs=jobs, clock=clock)
    delete_export(tenant, shown[0].id, jobs=jobs, workflow=workflow, archives=archives, clock=clock)
    return shown
