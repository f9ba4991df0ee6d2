"""Put in order what nothing else has: imports that are stuck, and what is left of those that are gone."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain

from waybill.domain import import_keys
from waybill.domain.errors import ImportNotFound, JobChanged, SweepIncomplete, WaybillError
from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.job import ExecutionState, asked_at, is_export_id
from waybill.ports import Budget, Clock, ImportFailure, ImportStore, ImportWorkflow, Metrics, ObjectStore
from waybill.services.ending_import import clear_ended, end_failed
from waybill.services.expire_import import expire_import
from waybill.services.sweep_exports import MOST_TROUBLES, STUCK_AFTER, UNKNOWN_AFTER

_ENDED = ImportFailure(
    "What made this import has stopped for good, without a result and without a word of why. Undo it if it has written "
    "anything, and create it again; if that fails too, tell the operator the import's id.",
    "import_stopped",
)


class _Outcome(StrEnum):
    FINE = "fine"
    REMOVED = "removed"
    CLEARED = "cleared"
    HEALED = "healed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SweptImports:
    """What a sweep did, in numbers of imports.

    ``removed`` had expired, or their removal was cut short. Of ``cleared`` there were objects although nobody knows
    them any more. ``healed`` got the execution that they lacked, ``failed`` ended because theirs had, and ``fine``
    needed nothing. ``whole`` says that all imports were looked at.
    """

    fine: int
    removed: int
    cleared: int
    healed: int
    failed: int
    whole: bool


def sweep_imports(
    *,
    imports: ImportStore,
    workflow: ImportWorkflow,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
    budget: Budget,
) -> SweptImports:
    """Look at every import that is not at rest, then at every one that has objects, and put in order what is amiss.

    Stops when the budget is spent. Safe to repeat, also side by side. One that cannot be put in order does not hold up
    the others; in the end SweepIncomplete is raised for it.
    """
    sweep = _Sweep(imports, workflow, archives, clock, metrics)
    outcomes: Counter[_Outcome] = Counter()
    troubles: list[WaybillError] = []
    whole = True
    for settle in chain(sweep.unfinished(), sweep.stored()):
        if budget.spent() or len(troubles) == MOST_TROUBLES:
            whole = False
            metrics.count("SweepsCutShort", 1)
            break
        try:
            outcomes[settle()] += 1
        except WaybillError as error:
            troubles.append(error)
    if troubles:
        raise SweepIncomplete(f"{len(troubles)} imports could not be put in order, the first because: {troubles[0]}")
    return SweptImports(**{outcome.value: outcomes[outcome] for outcome in _Outcome}, whole=whole)


@dataclass(frozen=True, slots=True)
class _Sweep:
    imports: ImportStore
    workflow: ImportWorkflow
    archives: ObjectStore
    clock: Clock
    metrics: Metrics

    def unfinished(self) -> Iterator[Callable[[], _Outcome]]:
        """Yield what to do about the imports that run, or are being removed, for longer than a step may take."""
        for tenant, import_id in self.imports.unfinished(before=self.clock() - STUCK_AFTER):
            yield partial(self._settle_unfinished, tenant, import_id)

    def stored(self) -> Iterator[Callable[[], _Outcome]]:
        """Yield what to do about the imports that have objects, the oldest first."""
        for prefix in self.archives.prefixes(import_keys.IMPORTS):
            import_id = import_keys.import_of(prefix)
            if is_export_id(import_id):
                yield partial(self._settle_stored, import_id)

    def _settle_unfinished(self, tenant: str, import_id: str) -> _Outcome:
        try:
            job = self.imports.get(tenant, import_id)
        except ImportNotFound:
            return _Outcome.FINE  # its TTL has just removed it, and the index does not know yet
        if job.state is ImportState.DELETED or self.clock() >= job.expires_at:
            return self._expire(tenant, import_id)
        return _Outcome.FINE if job.at_rest else self._revive(job)

    def _revive(self, job: ImportJob) -> _Outcome:
        """Let an import go on that lost its execution, or end one whose execution has ended.

        An undoing may have begun a moment ago; starting its execution twice is starting it once.
        """
        state = self.workflow.state(job)
        if state is ExecutionState.RUNNING:
            return _Outcome.FINE
        if state is ExecutionState.MISSING:
            self.workflow.start(job)
            self.metrics.count("ImportsHealed", 1)
            return _Outcome.HEALED
        with suppress(JobChanged):  # then it has come to its end between our two looks
            end_failed(
                job,
                _ENDED,
                imports=self.imports,
                archives=self.archives,
                clock=self.clock,
                metrics=self.metrics,
            )
            return _Outcome.FAILED
        return _Outcome.FINE

    def _settle_stored(self, import_id: str) -> _Outcome:
        try:
            tenant = self.imports.owner_of(import_id)
        except ImportNotFound:
            return self._clear(import_id)
        if self._expire(tenant, import_id) is _Outcome.REMOVED:
            return _Outcome.REMOVED
        return self._clear_work(tenant, import_id)

    def _clear(self, import_id: str) -> _Outcome:
        """Remove the objects of an import that nobody knows."""
        if self.clock() - asked_at(import_id) < UNKNOWN_AFTER:
            return _Outcome.FINE
        self.archives.delete_prefix(import_keys.prefix(import_id))
        return _Outcome.CLEARED

    def _clear_work(self, tenant: str, import_id: str) -> _Outcome:
        """Remove what was staged for an import that has ended, if its last step died before it could."""
        job = self.imports.get(tenant, import_id)
        if job.at_rest and any(self.archives.list(import_keys.work(import_id))):
            clear_ended(job, imports=self.imports, archives=self.archives)
            return _Outcome.CLEARED
        return _Outcome.FINE

    def _expire(self, tenant: str, import_id: str) -> _Outcome:
        """Remove what is left of an import, unless it stands and has not expired."""
        is_gone = expire_import(
            tenant,
            import_id,
            imports=self.imports,
            workflow=self.workflow,
            archives=self.archives,
            clock=self.clock,
            metrics=self.metrics,
        )
        return _Outcome.REMOVED if is_gone else _Outcome.FINE
