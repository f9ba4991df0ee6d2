"""Delete an export for good."""

from contextlib import suppress

from waybill.domain import keys
from waybill.domain.errors import JobChanged
from waybill.domain.job import ExportJob, ExportState
from waybill.ports import JobStore, ObjectStore, Workflow
from waybill.services.find_export import stored_export

_TRIES = 5


def delete_export(tenant: str, export_id: str, *, jobs: JobStore, workflow: Workflow, archives: ObjectStore) -> int:
    """Stop the export if it runs and remove every object of it, staged ones included; return how many objects.

    From the first moment on the export answers 410, and its capability link leads nowhere. Safe to repeat: an earlier
    try that was cut short is completed. Raises ExportNotFound.
    """
    job = _marked_deleted(tenant, export_id, jobs)
    workflow.stop(job)
    jobs.forget_reports(tenant, export_id)
    return archives.delete_prefix(keys.prefix(export_id))


def _marked_deleted(tenant: str, export_id: str, jobs: JobStore) -> ExportJob:
    """Return the export's tombstone, once it is stored. Raises JobChanged if others change the record all the time."""
    for _ in range(_TRIES):
        job = stored_export(tenant, export_id, jobs=jobs)
        if job.state is ExportState.DELETED:
            return job
        tombstone = job.deleted()
        with suppress(JobChanged):
            jobs.replace(tombstone)
            return tombstone
    raise JobChanged(f"The export {export_id} is changed by others all the time. Delete it again.")
