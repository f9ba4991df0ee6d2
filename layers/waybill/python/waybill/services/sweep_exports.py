"""Put in order what nothing else has: exports that are stuck, and what is left of exports and chains that are gone."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from itertools import chain

from waybill.domain import keys
from waybill.domain.errors import ExportNotFound, JobChanged, SweepIncomplete, WaybillError
from waybill.domain.job import ExecutionState, ExportJob, ExportState, asked_at, is_export_id
from waybill.ports import Budget, ChainStore, Clock, JobStore, Metrics, ObjectStore, ScheduleStore, Workflow
from waybill.services.chains import forget_if_over
from waybill.services.expire_export import expire_export

STUCK_AFTER = timedelta(minutes=15)
"""So long a call of a step may take, and so long nothing is amiss if an attempt has no execution yet."""

UNKNOWN_AFTER = timedelta(hours=1)
"""Objects of an export that nobody knows are left alone for so long after it was asked for."""

MOST_TROUBLES = 10
"""So many exports may fail to be put in order before a sweep gives up; then it is the store that has failed."""

_ENDED = (
    "What made this export has stopped for good, without a result and without a word of why. Retry it, or create it "
    "again; if that fails too, tell the operator the export's id."
)


class _Outcome(StrEnum):
    FINE = "fine"
    REMOVED = "removed"
    CLEARED = "cleared"
    HEALED = "healed"
    FAILED = "failed"
    ENDED = "chains"


_Task = tuple[str, Callable[[], _Outcome | None]]
"""What is looked at, and what puts it in order and says what came of that."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, in numbers of exports, each counted once.

    ``removed`` had expired, or their removal was cut short. Of ``cleared`` there were objects although nobody knows
    them any more. ``healed`` got the execution that they lacked, ``failed`` ended because theirs had, and ``fine``
    needed nothing. Of so many ``chains`` whose schedule has ended something was left. ``whole`` says that all exports
    and chains were looked at.
    """

    fine: int
    removed: int
    cleared: int
    healed: int
    failed: int
    chains: int
    whole: bool


def sweep_exports(
    *,
    jobs: JobStore,
    workflow: Workflow,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
    budget: Budget,
    chains: ChainStore,
    schedules: ScheduleStore,
) -> Swept:
    """Look at every export that is not at rest, at every one that has objects and at every chain; put all in order.

    Stops when the budget is spent. Safe to repeat, also side by side. One that cannot be put in order does not hold up
    the others; in the end SweepIncomplete is raised for it.
    """
    sweep = _Sweep(jobs, workflow, archives, clock, metrics, chains, schedules)
    outcomes: dict[str, _Outcome] = {}
    troubles: dict[str, WaybillError] = {}
    whole = True
    for name, settle in chain(sweep.unfinished(), sweep.stored(), sweep.chained()):
        if budget.spent() or len(troubles) == MOST_TROUBLES:
            whole = False
            metrics.count("SweepsCutShort", 1)
            break
        try:
            outcome = settle()
        except WaybillError as error:
            troubles.setdefault(name, error)
            continue
        if outcome is not None and outcomes.get(name, _Outcome.FINE) is _Outcome.FINE:  # it may be looked at twice
            outcomes[name] = outcome
    if troubles:
        first = next(iter(troubles.values()))
        raise SweepIncomplete(
            f"{len(troubles)} exports or chains could not be put in order, the first because: {first}"
        )
    counted = Counter(outcomes.values())
    return Swept(**{outcome.value: counted[outcome] for outcome in _Outcome}, whole=whole)


@dataclass(frozen=True, slots=True)
class _Sweep:
    jobs: JobStore
    workflow: Workflow
    archives: ObjectStore
    clock: Clock
    metrics: Metrics
    chains: ChainStore
    schedules: ScheduleStore

    def unfinished(self) -> Iterator[_Task]:
        """Yield what to do about the exports that are being made, or removed, for longer than a step may take."""
        for tenant, export_id in self.jobs.unfinished(before=self.clock() - STUCK_AFTER):
            yield export_id, partial(self._settle_unfinished, tenant, export_id)

    def stored(self) -> Iterator[_Task]:
        """Yield what to do about the exports that have objects, the oldest first."""
        for prefix in self.archives.prefixes(keys.EXPORTS):
            export_id = keys.export_of(prefix)
            if is_export_id(export_id):
                yield export_id, partial(self._settle_stored, export_id)

    def chained(self) -> Iterator[_Task]:
        """Yield what to do about the chains that have objects."""
        for prefix in self.archives.prefixes(keys.CHAINS):
            yield prefix, partial(self._settle_chain, keys.chain_of(prefix))

    def _settle_unfinished(self, tenant: str, export_id: str) -> _Outcome:
        try:
            job = self.jobs.get(tenant, export_id)
        except ExportNotFound:
            return _Outcome.FINE  # its TTL has just removed it, and the index does not know yet
        if job.state is ExportState.DELETED or self.clock() >= job.expires_at:
            return self._expire(tenant, export_id)
        if job.at_rest or self.clock() < job.began_at + STUCK_AFTER:
            return _Outcome.FINE
        return self._revive(job)

    def _revive(self, job: ExportJob) -> _Outcome:
        """Let an export go on that lost its execution, or end one whose execution has ended."""
        state = self.workflow.state(job)
        if state is ExecutionState.RUNNING:
            return _Outcome.FINE
        if state is ExecutionState.MISSING:
            self.workflow.start(job)
            self.metrics.count("ExportsHealed", 1)
            return _Outcome.HEALED
        with suppress(JobChanged):  # then it has come to its end between our two looks
            self.jobs.replace(job.failed(self.clock(), self.jobs.failure(job.tenant, job.id) or _ENDED))
            self.jobs.forget_reports(job.tenant, job.id)
            self.metrics.count("ExportsFailed", 1)
            return _Outcome.FAILED
        return _Outcome.FINE

    def _settle_stored(self, export_id: str) -> _Outcome:
        try:
            tenant = self.jobs.owner_of(export_id)
        except ExportNotFound:
            return self._clear(export_id)
        return self._expire(tenant, export_id)

    def _settle_chain(self, key: str) -> _Outcome | None:
        is_over = forget_if_over(
            key, jobs=self.jobs, chains=self.chains, schedules=self.schedules, archives=self.archives
        )
        return _Outcome.ENDED if is_over else None

    def _clear(self, export_id: str) -> _Outcome:
        """Remove the objects of an export that nobody knows."""
        if self.clock() - asked_at(export_id) < UNKNOWN_AFTER:
            return _Outcome.FINE
        self.archives.delete_prefix(keys.prefix(export_id))
        return _Outcome.CLEARED

    def _expire(self, tenant: str, export_id: str) -> _Outcome:
        """Remove what is left of an export, unless it stands and has not expired."""
        is_gone = expire_export(
            tenant,
            export_id,
            jobs=self.jobs,
            workflow=self.workflow,
            archives=self.archives,
            clock=self.clock,
            metrics=self.metrics,
        )
        return _Outcome.REMOVED if is_gone else _Outcome.FINE
