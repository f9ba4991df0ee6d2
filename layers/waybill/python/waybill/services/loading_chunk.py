"""Write one chunk of accepted rows: note what stands in the target, then write contents, then records.

A crash at any point leaves a chunk that can be loaded again: its entry in the journal says what stood there before, and
what was written bears the import's id, so it is met as one's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import msgspec

from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.domain.catalog import Doctype
from waybill.domain.errors import StorageUnavailable
from waybill.domain.import_job import ImportJob
from waybill.domain.import_options import OnConflict
from waybill.ports import MOST_WRITES, MOST_WRITTEN, Budget, NewRecord, ObjectStore, Refusal, Sink, Standing
from waybill.rules.codes import FaultCode, Outcome
from waybill.rules.judge import MOST_RECORD
from waybill.rules.unique_fields import unique_fields
from waybill.services.carry_over import carried_over
from waybill.services.import_journal import bring, journal_line, journal_lines, note_unwritten
from waybill.services.loading_contents import ContentLoader
from waybill.services.loading_passwords import hashed_bodies
from waybill.services.verdict_file import NO_CONTENT, AcceptedRow

READ_AT_ONCE = 20
"""Records that are read whole together: each may have 400 KB."""

MOST_TURNS = 5
"""How often a record that is to be replaced may change while it is noted and written, before its row is given up."""

MOST_ROUNDS = 1_000
"""How often a batch is sent anew without the rows that were refused; nearly always there is at least one less."""

_MOST_ITEM = 400_000
"""Bytes of an item as JSON text that keeps what stood in it before. DynamoDB takes 409,600, counted otherwise."""

_SENTENCES = {
    FaultCode.EXISTS: "A record of this name has come into the target since the row was judged.",
    FaultCode.TAKEN: "Another record has come to have a value that no two may have, since the row was judged.",
    FaultCode.CHANGED_MEANWHILE: "The record in the target changes again and again. Send the row once more.",
    FaultCode.RECORD_TOO_LARGE: "With what the record in the target keeps, it would be larger than a record may be.",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file of verdicts, always the same ones for the same number."""

    key: str
    number: int
    rows: Sequence[AcceptedRow]


@dataclass(frozen=True, slots=True)
class Refused:
    """An accepted row that was not written after all."""

    row: AcceptedRow
    outcome: Outcome
    code: FaultCode

    @property
    def sentence(self) -> str:
        """What to say of it."""
        return _SENTENCES[self.code]


@dataclass(slots=True)
class _Planned:
    """A row on its way to the target. ``turns`` counts how often its record met something else than was noted."""

    row: AcceptedRow
    body: str
    standing: Standing | None
    record: NewRecord
    turns: int = 0


@dataclass(slots=True)
class _Run:
    """One loading of a chunk: the next number for noting rows again, and what was refused so far."""

    chunk: Chunk
    turn: int
    refused: list[Refused] = field(default_factory=list)


