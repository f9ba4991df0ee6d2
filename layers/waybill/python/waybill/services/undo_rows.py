"""Take back what an import wrote, unless it was changed since."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.errors import CatalogError, StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportState, UndoCounts
from waybill.ports import MOST_WRITES, MOST_WRITTEN, Budget, Clock, ImportStore, ObjectStore, OldRecord, Sink, Standing
from waybill.rules.unique_fields import unique_fields
from waybill.services.import_journal import JournalLine, bring, journal_lines, unwritten_keys
from waybill.services.loading_chunk import MOST_ROUNDS, READ_AT_ONCE, values_of
from waybill.services.loading_contents import ContentLoader
from waybill.services.making_import import making_import
from waybill.services.work_files import load_if_there, save


class LeftCode(StrEnum):
    """Why undoing has left a record."""

    CHANGED = "changed"
    REMOVED = "removed"
    CONTENT_CHANGED = "content_changed"


class LeftRecord(msgspec.Struct, frozen=True):
    """A record that undoing has left, as a line of its report."""

    doctype: str
    id: str
    code: LeftCode


class Undoing(msgspec.Struct):
    """How far undoing has got, going backwards: before ``folder`` of the journal, and there before ``chunk``.

    ``chunk`` is empty if the folder is done. ``removed`` and ``restored`` count records; a file is one with its record.
    """

    folder: str = ""
    chunk: str = ""
    removed: int = 0
    restored: int = 0
    changed_since: int = 0
    done: bool = False

    @property
    def counts(self) -> UndoCounts:
        """What was done so far."""
        return UndoCounts(self.removed, self.restored, self.changed_since)


def undo_rows(
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
    """Take back what an import wrote, the last first, going on from what an earlier call left; return whether all is.

    A record that is not as the import wrote it stays, and so does its file; ``import_keys.left`` has a line for each.
    What an import replaced comes back. Raises ImportGone or ImportNotRunning, CatalogError, StorageUnavailable.
    """
    with making_import(
        tenant, import_id, imports=imports, archives=archives, clock=clock, states=(ImportState.UNDOING,)
    ) as job:
        state = load_if_there(archives, import_keys.undoing(job.id), Undoing) or Undoing()
        if not state.done:
            _Undoer(job, state, catalog, sink, archives).run(budget)
        return state.done


def undo_counts(import_id: str, archives: ObjectStore) -> UndoCounts:
    """Return what undoing an import has done so far."""
    state = load_if_there(archives, import_keys.undoing(import_id), Undoing)
    return UndoCounts() if state is None else state.counts


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The entries of a chunk in the journal, the first one first."""

    name: str
    entries: Sequence[str]


class _Undoer:
    """Goes through the journal backwards."""

    def __init__(self, job: ImportJob, state: Undoing, catalog: Catalog, sink: Sink, archives: ObjectStore) -> None:
        self._job = job
        self._state = state
        self._catalog = catalog
        self._sink = sink
        self._archives = archives

    def run(self, budget: Budget) -> None:
        """Take back what is left, until the budget is spent."""
        state = self._state
        for folder in self._folders():
            if state.folder and (folder > state.folder or (folder == state.folder and not state.chunk)):
                continue
            before = state.chunk if folder == state.folder else ""
            for chunk in self._chunks(folder):
                if before and chunk.name >= before:
                    continue
                self._undo(folder, chunk)
                state.folder, state.chunk = folder, chunk.name
                if budget.spent():
                    self._save()
                    return
            state.folder, state.chunk = folder, ""
            self._save()
        state.done = True
        self._save()

    def _folders(self) -> Iterator[str]:
        """Yield the journal's folders, one for each file of verdicts, the last first."""
        ranks = list(self._archives.prefixes(import_keys.journal(self._job.id)))
        for rank in reversed(ranks):
            yield from reversed(list(self._archives.prefixes(rank)))

    def _chunks(self, folder: str) -> Iterator[_Chunk]:
        """Yield the chunks of a folder, the last first."""
        entries: dict[str, list[str]] = {}
        for info in self._archives.list(folder):
            entries.setdefault(info.key.rpartition("-")[0], []).append(info.key)
        for name in sorted(entries, reverse=True):
            yield _Chunk(name, entries[name])

    def _undo(self, folder: str, chunk: _Chunk) -> None:
        name = import_keys.doctype_of(folder.removesuffix("/"))
        doctype = self._catalog.doctypes.get(name)
        if doctype is None:
            raise CatalogError(f"The doctype {name} cannot be undone, because the catalog does not have it any more.")
        left: list[LeftRecord] = []
        taking = _Taking(self._job, doctype, self._sink, self._state, left)
        with closing(Spool()) as first:
            later, unwritten = self._noted(chunk, first)
            lines = (later.get(line.key, line) for line in journal_lines(first) if line.key not in unwritten)
            for batch in _together(lines):
                taking.take_back(batch)
        if left:
            place = chunk.name.removeprefix(import_keys.journal(self._job.id))
            self._archives.put(f"{import_keys.left(self._job.id)}{place}.ndjson", b"".join(map(_line, left)))

    def _noted(self, chunk: _Chunk, spool: Spool) -> tuple[Mapping[str, JournalLine], frozenset[str]]:
        """Bring a chunk's first entry; return what was noted anew of some of its rows, and which were not written."""
        none = import_keys.unwritten(chunk.entries[0])
        unwritten = unwritten_keys(self._archives.get(none)) if none in chunk.entries else frozenset()
        first, *others = [key for key in chunk.entries if key != none]
        later = {line.key: line for key in others for line in journal_lines(self._archives.stream(key))}
        bring(self._archives, first, spool)
        return later, unwritten

    def _save(self) -> None:
        save(self._archives, import_keys.undoing(self._job.id), self._state)


