"""Judge the rows that came in, and leave those that are accepted as they are to be written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import msgspec

from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.errors import CatalogError, InputRefused
from waybill.domain.import_job import ImportJob, ImportPhase
from waybill.intake.row_file import read_rows
from waybill.intake.staged_inputs import StagedInputs
from waybill.ports import Budget, Clock, ImportStore, ObjectStore, Sink
from waybill.rules.codes import Outcome
from waybill.rules.doctype_rules import DoctypeRules
from waybill.rules.judge import judge
from waybill.rules.verdict import Finding, Row
from waybill.services.file_rules import FileRules
from waybill.services.import_progress import progressed
from waybill.services.import_tally import MOST_SHOWN, ShownFault, Tallies, Tally, counts_of
from waybill.services.making_import import making_import
from waybill.services.row_outcomes import AcceptedRows, rejected, shown
from waybill.services.target_existing import TargetExisting
from waybill.services.validation_disk import ValidationDisk
from waybill.services.verdict_file import line_of
from waybill.services.work_files import load_if_there, save

SAVED_AFTER = 250_000
"""Rows after which a checkpoint is stored also if there is time left: what was seen of their keys is some 10 MB."""

MOST_ROUNDS = 100
"""How often rows of an archive may be put off. A chain of replies, each to the next in the archive, needs as many."""

HELD_LINES = 20
"""Lines that are put together before they go to the disk, each of at most some 400 KB."""

RulesOf = Callable[[str, ImportJob], DoctypeRules]
"""Gives the rules of a doctype for the rows of an import."""

_Sent = deque[tuple[dict[str, Any] | None, bytes]]
"""Of rows that wait for their verdicts what their text says, if it can be read, and the text."""


class _Leaving(NamedTuple):
    """What the rows of a row file become: to be written, rejected, or to be judged once more."""

    taken: Spool
    refused: Spool
    waiting: Spool


class Validation(msgspec.Struct):
    """How far validation has got: behind the row file ``after``, ``judged`` rows of its doctype.

    Of a doctype ``round`` counts how often the present rows were put off, ``rows`` and ``waiting`` those of the round
    and those that were put off again, into ``files`` row files; ``stuck`` says that the round before took none.
    ``shown`` are the first faults, for the report.
    """

    after: str = ""
    doctype: str = ""
    judged: int = 0
    round: int = 0
    rows: int = 0
    waiting: int = 0
    files: int = 0
    stuck: bool = False
    tallies: Tallies = {}
    shown: list[ShownFault] = []
    done: bool = False


def validate_rows(
    tenant: str,
    import_id: str,
    *,
    imports: ImportStore,
    catalog: Catalog,
    rules_of: RulesOf,
    sink: Sink,
    archives: ObjectStore,
    budget: Budget,
    clock: Clock,
) -> bool:
    """Judge rows, going on from what an earlier call left; return whether all of them are judged.

    Nothing is written to the target. The verdicts depend neither on pauses nor on how often a step runs, as long as the
    target stays what it is. Raises InputRefused once all are judged if an input breaks off that had to be whole, also
    in a dry run; ImportGone or ImportNotRunning, CatalogError, StorageUnavailable.
    """
    with making_import(tenant, import_id, imports=imports, archives=archives, clock=clock) as job:
        state = load_if_there(archives, import_keys.validation(job.id), Validation) or Validation()
        if state.done:
            _check_whole(job, archives)
            return True
        begun = progressed(job, ImportPhase.VALIDATE, job.counts, imports=imports, clock=clock)
        with ValidationDisk(job.id, archives) as disk:
            _Bench(job, state, disk, catalog=catalog, rules_of=rules_of, sink=sink, archives=archives).run(budget)
        counts = counts_of(state.tallies.values(), job.counts)
        progressed(begun, ImportPhase.VALIDATE, counts, imports=imports, clock=clock)
        if state.done:
            _check_whole(job, archives)
        return state.done


def _check_whole(job: ImportJob, archives: ObjectStore) -> None:
    """Raise InputRefused if nothing may be written, whatever the verdicts are."""
    staged = load_if_there(archives, import_keys.inputs(job.id), StagedInputs)
    if staged is not None and staged.refusal is not None:
        raise InputRefused(staged.refusal.sentence, staged.refusal.code)


class _Bench:
    """Judges row files one after the other, each doctype by its rules."""

    def __init__(
        self,
        job: ImportJob,
        state: Validation,
        disk: ValidationDisk,
        *,
        catalog: Catalog,
        rules_of: RulesOf,
        sink: Sink,
        archives: ObjectStore,
    ) -> None:
        self._job = job
        self._state = state
        self._disk = disk
        self._catalog = catalog
        self._rules_of = rules_of
        self._sink = sink
        self._archives = archives
        self._existing = TargetExisting(sink, job.tenant, catalog, disk)
        self._unsaved = 0
        self._grows = False

    def run(self, budget: Budget) -> None:
        """Judge what is left, until the budget is spent."""
        state = self._state
        self._forget_unsaved()
        present: tuple[DoctypeRules, AcceptedRows] | None = None
        for key in self._row_files():
            name = import_keys.doctype_of(key)
            if present is None or state.doctype != name:
                doctype = self._doctype(name)
                if not self._disk.find_holders(doctype, self._sink, self._job.tenant, budget):
                    self._save()
                    return
                present = self._rules(doctype)
                if state.doctype != name:
                    state.doctype, state.judged = name, 0
                    self._begin_round(0)
            if state.round != import_keys.round_of(key):
                self._begin_round(import_keys.round_of(key))
            self._judge_file(key, *present)
            state.after = key
            spent = budget.spent()
            if spent or self._unsaved >= SAVED_AFTER:
                self._save()
            if spent:
                return
        state.done = True
        save(self._archives, import_keys.validation(self._job.id), state)

    def _forget_unsaved(self) -> None:
        """Remove what an earlier call stored behind its checkpoint: the target may be another now, and the verdicts."""
        archives, job, after = self._archives, self._job, self._state.after
        verdicts, refused = import_keys.verdicts(job.id), import_keys.rejected(job.id, "", ImportPhase.VALIDATE)
        stale = [info.key for info in archives.list(verdicts, after=import_keys.verdict_file(job.id, after))]
        refused_after = import_keys.rejected(job.id, after, ImportPhase.VALIDATE)
        stale += [info.key for info in archives.list(refused, after=refused_after)]
        kept = import_keys.waiting_file(job.id, after, self._state.files) if after else ""
        for info in archives.list(import_keys.rows(job.id), after=after or None):
            of_present = import_keys.doctype_of(info.key) == self._state.doctype
            if import_keys.round_of(info.key) and not (of_present and info.key < kept):
                stale.append(info.key)
        for key in stale:
            archives.delete_prefix(key)

    def _row_files(self) -> Iterator[str]:
        """Yield what is left to be judged, rows that are put off meanwhile too, in the order of their keys."""
        self._grows = True
        while self._grows:
            self._grows = False
            for info in self._archives.list(import_keys.rows(self._job.id), after=self._state.after or None):
                yield info.key
                if self._grows:
                    break  # what was put off may come before what was listed

    def _begin_round(self, number: int) -> None:
        state = self._state
        state.stuck = number > 1 and state.waiting == state.rows
        state.round, state.rows, state.waiting, state.files = number, 0, 0, 0

    @property
    def _may_wait(self) -> bool:
        """Whether rows may be put off: those of an archive, which have no order, as long as that leads anywhere."""
        archived = self._job.options.doctype is None
        return archived and not self._state.stuck and self._state.round < MOST_ROUNDS

    def _judge_file(self, key: str, rules: DoctypeRules, form: AcceptedRows) -> None:
        with closing(Spool()) as taken, closing(Spool()) as refused, closing(Spool()) as waiting:
            self._judge_rows(self._archives.get(key).splitlines(), rules, form, _Leaving(taken, refused, waiting))
            self._put(import_keys.verdict_file(self._job.id, key), taken)
            self._put(import_keys.rejected(self._job.id, key, ImportPhase.VALIDATE), refused)
            if len(waiting):
                self._put(import_keys.waiting_file(self._job.id, key, self._state.files), waiting)
                self._state.files += 1
                self._grows = True

    def _judge_rows(self, lines: Sequence[bytes], rules: DoctypeRules, form: AcceptedRows, leaving: "_Leaving") -> None:
        state, sent = self._state, _Sent()
        tally = state.tallies.setdefault(state.doctype, Tally())
        verdicts = judge(
            _rows(lines, sent),
            rules,
            seen=self._disk.seen,
            existing=self._existing,
            on_conflict=self._job.options.on_conflict,
            judged=state.judged,
            may_wait=self._may_wait,
            again=state.round > 0,
        )
        at, accepted = -1, list[bytes]()
        for at, verdict in enumerate(verdicts):
            own = sent.popleft()
            if verdict.waits:
                leaving.waiting.write(lines[at] + b"\n")
                state.waiting += 1
                continue
            tally.add(verdict)
            if verdict.outcome is Outcome.ACCEPTED:
                accepted.append(line_of(form.row(at, verdict, own)))
                if len(accepted) == HELD_LINES:
                    leaving.taken.write(b"".join(accepted))
                    accepted.clear()
            elif verdict.outcome is Outcome.FAILED:
                leaving.refused.write(line_of(rejected(at, verdict.reasons)))
                if len(state.shown) < MOST_SHOWN:
                    state.shown.append(shown(state.doctype, verdict))
        leaving.taken.write(b"".join(accepted))
        state.judged += at + 1
        state.rows += at + 1
        self._unsaved += at + 1

    def _put(self, key: str, lines: Spool) -> None:
        if len(lines):
            self._archives.put(key, lines)

    def _doctype(self, name: str) -> Doctype:
        known = self._catalog.doctypes.get(name)
        if known is None or known.target is None:
            raise CatalogError(f"The doctype {name} cannot be imported, because of what the catalog says of it.")
        return known

    def _rules(self, doctype: Doctype) -> tuple[DoctypeRules, AcceptedRows]:
        rules = self._rules_of(doctype.name, self._job)
        if not doctype.has_files:
            return rules, AcceptedRows(doctype, self._job.created_at, None)
        most = self._sink.most_key_bytes(self._job.tenant, doctype.name)
        form = AcceptedRows(doctype, self._job.created_at, self._disk.book)
        return FileRules(rules, self._disk.book, most), form

    def _save(self) -> None:
        """Store the checkpoint, and before it what it stands on: what was seen may be further than the checkpoint."""
        self._disk.save()
        save(self._archives, import_keys.validation(self._job.id), self._state)
        self._unsaved = 0


def _rows(lines: Iterable[bytes], sent: _Sent) -> Iterator[Row]:
    """Yield rows for the judge, and keep of each what it says until its verdict is there."""
    for staged, text, value, problem in read_rows(lines):
        sent.append((value, text))
        fault = None if problem is None else Finding(problem.code, problem.pointer, problem.sentence)
        yield Row(staged.number, value, fault, staged.source)