class ChunkLoader:
    """Writes the chunks of one file of verdicts."""

    def __init__(self, job: ImportJob, doctype: Doctype, *, sink: Sink, archives: ObjectStore) -> None:
        self._job = job
        self._doctype = doctype
        self._unique = unique_fields(doctype)[1:]
        self._sink = sink
        self._archives = archives
        self._contents = ContentLoader(job, doctype.name, sink)
        self._entries: list[str] | None = None

    def load(self, chunk: Chunk, budget: Budget) -> Sequence[Refused] | None:
        """Write a chunk and return the rows that were not written; None if the budget was spent before its end."""
        entry = import_keys.journal_entry(self._job.id, chunk.key, chunk.number, 0)
        earlier = self._noted(entry)
        run = _Run(chunk, turn=max(len(earlier), 1))
        with closing(Spool()) as journal:
            if earlier:
                bring(self._archives, entry, journal)
            else:
                self._note(entry, chunk.rows, journal)
            clashes = self._contents.copy(chunk.rows, budget)
            if clashes is None:
                return None
            run.refused += [self._clash(row) for row in clashes]
            kept_out = {row.at for row in clashes}
            for batch in self._batches(chunk.rows, journal, run, kept_out):
                self._write(batch, run)
        if run.refused or earlier:
            note_unwritten(self._archives, entry, [each.row.key for each in run.refused])
        return run.refused

    def _noted(self, entry: str) -> Sequence[str]:
        """Return the entries that an earlier attempt has stored for a chunk."""
        if self._entries is None:
            folder = entry.rpartition("/")[0]
            self._entries = [info.key for info in self._archives.list(f"{folder}/")]
        start, none = entry.rpartition("-")[0], import_keys.unwritten(entry)
        return [key for key in self._entries if key.startswith(f"{start}-") and key != none]

    def _note(self, entry: str, rows: Sequence[AcceptedRow], journal: Spool) -> None:
        """Store what stands in the target where rows are to be written."""
        for begin in range(0, len(rows), READ_AT_ONCE):
            some = rows[begin : begin + READ_AT_ONCE]
            replaced = [row.key for row in some if row.replaces]
            found = self._sink.standing(self._job.tenant, self._doctype.name, replaced) if replaced else {}
            for row in some:
                journal.write(self._line(row, found.get(row.key)))
        self._archives.put(entry, journal)

    def _line(self, row: AcceptedRow, standing: Standing | None) -> bytes:
        own = standing is None or standing.import_id == self._job.id
        before = None if standing is None or own else standing.item
        return journal_line(row.key, before, has_content=row.content != NO_CONTENT)

    def _batches(
        self, rows: Sequence[AcceptedRow], journal: Spool, run: _Run, kept_out: set[int]
    ) -> Iterator[list[_Planned]]:
        """Yield rows with what they are to be written as, so many at once as the target takes."""
        bodies = hashed_bodies(self._job.salt, rows)
        batch: list[_Planned] = []
        writes = size = 0
        for row, line in zip(rows, journal_lines(journal), strict=True):
            if row.at in kept_out:
                continue
            before = line.item
            standing = self._sink.stood(self._job.tenant, self._doctype.name, before) if before else None
            planned = self._planned(row, bodies.get(row.at) or bytes(row.body).decode(), standing, run)
            if planned is None:
                continue
            more = len(bytes(row.body)) + len(before or b"")
            own = 1 + len(planned.record.unique)
            if batch and (writes + own > MOST_WRITES or size + more > MOST_WRITTEN):
                yield batch
                batch, writes, size = [], 0, 0
            batch.append(planned)
            writes, size = writes + own, size + more
        if batch:
            yield batch

    def _planned(self, row: AcceptedRow, body: str, standing: Standing | None, run: _Run) -> _Planned | None:
        """Return a row as it is to be written; None, and note that it is refused, if it would be too large."""
        text = body
        if standing is not None:
            text = carried_over(body, standing.body, self._doctype.leave_out)
            rest = max(len(standing.item) - len(standing.body.encode()), 0)
            if len(text.encode()) > MOST_RECORD or len(text.encode()) + rest > _MOST_ITEM:
                self._refuse(run, row, FaultCode.RECORD_TOO_LARGE)
                return None
        unique = values_of(text, self._unique) if self._unique else ()
        return _Planned(row, body, standing, NewRecord(row.key, text, row.changed_at, standing, unique))

    def _write(self, batch: Sequence[_Planned], run: _Run) -> None:
        """Write a batch: all of it, but for the rows that are refused for good."""
        job, name = self._job, self._doctype.name
        left = list(batch)
        for _ in range(MOST_ROUNDS):
            if not left:
                return
            refused = self._sink.write(job.tenant, name, job.id, [each.record for each in left])
            if not refused:
                return
            clashing = [left[at] for at, reason in refused.items() if reason is Refusal.NOT_AS_NOTED]
            for at, reason in refused.items():
                if reason is Refusal.TAKEN:
                    self._refuse(run, left[at].row, FaultCode.TAKEN)
            left = [each for at, each in enumerate(left) if at not in refused]
            left += self._settled(clashing, run)
        raise StorageUnavailable(f"Records of {name} change faster in the target than they can be written.")

    def _settled(self, clashing: Sequence[_Planned], run: _Run) -> list[_Planned]:
        """Return what is to be tried again of rows whose records were not as they were noted, and note them again."""
        found = self._standing([each.row.key for each in clashing])
        again: list[_Planned] = []
        for each in clashing:
            standing = found.get(each.row.key)
            if standing is not None and standing.import_id == self._job.id:
                continue  # written by an earlier attempt
            if standing is not None and self._job.options.on_conflict is not OnConflict.REPLACE:
                self._refuse(run, each.row, FaultCode.EXISTS)
            elif each.turns == MOST_TURNS:
                self._refuse(run, each.row, FaultCode.CHANGED_MEANWHILE)
            else:
                planned = self._planned(each.row, each.body, standing, run)
                again += [replace(planned, turns=each.turns + 1)] if planned is not None else []
        if again:
            entry = import_keys.journal_entry(self._job.id, run.chunk.key, run.chunk.number, run.turn)
            self._archives.put(entry, b"".join([self._line(each.row, each.standing) for each in again]))
            run.turn += 1
        return again

    def _standing(self, keys: Sequence[str]) -> Mapping[str, Standing]:
        found: dict[str, Standing] = {}
        for begin in range(0, len(keys), READ_AT_ONCE):
            some = keys[begin : begin + READ_AT_ONCE]
            found.update(self._sink.standing(self._job.tenant, self._doctype.name, some))
        return found

    def _refuse(self, run: _Run, row: AcceptedRow, code: FaultCode) -> None:
        """Give a row up, and take its content back."""
        self._contents.withdraw(row)
        skips = code is FaultCode.EXISTS and self._job.options.on_conflict is OnConflict.SKIP
        run.refused.append(Refused(row, Outcome.SKIPPED if skips else Outcome.FAILED, code))

    def _clash(self, row: AcceptedRow) -> Refused:
        skips = self._job.options.on_conflict is OnConflict.SKIP
        return Refused(row, Outcome.SKIPPED if skips else Outcome.FAILED, FaultCode.EXISTS)


def values_of(body: str, fields: Iterable[str]) -> Sequence[tuple[str, str]]:
    """Return the values that a record has in fields, as texts; those that name nothing are left out."""
    record = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    found = [(name, msgspec.json.decode(record[name])) for name in fields if name in record]
    return [
        (name, str(value))
        for name, value in found
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    ]
