"""The record of one import and the changes it may go through."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from waybill.domain.errors import ImportGone, ImportNotRunning, ImportNotUndoable
from waybill.domain.import_options import ImportOptions
from waybill.domain.job import asked_at
from waybill.domain.options import SECOND_NS
from waybill.domain.receipt import Reason, Receipt


class ImportState(StrEnum):
    """The states of an import. A deleted import is only ever 410."""

    IMPORTING = "importing"
    DONE = "done"
    ERROR = "error"
    UNDOING = "undoing"
    UNDONE = "undone"
    DELETED = "deleted"


class ImportPhase(StrEnum):
    """What an import that runs is doing."""

    STAGE = "stage"
    VALIDATE = "validate"
    LOAD = "load"
    UNDO = "undo"


_RUNNING = (ImportState.IMPORTING, ImportState.UNDOING)
_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows came in and what became of them. Once validation has ended, the first is the sum of the next three.

    ``written`` are the accepted rows that are in the target. ``files`` and ``file_bytes`` are contents that came in.
    """

    rows: int = 0
    accepted: int = 0
    skipped: int = 0
    failed: int = 0
    written: int = 0
    files: int = 0
    file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UndoCounts:
    """What undoing did: records and files removed or restored, and those left because they were changed since."""

    removed: int = 0
    restored: int = 0
    changed_since: int = 0


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import of one tenant.

    ``rev`` counts the changes of the record, from 1. ``phase`` is what is being done, or was when it failed.
    ``creation_duration`` is in nanoseconds. ``salt`` is a secret that steps make things of which must be the same when
    they run twice and be guessed by nobody. ``partial`` says that an input was not whole, and what was there of it was
    taken. ``receipt`` is what a tombstone has. ``undos`` counts how often undoing it was begun.
    """

    tenant: str
    id: str
    options: ImportOptions
    state: ImportState
    created_at: datetime
    expires_at: datetime
    rev: int = 1
    phase: ImportPhase = ImportPhase.STAGE
    counts: RowCounts = RowCounts()
    undo: UndoCounts | None = None
    creation_duration: int = 0
    partial: bool = False
    error: str = ""
    error_code: str = ""
    salt: bytes = field(default=b"", repr=False)
    receipt: Receipt | None = None
    undos: int = 0

    @property
    def execution(self) -> str:
        """The name of the execution that works on the import: its id, and behind it that it is undone."""
        return self._undoing_execution if self.state is ImportState.UNDOING else self.id

    @property
    def executions(self) -> tuple[str, ...]:
        """The names of all executions of the import that may still run."""
        return (self.id, self._undoing_execution) if self.undos else (self.id,)

    @property
    def _undoing_execution(self) -> str:
        return f"{self.id}-undo" if self.undos == 1 else f"{self.id}-undo-{self.undos}"

    @property
    def at_rest(self) -> bool:
        """Whether nobody has anything to do with it until somebody asks."""
        if self.state is ImportState.DELETED:
            return self.receipt is None or self.receipt.complete
        return self.state not in _RUNNING

    def check_not_gone(self, now: datetime) -> None:
        """Raise ImportGone if the import was deleted or ``now`` is not before ``expires_at`` (TTL deletes late)."""
        if self.state is ImportState.DELETED:
            has_expired = self.receipt is not None and self.receipt.reason is Reason.EXPIRED
            raise ImportGone(f"This import {'has expired' if has_expired else 'was deleted'}.", self.receipt)
        if now >= self.expires_at:
            raise ImportGone(f"This import expired at {self.expires_at.isoformat()}.")

    def check_running(self, now: datetime, *states: ImportState) -> None:
        """Raise ImportGone or ImportNotRunning unless the import is in one of ``states`` at ``now``."""
        self.check_not_gone(now)
        if self.state not in (states or (ImportState.IMPORTING,)):
            raise ImportNotRunning(f"This import is in state {self.state}.")

    def check_undoable(self, now: datetime) -> None:
        """Raise ImportGone or ImportNotUndoable unless the import has ended and wrote something."""
        self.check_not_gone(now)
        if self.options.dry_run:
            raise ImportNotUndoable("This import was a dry run. It has written nothing that could be undone.")
        if self.state is ImportState.IMPORTING:
            raise ImportNotUndoable("This import is running. Wait until it has ended, or delete it first.")
        if self.state is ImportState.ERROR and self.phase in (ImportPhase.STAGE, ImportPhase.VALIDATE):
            raise ImportNotUndoable("This import failed before it wrote anything. There is nothing to undo.")
        if self.state in (ImportState.UNDOING, ImportState.UNDONE):
            raise ImportNotUndoable(f"This import is in state {self.state} already.")

    def changed(self, *, phase: ImportPhase, counts: RowCounts, partial: bool = False) -> "ImportJob":
        """Return the job as it has got further."""
        return replace(self, phase=phase, counts=counts, partial=self.partial or partial, rev=self.rev + 1)

    def finished(self, now: datetime, counts: RowCounts) -> "ImportJob":
        """Return the job as done at ``now``."""
        duration = _nanoseconds(now - self.created_at)
        return replace(self, state=ImportState.DONE, counts=counts, creation_duration=duration, rev=self.rev + 1)

    def failed(self, now: datetime, error: str, code: str = "import_failed") -> "ImportJob":
        """Return the job as failed at ``now``, with a sentence for the person who asked for it, and a stable code.

        One that was done and could not be undone keeps how long it took.
        """
        return replace(
            self,
            state=ImportState.ERROR,
            error=error,
            error_code=code,
            creation_duration=self.creation_duration or _nanoseconds(now - self.created_at),
            rev=self.rev + 1,
        )

    def undoing(self) -> "ImportJob":
        """Return the job as being undone."""
        return replace(
            self,
            state=ImportState.UNDOING,
            phase=ImportPhase.UNDO,
            undo=UndoCounts(),
            undos=self.undos + 1,
            rev=self.rev + 1,
        )

    def not_undone(self) -> "ImportJob":
        """Return the job as it was before an undoing that could not be started."""
        before = ImportState.ERROR if self.error else ImportState.DONE
        return replace(self, state=before, phase=ImportPhase.LOAD, undo=None, rev=self.rev + 1)

    def undone(self, undo: UndoCounts) -> "ImportJob":
        """Return the job as undone, with what that did."""
        return replace(self, state=ImportState.UNDONE, undo=undo, error="", error_code="", rev=self.rev + 1)

    def deleted(self, now: datetime) -> "ImportJob":
        """Return the tombstone that answers 410 from ``now`` on, with the receipt of a removal that begins.

        It keeps nothing of where the import's rows came from, and no secret. The counts stay: what the import has
        written stays in the target. The reason is that it has expired, if it has, whoever removes it. A tombstone
        stays as it is.
        """
        if self.receipt is not None:
            return self
        return replace(
            self,
            state=ImportState.DELETED,
            options=replace(self.options, inputs=()),
            error="",
            salt=b"",
            receipt=Receipt(
                deleted_at=now,
                reason=Reason.EXPIRED if now >= self.expires_at else Reason.DELETED,
                state=None if self.state is ImportState.DELETED else self.state.value,
            ),
            rev=self.rev + 1,
        )

    def with_receipt(self, receipt: Receipt) -> "ImportJob":
        """Return the tombstone with what is known of the removal now."""
        return self if receipt == self.receipt else replace(self, receipt=receipt, rev=self.rev + 1)


def new_import(tenant: str, options: ImportOptions, now: datetime) -> ImportJob:
    """Return a new import of ``tenant``, asked for at ``now``."""
    return ImportJob(
        tenant=tenant,
        id=f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}",
        options=options,
        state=ImportState.IMPORTING,
        created_at=now,
        expires_at=now + timedelta(microseconds=max(options.max_age // 1000, 1)),
        salt=secrets.token_bytes(_SALT_BYTES),
    )


def lost_import(tenant: str, import_id: str, now: datetime) -> ImportJob:
    """Return the tombstone of an import that has expired and whose record was gone before anybody had looked at it."""
    return ImportJob(
        tenant=tenant,
        id=import_id,
        options=ImportOptions(inputs=()),
        state=ImportState.DELETED,
        created_at=asked_at(import_id),
        expires_at=now,
        receipt=Receipt(deleted_at=now, reason=Reason.EXPIRED, state=None),
    )


def _nanoseconds(span: timedelta) -> int:
    return (span // timedelta(microseconds=1)) * (SECOND_NS // 1_000_000)
