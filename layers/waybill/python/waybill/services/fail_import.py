"""End an import, or its undoing, that cannot be finished."""

from waybill.domain.import_job import ImportState
from waybill.ports import Clock, ImportFailure, ImportStore, Metrics, ObjectStore
from waybill.services.ending_import import clear_ended, end_failed


def fail_import(
    tenant: str,
    import_id: str,
    error: str,
    *,
    undo: int,
    imports: ImportStore,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
) -> None:
    """Set the import to state error, with what the failing step left to say, or a sentence made from ``error``.

    ``error`` is the error name that the state machine caught; ``undo`` is 0 for an import, else which try to undo it
    was. An import that has ended already, or is in another try, is left as it is, so that a repeated or late call
    changes nothing but completes the removal of what was staged. Raises ImportNotFound.
    """
    job = imports.get(tenant, import_id)
    state = ImportState.UNDOING if undo else ImportState.IMPORTING
    if job.state is state and job.undos == undo:
        stopped = _stopped(error, is_undo=bool(undo))
        end_failed(job, stopped, imports=imports, archives=archives, clock=clock, metrics=metrics)
    elif job.at_rest:
        clear_ended(job, imports=imports, archives=archives)


def _stopped(error: str, *, is_undo: bool) -> ImportFailure:
    if is_undo:
        return ImportFailure(
            f"A step of undoing stopped unexpectedly ({error}), also when it was tried again. Undo the import again; "
            f"if that fails too, tell the operator its id.",
            "undo_failed",
        )
    return ImportFailure(
        f"A step stopped unexpectedly ({error}), also when it was tried again. Undo the import if it has written "
        f"anything, and create it again; if that fails too, tell the operator its id.",
        "import_failed",
    )
