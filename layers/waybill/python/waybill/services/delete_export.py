"""Delete an export for good."""

from waybill.domain import keys
from waybill.domain.errors import JobChanged
from waybill.domain.job import ExportState
from waybill.ports import JobStore, ObjectStore, Workflow
from waybill.services.find_export import stored_export

_TRIES = 5


def delete_export(tenant: str, export_id: str, *, jobs: JobStore, workflow: Workflow, archives: ObjectStore) -> int:
    """Stop the export if it runs and remove every object of it, staged ones included; return how many objects.

    From the first moment on the export answers 410. Safe to repeat: an earlier try that was cut short is completed.
    Raises ExportNotFound.
    """
    _mark_deleted(tenant, export_id, jobs)
    workflow.stop(jobs.get(tenant, export_id))
    jobs.forget_reports(tenant, export_id)
    return archives.delete_prefix(keys.prefix(export_id))


def _mark_deleted(tenant: str, export_id: str, jobs: JobStore) -> None:
    for attempt in range(_TRIES):
        job = stored_export(tenant, export_id, jobs=jobs)
        if job.state is ExportState.DELETED:
            return
        try:
            jobs.replace(job.deleted())
        except JobChanged:
            if attempt == _TRIES - 1:
                raise
        else:
            return
