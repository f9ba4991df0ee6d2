"""What the world is told of an export: one event for every change of its state (CloudEvents 1.0).

``domain.import_event`` does the same for imports.

An event is made of the record before and after the change and of nothing else, so it comes out the same however often
it is made. It holds ids, states and counts; never a tenant's name, a record or a download link.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from waybill.domain.job import ExportJob, ExportState
from waybill.domain.receipt import Reason

SOURCE = "waybill"
"""The event's ``source``, a URI reference (CloudEvents 1.0, "source")."""

STARTED = "waybill.export.started"
DONE = "waybill.export.done"
FAILED = "waybill.export.failed"
DELETED = "waybill.export.deleted"
EXPIRED = "waybill.export.expired"
RETRIED = "waybill.export.retried"
TYPES = (STARTED, DONE, FAILED, DELETED, EXPIRED, RETRIED)

_TYPE_OF = {ExportState.DONE: DONE, ExportState.ERROR: FAILED}


class Event(Protocol):
    """What is told of something whose state has changed, be it an export or an import."""

    @property
    def id(self) -> str:
        """What names the change: two events with one id are one."""
        ...

    @property
    def type(self) -> str:
        """What happened."""
        ...

    @property
    def at(self) -> datetime:
        """When, to the second."""
        ...

    @property
    def path(self) -> str:
        """Where the API shows what it happened to."""
        ...

    def data(self) -> dict[str, Any]:
        """Return what happened, as JSON data."""
        ...


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One change of an export's state.

    ``id`` names the change: the export's id and the ``rev`` that its record got, so two events with one id are one. A
    tombstone that is put where no record is any more has ``gone`` instead, because it may not know of earlier revs.
    ``at`` is when the record was changed, to the second. ``previous_state`` is None if there was no record before, or
    nobody knows.
    """

    id: str
    type: str
    at: datetime
    export_id: str
    state: str
    previous_state: str | None
    parts: int
    total_size: int
    gaps: int

    @property
    def path(self) -> str:
        """Where the API shows the export."""
        return f"/move/exports/{self.export_id}"

    def data(self) -> dict[str, Any]:
        """Return what happened, as JSON data."""
        return {
            "export_id": self.export_id,
            "path": self.path,
            "state": self.state,
            "previous_state": self.previous_state,
            "parts": self.parts,
            "total_size": self.total_size,
            "gaps": self.gaps,
        }


def cloud_event(event: Event, tenant: str) -> dict[str, Any]:
    """Return an event in CloudEvents' JSON format, with the reference of its tenant."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": event.type,
        "subject": event.path,
        "time": event.at.isoformat(),
        "datacontenttype": "application/json",
        "data": {**event.data(), "tenant": tenant},
    }


def change_of(before: ExportJob | None, after: ExportJob, at: datetime) -> ChangeEvent | None:
    """Return the event of a change of an export's record at ``at``, None if its state stayed what it was."""
    if before is not None and before.state is after.state:
        return None
    is_lost = before is None and after.state is ExportState.DELETED
    return ChangeEvent(
        id=f"{after.id}/{'gone' if is_lost else after.rev}",
        type=_type_of(before, after),
        at=at,
        export_id=after.id,
        state=after.state.value,
        previous_state=_state_before(before, after),
        parts=after.parts,
        total_size=after.total_size,
        gaps=after.gaps,
    )


def tenant_reference(tenant: str, bus: str) -> str:
    """Return what stands for a tenant on the bus named ``bus``: 64 hexadecimal digits.

    SHA-256 over a label, the bus and the tenant, one a line. Whoever knows a tenant can compute it; nobody can read the
    tenant from it, and the references of two deployments have nothing in common.
    """
    return hashlib.sha256(f"waybill tenant\n{bus}\n{tenant}".encode()).hexdigest()


def _state_before(before: ExportJob | None, after: ExportJob) -> str | None:
    """Return the state before a change; of an export whose record is gone, what its tombstone knows of it."""
    if before is not None:
        return before.state.value
    return after.receipt.state if after.receipt else None


def _type_of(before: ExportJob | None, after: ExportJob) -> str:
    if after.state is ExportState.DELETED:
        return EXPIRED if after.receipt and after.receipt.reason is Reason.EXPIRED else DELETED
    if after.state is ExportState.EXPORTING:
        return STARTED if before is None else RETRIED
    return _TYPE_OF[after.state]
