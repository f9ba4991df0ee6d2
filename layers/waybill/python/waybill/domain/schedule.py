"""A schedule: a rule that starts exports by itself, and what became of its last run."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from waybill.domain.errors import InvalidSchedule
from waybill.domain.firing import Rate, Timing, read_expression, read_zone
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions

MOST_SCHEDULES = 20
"""Schedules of one tenant."""

MISSED_AFTER = timedelta(minutes=15)
"""How late a run may be before it counts as missed. AWS tries to deliver a firing again for some minutes."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RunResult(StrEnum):
    """What became of a schedule's last run."""

    NONE = "none"
    STARTED = "started"
    DONE = "done"
    DONE_WITH_GAPS = "done_with_gaps"
    ERROR = "error"
    MISSED = "missed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner of a schedule decides. ``expression`` and ``time_zone`` were read once, so they can be."""

    expression: str
    time_zone: str = "UTC"
    enabled: bool = True
    options: ExportOptions = field(default_factory=ExportOptions)
    incremental: bool = False

    def timing(self, since: datetime) -> Timing:
        """Return when it fires, counted from ``since`` on. Raises InvalidSchedule if it cannot be read."""
        return Timing(read_expression(self.expression), read_zone(self.time_zone), since)

    def fires_as(self, other: "Terms") -> bool:
        """Whether both fire at the same times."""
        return (self.expression, self.time_zone, self.enabled) == (other.expression, other.time_zone, other.enabled)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a schedule. ``at`` is the time that it was for, ``error`` a sentence if there is something to say."""

    at: datetime
    result: RunResult
    export_id: str = ""
    error: str = ""

    def ended(self, job: ExportJob | None) -> "Run":
        """Return the run with what became of its export, if it ended since. None stands for an export that is gone.

        What is known of an ended run stays, also when its export is deleted or expires later, but for one whose export
        failed: that may be retried, and then the run goes on.
        """
        state = None if job is None else (job.receipt.state if job.receipt else job.state.value)
        if self.result is RunResult.ERROR and state in {ExportState.EXPORTING, ExportState.DONE}:
            return replace(self, result=RunResult.STARTED, error="").ended(job)
        if self.result is not RunResult.STARTED:
            return self
        if job is not None and state == ExportState.DONE:
            return replace(self, result=RunResult.DONE_WITH_GAPS if job.gaps else RunResult.DONE)
        if job is not None and state == ExportState.ERROR:
            return replace(self, result=RunResult.ERROR, error=job.error or "The export failed, and was removed since.")
        if job is None or job.state is ExportState.DELETED:
            return replace(self, result=RunResult.ERROR, error="The export was removed before it was known to be done.")
        return self


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of one tenant. ``rev`` counts the changes of the record, from 1.

    ``counts_since`` is when the present timing began: nothing was due before, and rates are counted from there.
    """

    tenant: str
    name: str
    terms: Terms
    created_at: datetime
    counts_since: datetime
    rev: int = 1
    run: Run | None = None

    @property
    def chain_key(self) -> str:
        """The key of the chain that its incremental exports make: another one if it is deleted and made again.

        So a run that was going on when it was deleted is nothing to build on for the new one.
        """
        text = f"{schedule_key(self.tenant, self.name)}:{self.created_at.isoformat()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def replaced(self, terms: Terms, now: datetime) -> "Schedule":
        """Return the schedule on other terms. What is known of its last run stays; an unchanged rate goes on."""
        since = self.counts_since if terms.fires_as(self.terms) else now
        return replace(self, terms=terms, counts_since=since, rev=self.rev + 1)

    def ending(self) -> "Schedule":
        """Return the schedule while it is being deleted: it fires no more, and nothing builds on its exports."""
        return replace(self, terms=replace(self.terms, enabled=False, incremental=False), rev=self.rev + 1)

    def wants(self, chain_key: str) -> bool:
        """Whether later runs are to build on what the exports of this chain leave."""
        return self.terms.incremental and self.chain_key == chain_key

    def noted(self, run: Run) -> "Schedule":
        """Return the schedule with this as its last run."""
        return replace(self, run=run, rev=self.rev + 1)

    def has_run(self, at: datetime) -> bool:
        """Whether the run for ``at``, or a later one, took place."""
        return self.run is not None and self.run.at >= at

    def next_run(self, now: datetime) -> datetime | None:
        """Return when it fires next; None if it is switched off or never fires again."""
        return self.terms.timing(self.counts_since).next_firing(now) if self.terms.enabled else None

    def starts_at(self, now: datetime) -> datetime | None:
        """Return the firing that a rate is counted from from now on; a cron needs none."""
        timing = self.terms.timing(self.counts_since)
        return timing.next_firing(now) if isinstance(timing.expression, Rate) else None

    def missed_run(self, now: datetime) -> datetime | None:
        """Return the last run that should have taken place and did not; None if there is none."""
        if not self.terms.enabled:
            return None
        timing = self.terms.timing(self.counts_since)
        due = timing.previous_firing(now - MISSED_AFTER)
        while due is not None and timing.last_chance(due) > now - MISSED_AFTER:
            due = timing.previous_firing(due - timedelta.resolution)
        return None if due is None or self.has_run(due) else due


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule as it is shown, with what is true now. ``has_export`` says that the last export can still be got."""

    schedule: Schedule
    next_run: datetime | None
    last_run: datetime | None
    last_result: RunResult
    last_error: str
    last_export: str
    has_export: bool


@dataclass(frozen=True, slots=True)
class Firing:
    """A schedule that fires. ``options`` are there if it is the operator's own, which has no name and no record."""

    tenant: str
    name: str
    at: datetime
    options: ExportOptions | None = None

    @property
    def idempotency_key(self) -> str:
        """The key under which this firing makes one export, however often it is delivered."""
        return f"schedule:{self.name}:{self.at.isoformat()}"


