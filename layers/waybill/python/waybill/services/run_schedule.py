"""Run a schedule that has fired: start an export, as a request for one does, and note what became of that."""

from waybill.domain.catalog import Catalog
from waybill.domain.chain import Chain
from waybill.domain.errors import (
    ExportBeingCreated,
    ExportGone,
    IdempotencyKeyReused,
    InvalidOptions,
    JobChanged,
    QuotaExceeded,
    ScheduleNotFound,
    StorageUnavailable,
    WaybillError,
)
from waybill.domain.idempotency import key_digest
from waybill.domain.options import ExportOptions
from waybill.domain.quota import QuotaLimits
from waybill.domain.schedule import Firing, Run, RunResult, Schedule
from waybill.ports import ChainStore, Clock, JobStore, Metrics, Scheduler, ScheduleStore, Workflow
from waybill.services.chains import next_in_chain
from waybill.services.create_export import create_export
from waybill.services.find_schedule import change_schedule
from waybill.services.note_scheduled_end import note_scheduled_end


def run_schedule(
    firing: Firing,
    *,
    schedules: ScheduleStore,
    scheduler: Scheduler,
    quota: QuotaLimits,
    catalog: Catalog,
    jobs: JobStore,
    chains: ChainStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
) -> None:
    """Start the export of a firing, once however often the firing is delivered.

    What refuses the export is noted with the schedule, where its owner finds it. Only what passes by itself is raised,
    so that the firing is delivered again: StorageUnavailable, JobChanged, ExportBeingCreated, ScheduleChanged. A firing
    of no schedule is the rest of one that was deleted at that moment, and is removed. An operator's own schedule has no
    record: what refuses its export is raised. An incremental export builds on the last good run of its schedule.
    """

    def start(options: ExportOptions, chain: Chain | None = None) -> str:
        job = create_export(
            firing.tenant,
            options,
            idempotency_key=firing.idempotency_key,
            chain=chain,
            quota=quota,
            catalog=catalog,
            jobs=jobs,
            workflow=workflow,
            clock=clock,
            metrics=metrics,
        )
        return job.id

    if firing.options is not None:
        start(firing.options)
        metrics.count("ScheduledRuns", 1)
        return
    try:
        schedule = schedules.get(firing.tenant, firing.name)
    except ScheduleNotFound:
        scheduler.remove(firing.tenant, firing.name)
        return
    if not schedule.terms.enabled or schedule.has_run(firing.at):
        return
    try:
        run = Run(firing.at, RunResult.STARTED, start(schedule.terms.options, _place(schedule, chains)))
        metrics.count("ScheduledRuns", 1)
    except (StorageUnavailable, JobChanged, ExportBeingCreated):
        raise
    except (ExportGone, IdempotencyKeyReused) as error:
        run = _made_before(firing, jobs, clock) or _not_started(firing, error)
    except WaybillError as error:
        run = _not_started(firing, error)
        metrics.count("ScheduledRunsRefused", 1)
    _note(schedule, run, schedules=schedules)
    if run.export_id:
        # It may have ended before it was noted here, and then nobody knew that it belongs to a schedule.
        note_scheduled_end(firing.tenant, run.export_id, schedules=schedules, jobs=jobs)


def _place(schedule: Schedule, chains: ChainStore) -> Chain | None:
    """Return the place in the schedule's chain, if its exports build on each other."""
    if not schedule.terms.incremental:
        return None
    return next_in_chain(schedule.tenant, schedule.chain_key, chains=chains)


def _made_before(firing: Firing, jobs: JobStore, clock: Clock) -> Run | None:
    """Return the run that this firing was when it was delivered before, if it made an export.

    Since then the export was removed, or the schedule's options were changed.
    """
    known = jobs.remembered(firing.tenant, key_digest(firing.idempotency_key), now=clock())
    return None if known is None else Run(firing.at, RunResult.STARTED, known.job_id)


def _not_started(firing: Firing, error: WaybillError) -> Run:
    """Return the run that was refused for a reason that its owner can change, or that failed for one of ours."""
    if isinstance(error, QuotaExceeded):
        return Run(firing.at, RunResult.REFUSED, error=str(error))
    if isinstance(error, InvalidOptions):
        return Run(firing.at, RunResult.REFUSED, error=f"{error} Change the schedule's options.")
    sentence = "The export could not be started for a fault of this deployment. Tell the operator the time of this run."
    return Run(firing.at, RunResult.ERROR, error=sentence)


def _note(schedule: Schedule, run: Run, *, schedules: ScheduleStore) -> None:
    """Keep the run, unless a later one is known or the schedule was deleted meanwhile."""
    change_schedule(
        schedule.tenant,
        schedule.name,
        lambda stored: None if stored.has_run(run.at) else stored.noted(run),
        schedules=schedules,
    )
