"""Delete an import for good, or cancel it while it runs."""

from waybill.domain.errors import ImportEnded, ImportWriting
from waybill.domain.import_job import ImportJob, ImportPhase, ImportState
from waybill.ports import Clock, ImportStore, ImportWorkflow, ObjectStore
from waybill.services.bury_import import bury_import
from waybill.services.find_import import check_import_id
from waybill.services.remove_import import remove_import


def delete_import(
    tenant: str,
    import_id: str,
    *,
    only_running: bool = False,
    imports: ImportStore,
    workflow: ImportWorkflow,
    archives: ObjectStore,
    clock: Clock,
) -> ImportJob:
    """Stop the import if it runs and remove all of it; return its tombstone with the receipt.

    The rows that it has written stay in the target, and can then not be undone any more. Therefore an import that is
    writing, or taking back, is left to end first: nobody could tell what of it is in the target. From the first moment
    on the import answers 410. Safe to repeat: an earlier try that was cut short is completed, and a complete receipt
    stays as it is. With ``only_running`` an import that has ended is left as it is. Raises ImportNotFound,
    ImportWriting and ImportEnded.
    """
    check_import_id(import_id)

    def check(stored: ImportJob) -> None:
        _check_not_writing(stored, clock)
        if only_running:
            _check_running(stored)

    tombstone = bury_import(tenant, import_id, imports=imports, clock=clock, check=check)
    workflow.stop(tombstone)
    return remove_import(tombstone, imports=imports, archives=archives)


def _check_not_writing(job: ImportJob, clock: Clock) -> None:
    writes = job.state is ImportState.IMPORTING and job.phase is ImportPhase.LOAD and not job.options.dry_run
    if (writes or job.state is ImportState.UNDOING) and clock() < job.expires_at:
        raise ImportWriting(
            "This import is writing rows, or taking them back. Wait until it has ended; then it can be undone, and "
            "deleted."
        )


def _check_running(job: ImportJob) -> None:
    """Raise ImportEnded unless the import runs, or did when it was deleted, or nobody knows what it was."""
    state = job.receipt.state if job.receipt is not None else job.state.value
    if state not in {ImportState.IMPORTING, None}:
        raise ImportEnded(
            f"This import has already ended in state {state}, so there is nothing to cancel. "
            f"To delete it, leave out the parameter `state`."
        )
