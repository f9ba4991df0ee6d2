"""Starting the execution of an import whose record stands, for the first time or at last."""

from contextlib import suppress

from waybill.domain.errors import ImportBeingStarted, JobChanged, StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.job import ExecutionState
from waybill.ports import Clock, ImportStore, ImportWorkflow
from waybill.services.starting_export import LONGEST_START

_TRIES = 10


def start_import(
    job: ImportJob, *, imports: ImportStore, workflow: ImportWorkflow, clock: Clock, key_digest: str | None = None
) -> None:
    """Start the import's execution; one that was started already stays as it is.

    If it cannot be started, a new import ends in state error, and one that was to be undone is what it was before; its
    place and the key that it was made with are given back, and StorageUnavailable is raised.
    """
    try:
        workflow.start(job)
    except StorageUnavailable:
        _give_back(job, key_digest, imports, clock)
        raise


def start_import_if_lost(
    job: ImportJob, *, imports: ImportStore, workflow: ImportWorkflow, clock: Clock, key_digest: str | None = None
) -> None:
    """Start a new import's execution if the request that should have done that died before.

    Raises ImportBeingStarted if that request may still be alive, and what ``start_import`` raises.
    """
    if workflow.state(job) is not ExecutionState.MISSING:
        return
    if clock() < job.created_at + LONGEST_START:
        raise ImportBeingStarted("The request that starts this import is still being served. Ask again.")
    start_import(job, imports=imports, workflow=workflow, clock=clock, key_digest=key_digest)


def _give_back(job: ImportJob, key_digest: str | None, imports: ImportStore, clock: Clock) -> None:
    """End the import, or leave it as it was, and free what it has taken. If somebody has changed it, theirs stands."""
    for _ in range(_TRIES):
        stored = imports.get(job.tenant, job.id)
        if stored.state is not job.state or stored.undos != job.undos:
            return
        now = clock()
        given_up = (
            stored.not_undone()
            if stored.state is ImportState.UNDOING
            else stored.failed(now, "The import could not be started. Create it again.", "not_started")
        )
        running = imports.running(job.tenant).with_one_less(job.id)
        known = None if key_digest is None else imports.remembered(job.tenant, key_digest, now=now)
        forgotten = known.digest if known is not None and known.job_id == job.id else None
        with suppress(JobChanged):
            imports.replace(given_up, running=running, forget_key=forgotten)
            return
