"""Starting the execution of an export whose record stands, for the first time, again, or at last."""

from contextlib import suppress
from datetime import timedelta

from waybill.domain.errors import ExportBeingCreated, JobChanged, StorageUnavailable
from waybill.domain.job import ExecutionState, ExportJob, ExportState
from waybill.ports import Clock, JobStore, Workflow

LONGEST_START = timedelta(seconds=30)
"""A request lives no longer than this (the functions' Timeout). What it has not started by then it never will."""

_TRIES = 10


def start_execution(
    job: ExportJob, *, jobs: JobStore, workflow: Workflow, clock: Clock, key_digest: str | None = None
) -> None:
    """Start the execution of the export's latest attempt; one that was started already stays as it is.

    If it cannot be started, the job ends in state error, so that it is not left exporting for ever; its place, its
    start and the key that it was made with are given back, and StorageUnavailable is raised.
    """
    try:
        if job.attempt:
            jobs.forget_reports(job.tenant, job.id)
        workflow.start(job)
    except StorageUnavailable:
        _give_back(job, key_digest, jobs, clock)
        raise


def start_if_lost(
    job: ExportJob, *, jobs: JobStore, workflow: Workflow, clock: Clock, key_digest: str | None = None
) -> bool:
    """Start a running export's execution if the request that should have done that died before; say whether it did so.

    Raises ExportBeingCreated if that request may still be alive, and what ``start_execution`` raises.
    """
    if workflow.state(job) is not ExecutionState.MISSING:
        return False
    if clock() < job.began_at + LONGEST_START:
        raise ExportBeingCreated("The request that starts this export is still being served. Ask again.")
    start_execution(job, jobs=jobs, workflow=workflow, clock=clock, key_digest=key_digest)
    return True


def _give_back(job: ExportJob, key_digest: str | None, jobs: JobStore, clock: Clock) -> None:
    """End the job, and free what it has taken. If somebody else has changed it, theirs stands."""
    for _ in range(_TRIES):
        stored = jobs.get(job.tenant, job.id)
        if stored.state is not ExportState.EXPORTING or stored.attempt != job.attempt:
            return
        now = clock()
        failed = stored.failed(now, "The export could not be started. Try again: retry it, or create it again.")
        used = jobs.quota(job.tenant).given_back(job.id, None if job.attempt else job.created_at)
        known = None if key_digest is None else jobs.remembered(job.tenant, key_digest, now=now)
        forgotten = known.digest if known is not None and known.job_id == job.id else None
        with suppress(JobChanged):
            jobs.replace(failed, quota=used, forget_key=forgotten)
            return