class _Taking:
    """Takes back the records of one chunk, and counts."""

    def __init__(self, job: ImportJob, doctype: Doctype, sink: Sink, state: Undoing, left: list[LeftRecord]) -> None:
        self._job = job
        self._doctype = doctype
        self._unique = unique_fields(doctype)[1:]
        self._sink = sink
        self._contents = ContentLoader(job, doctype.name, sink)
        self._state = state
        self._left = left

    def take_back(self, lines: Sequence[JournalLine]) -> None:
        """Take back the records of some lines, those that are as the import wrote them."""
        waiting = {line.key: line for line in lines}
        for _ in range(MOST_ROUNDS):
            found = self._sink.standing(self._job.tenant, self._doctype.name, list(waiting))
            ours = [line for line in waiting.values() if self._is_ours(line, found.get(line.key))]
            waiting = {}
            for batch in self._batches(ours, found):
                changed = self._sink.take_back(
                    self._job.tenant, self._doctype.name, self._job.id, [record for _, record in batch]
                )
                if changed:
                    waiting.update({line.key: line for line, _ in batch})
                else:
                    for line, _ in batch:
                        self._taken(line)
            if not waiting:
                return
        raise StorageUnavailable(f"Records of {self._doctype.name} change faster than they can be taken back.")

    def _batches(
        self, lines: Sequence[JournalLine], found: Mapping[str, Standing]
    ) -> Iterator[list[tuple[JournalLine, OldRecord]]]:
        batch: list[tuple[JournalLine, OldRecord]] = []
        size = 0
        for line in lines:
            now, before = found[line.key], line.item
            more = len(now.item) + len(before or b"")
            if batch and (len(batch) >= MOST_WRITES or size + more > MOST_WRITTEN):
                yield batch
                batch, size = [], 0
            unique = values_of(now.body, self._unique) if self._unique else ()
            batch.append((line, OldRecord(line.key, now, before, unique)))
            size += more
        if batch:
            yield batch

    def _is_ours(self, line: JournalLine, now: Standing | None) -> bool:
        """Whether a record is to be taken back. If it is no more, or was changed since, count it."""
        if now is not None and now.import_id == self._job.id:
            if not now.intact:
                self._leave(line, LeftCode.CHANGED)
            elif line.has_content and self._has_other_content(line.key):
                self._leave(line, LeftCode.CONTENT_CHANGED)
            else:
                return True
        elif _is_before(line.item, now):
            self._taken(line)  # by an attempt that was interrupted, or there never was anything to take back
        else:
            self._leave(line, LeftCode.REMOVED if now is None else LeftCode.CHANGED)
        return False

    def _has_other_content(self, key: str) -> bool:
        writer = self._sink.content_of(self._job.tenant, self._doctype.name, key)
        return writer is not None and writer != self._job.id

    def _leave(self, line: JournalLine, code: LeftCode) -> None:
        self._left.append(LeftRecord(self._doctype.name, line.key, code))
        self._state.changed_since += 1

    def _taken(self, line: JournalLine) -> None:
        """Count a record that was taken back, and take back its content."""
        if line.item is None:
            self._state.removed += 1
        else:
            self._state.restored += 1
        if line.has_content:
            self._contents.take_back(line.key)


def _together(lines: Iterator[JournalLine]) -> Iterator[list[JournalLine]]:
    """Yield lines, so many at once as are read together."""
    batch: list[JournalLine] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(bytes(line.before))
        if len(batch) >= READ_AT_ONCE or size > MOST_WRITTEN:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _is_before(before: bytes | None, now: Standing | None) -> bool:
    """Whether what stands there now is what stood there before, in whatever order its attributes come."""
    if before is None or now is None:
        return before is None and now is None
    one: Any = msgspec.json.decode(before)
    other: Any = msgspec.json.decode(now.item)
    return bool(one == other)


def _line(record: LeftRecord) -> bytes:
    return msgspec.json.encode(record) + b"\n"
