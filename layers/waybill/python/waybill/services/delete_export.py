"""Delete an export for good, or cancel it while it runs."""

from waybill.domain.errors import ExportEnded
from waybill.domain.job import ExportJob, ExportState
from waybill.ports import Clock, JobStore, ObjectStore, Workflow
from waybill.services.bury_export import bury_export
from waybill.services.find_export import check_id
from waybill.services.remove_export import remove_export


def delete_export(
    tenant: str,
    export_id: str,
    *,
    only_running: bool = False,
    jobs: JobStore,
    workflow: Workflow,
    archives: ObjectStore,
    clock: Clock,
) -> ExportJob:
    """Stop the export if it runs and remove all of it, staged objects included; return its tombstone with the receipt.

    From the first moment on the export answers 410, and its capability link leads nowhere. Safe to repeat: an earlier
    try that was cut short is completed, and a complete receipt stays as it is. With ``only_running`` an export that has
    ended is left as it is. Raises ExportNotFound, ExportEnded.
    """
    check_id(export_id)
    check = _check_running if only_running else None
    tombstone = bury_export(tenant, export_id, jobs=jobs, clock=clock, check=check)
    workflow.stop(tombstone)
    return remove_export(tombstone, jobs=jobs, archives=archives)


def _check_running(job: ExportJob) -> None:
    """Raise ExportEnded unless the export is being made, or was when it was deleted, or nobody knows what it was."""
    state = job.receipt.state if job.receipt is not None else job.state.value
    if state not in {ExportState.EXPORTING, None}:
        raise ExportEnded(
            f"This export has already ended in state {state}, so there is nothing to cancel. "
            f"To delete it, leave out the parameter `state`."
        )
