"""What the world is told of an import: one event for every change of its state.

Made as those of exports are (``domain.change_event``): of the record before and after the change and of nothing else,
with ids, states and counts, and never a tenant's name, a row or an address.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from waybill.domain.import_job import ImportJob, ImportState, RowCounts
from waybill.domain.receipt import Reason

IMPORT_STARTED = "waybill.import.started"
IMPORT_DONE = "waybill.import.done"
IMPORT_FAILED = "waybill.import.failed"
IMPORT_UNDOING = "waybill.import.undoing"
IMPORT_UNDONE = "waybill.import.undone"
IMPORT_DELETED = "waybill.import.deleted"
IMPORT_EXPIRED = "waybill.import.expired"
IMPORT_TYPES = (
    IMPORT_STARTED,
    IMPORT_DONE,
    IMPORT_FAILED,
    IMPORT_UNDOING,
    IMPORT_UNDONE,
    IMPORT_DELETED,
    IMPORT_EXPIRED,
)

_TYPE_OF = {
    ImportState.IMPORTING: IMPORT_STARTED,
    ImportState.DONE: IMPORT_DONE,
    ImportState.ERROR: IMPORT_FAILED,
    ImportState.UNDOING: IMPORT_UNDOING,
    ImportState.UNDONE: IMPORT_UNDONE,
}


@dataclass(frozen=True, slots=True)
class ImportEvent:
    """One change of an import's state.

    ``id`` is the import's id and the ``rev`` that its record got; a tombstone that is put where no record is any more
    has ``gone`` instead. ``previous_state`` is None if there was no record before, or nobody knows.
    """

    id: str
    type: str
    at: datetime
    import_id: str
    state: str
    previous_state: str | None
    dry_run: bool
    counts: RowCounts
    error_code: str

    @property
    def path(self) -> str:
        """Where the API shows the import."""
        return f"/move/imports/{self.import_id}"

    def data(self) -> dict[str, Any]:
        """Return what happened, as JSON data."""
        return {
            "import_id": self.import_id,
            "path": self.path,
            "state": self.state,
            "previous_state": self.previous_state,
            "dry_run": self.dry_run,
            "rows": self.counts.rows,
            "accepted": self.counts.accepted,
            "skipped": self.counts.skipped,
            "failed": self.counts.failed,
            "written": self.counts.written,
            "error_code": self.error_code,
        }


def import_change_of(before: ImportJob | None, after: ImportJob, at: datetime) -> ImportEvent | None:
    """Return the event of a change of an import's record at ``at``, None if its state stayed what it was.

    That an undoing could not be started, so that the import is what it was before, is no news of the import.
    """
    if before is not None and before.state is after.state:
        return None
    if before is not None and before.state is ImportState.UNDOING and after.undo is None:
        return None
    is_lost = before is None and after.state is ImportState.DELETED
    return ImportEvent(
        id=f"{after.id}/{'gone' if is_lost else after.rev}",
        type=_type_of(after),
        at=at,
        import_id=after.id,
        state=after.state.value,
        previous_state=_state_before(before, after),
        dry_run=after.options.dry_run,
        counts=after.counts,
        error_code=after.error_code,
    )


def _state_before(before: ImportJob | None, after: ImportJob) -> str | None:
    """Return the state before a change; of an import whose record is gone, what its tombstone knows of it."""
    if before is not None:
        return before.state.value
    return after.receipt.state if after.receipt else None


def _type_of(after: ImportJob) -> str:
    if after.state is ImportState.DELETED:
        return IMPORT_EXPIRED if after.receipt and after.receipt.reason is Reason.EXPIRED else IMPORT_DELETED
    return _TYPE_OF[after.state]