def new_schedule(tenant: str, name: str, terms: Terms, now: datetime) -> Schedule:
    """Return a new schedule of ``tenant``."""
    return Schedule(tenant, name, terms, created_at=now, counts_since=now)


def view(schedule: Schedule, job: ExportJob | None, now: datetime) -> ScheduleView:
    """Return what is shown of a schedule. ``job`` is the export of its last run, None if there is none any more."""
    run, missed = schedule.run, schedule.missed_run(now)
    result, error = RunResult.NONE, ""
    if run is not None:
        run = run.ended(job)
        result, error = run.result, run.error
    if missed is not None:
        result = RunResult.MISSED
        error = (
            f"The run of {missed.isoformat()} did not take place. If the next one does not either, tell the operator."
        )
    return ScheduleView(
        schedule,
        next_run=schedule.next_run(now),
        last_run=run.at if run else None,
        last_result=result,
        last_error=error,
        last_export=run.export_id if run else "",
        has_export=job is not None and job.state is not ExportState.DELETED and now < job.expires_at,
    )


def check_timing(terms: Terms, now: datetime, *, least: timedelta) -> None:
    """Raise InvalidSchedule if it would never fire, or if two firings come closer than ``least`` on the clock."""
    pointer = "/data/attributes/expression"
    timing = terms.timing(now)
    if timing.next_firing(now) is None:
        raise InvalidSchedule(f"expression: {terms.expression} never fires from now on.", pointer)
    gap = timing.shortest_gap()
    if gap is not None and gap < least:
        raise InvalidSchedule(
            f"expression: {terms.expression} fires twice within {_minutes(gap)}. At least {_minutes(least)} must lie "
            "between two runs.",
            pointer,
        )


def is_schedule_name(text: str) -> bool:
    """Whether a text can be the name of a schedule."""
    return _NAME.fullmatch(text) is not None


def schedule_key(tenant: str, name: str) -> str:
    """Return 64 hexadecimal digits that stand for a tenant's schedule where neither may be named."""
    return hashlib.sha256(f"{len(tenant)}:{tenant}:{name}".encode()).hexdigest()


def _minutes(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"
