"""Write the accepted rows of an import and their contents to the target."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from waybill.domain import import_keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import CatalogError, StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportPhase
from waybill.intake.row_file import read_rows
from waybill.ports import Budget, Clock, ImportStore, ObjectStore, Sink
from waybill.rules.codes import Outcome
from waybill.services.import_progress import progressed
from waybill.services.import_tally import MOST_SHOWN, ShownFault, Tallies, Tally, counts_of, together
from waybill.services.loading_chunk import Chunk, ChunkLoader
from waybill.services.making_import import making_import
from waybill.services.validate_rows import Validation
from waybill.services.verdict_file import AcceptedRow, RejectedRow, accepted_rows, line_of
from waybill.services.work_files import load, load_if_there, save

CHUNK_ROWS = 500
"""Rows that are noted in the journal together, and then written."""

CHUNK_BYTES = 1_000_000
CHUNK_PASSWORDS = 20
"""Of one some tenths of a second are spent on."""

CHUNK_CONTENTS = 100


class Loading(msgspec.Struct):
    """How far loading has got: behind the file of verdicts ``after`` and ``chunks`` chunks of the next.

    ``rejected`` are rows of that one that were not written after all.
    """

    after: str = ""
    chunks: int = 0
    tallies: Tallies = {}
    rejected: list[RejectedRow] = []
    shown: list[ShownFault] = []
    done: bool = False


def load_rows(
    tenant: str,
    import_id: str,
    *,
    imports: ImportStore,
    catalog: Catalog,
    sink: Sink,
    archives: ObjectStore,
    budget: Budget,
    clock: Clock,
) -> bool:
    """Write accepted rows, going on from what an earlier call left; return whether all of them are written.

    A dry run has nothing to write. A step that runs twice meets its own rows and leaves them. A row whose record has
    come into the target since it was judged is not written, unless ``on_conflict`` is ``replace``; it is reported as if
    it had been judged so. Raises ImportGone or ImportNotRunning, CatalogError, StorageUnavailable.
    """
    with making_import(tenant, import_id, imports=imports, archives=archives, clock=clock) as job:
        state = load_if_there(archives, import_keys.loading(job.id), Loading) or Loading()
        if state.done or job.options.dry_run:
            return True
        judged = load(archives, import_keys.validation(job.id), Validation).tallies
        begun = progressed(job, ImportPhase.LOAD, job.counts, imports=imports, clock=clock)
        _Loader(job, state, catalog, sink, archives).run(budget)
        counts = counts_of(together(judged, state.tallies).values(), job.counts)
        progressed(begun, ImportPhase.LOAD, counts, imports=imports, clock=clock)
        return state.done


class _Loader:
    """Writes files of verdicts one after the other."""

    def __init__(self, job: ImportJob, state: Loading, catalog: Catalog, sink: Sink, archives: ObjectStore) -> None:
        self._job = job
        self._state = state
        self._catalog = catalog
        self._sink = sink
        self._archives = archives

    def run(self, budget: Budget) -> None:
        """Write what is left, until the budget is spent. If the target fails, what was written until then is noted."""
        self._forget_rejected()
        try:
            self._load_files(budget)
        except StorageUnavailable:
            with suppress(StorageUnavailable):
                self._save()
            raise

    def _load_files(self, budget: Budget) -> None:
        for info in self._archives.list(import_keys.verdicts(self._job.id), after=self._state.after or None):
            if not self._load_file(info.key, budget):
                self._save()
                return
        self._state.done = True
        self._save()

    def _load_file(self, key: str, budget: Budget) -> bool:
        """Write the rows of a file; return whether that is done and there is time for another one."""
        state, name = self._state, import_keys.doctype_of(key)
        doctype = self._catalog.doctypes.get(name)
        if doctype is None:
            raise CatalogError(f"The doctype {name} cannot be imported, because the catalog does not have it any more.")
        loader = ChunkLoader(self._job, doctype, sink=self._sink, archives=self._archives)
        tally = state.tallies.setdefault(name, Tally())
        for number, rows in enumerate(_chunks(accepted_rows(self._archives.get(key)), has_files=doctype.has_files)):
            if number < state.chunks:
                continue
            refused = loader.load(Chunk(key, number, rows), budget)
            if refused is None:
                return False
            tally.written += len(rows) - len(refused)
            for each in refused:
                tally.refuse(each.outcome, each.code)
                if each.outcome is Outcome.FAILED:
                    state.rejected.append(RejectedRow(each.row.at, each.code, "", each.sentence))
            state.chunks = number + 1
            if budget.spent():
                return False
        self._end_file(key)
        return True

    def _end_file(self, key: str) -> None:
        """Store what was rejected of a file, and with it that the file is done."""
        state = self._state
        if state.rejected:
            row_key = import_keys.row_key_of(self._job.id, key)
            state.rejected.sort(key=lambda row: row.at)
            faults = self._faults(row_key)
            lines = b"".join(map(line_of, state.rejected))
            self._archives.put(import_keys.rejected(self._job.id, row_key, ImportPhase.LOAD), lines)
            state.shown += faults
            state.rejected = []
        state.after, state.chunks = key, 0
        self._save()

    def _faults(self, row_key: str) -> list[ShownFault]:
        """Return the first rows that were not written, as many as the report still has room for."""
        state, faults = self._state, list[ShownFault]()
        doctype, by_position = import_keys.doctype_of(row_key), {row.at: row for row in state.rejected}
        for at, line in enumerate(self._archives.get(row_key).splitlines()):
            if at in by_position and len(state.shown) + len(faults) < MOST_SHOWN:
                (staged, *_), row = next(read_rows([line])), by_position[at]
                fault = ShownFault(doctype, staged.number, staged.source, row.code, row.pointer, row.sentence)
                faults.append(fault)
        return faults

    def _forget_rejected(self) -> None:
        """Remove what was rejected of files that are not done: an earlier call stored it, and did not get further."""
        row_key = import_keys.row_key_of(self._job.id, self._state.after) if self._state.after else ""
        after = import_keys.rejected(self._job.id, row_key, ImportPhase.LOAD)
        for info in self._archives.list(import_keys.rejected(self._job.id, "", ImportPhase.LOAD), after=after):
            self._archives.delete_prefix(info.key)

    def _save(self) -> None:
        save(self._archives, import_keys.loading(self._job.id), self._state)


def _chunks(rows: Iterator[AcceptedRow], *, has_files: bool) -> Iterator[list[AcceptedRow]]:
    """Yield rows in chunks that depend on nothing but the rows, so that one that runs again has the same ones."""
    most = CHUNK_CONTENTS if has_files else CHUNK_ROWS
    chunk: list[AcceptedRow] = []
    size = passwords = 0
    for row in rows:
        size += len(bytes(row.body))
        passwords += bool(row.salted_by)
        chunk.append(row)
        if len(chunk) >= most or size >= CHUNK_BYTES or passwords >= CHUNK_PASSWORDS:
            yield chunk
            chunk, size, passwords = [], 0, 0
    if chunk:
        yield chunk
