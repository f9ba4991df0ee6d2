"""Begin to take back what an import has written."""

from waybill.domain.errors import JobChanged, QuotaExceeded
from waybill.domain.import_job import ImportJob, ImportState
from waybill.ports import Clock, ImportStore, ImportWorkflow, Metrics
from waybill.services.find_import import find_import
from waybill.services.import_places import with_import_place
from waybill.services.starting_import import start_import

_TRIES = 10


def undo_import(
    tenant: str,
    import_id: str,
    *,
    most_running: int,
    imports: ImportStore,
    workflow: ImportWorkflow,
    clock: Clock,
    metrics: Metrics,
) -> ImportJob:
    """Set an import that has ended to undoing and start the execution that removes and restores what it wrote.

    It takes a place among the running imports. Safe to repeat: one that is being undone stays so, and its execution is
    started if the request that should have done that died before. Raises ImportNotFound, ImportGone, ImportNotUndoable,
    QuotaExceeded, and StorageUnavailable if it cannot be started; then the import is what it was before.
    """
    for _ in range(_TRIES):
        job = find_import(tenant, import_id, imports=imports, clock=clock)
        if job.state is ImportState.UNDOING:
            start_import(job, imports=imports, workflow=workflow, clock=clock)
            return job
        job.check_undoable(clock())
        try:
            running = with_import_place(tenant, most_running, imports=imports, clock=clock)
        except QuotaExceeded:
            metrics.count("ImportsRefused", 1)
            raise
        undoing = job.undoing()
        try:
            imports.replace(undoing, running=running.with_one_more(import_id))
        except JobChanged:
            continue
        start_import(undoing, imports=imports, workflow=workflow, clock=clock)
        return undoing
    raise JobChanged(f"The import {import_id} is changed by others all the time. Undo it again.")
