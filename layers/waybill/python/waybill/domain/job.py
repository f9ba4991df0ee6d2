"""The record of one export and the changes it may go through."""

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from waybill.domain import cursor
from waybill.domain.chain import Chain
from waybill.domain.errors import ExportGone, ExportNotFailed, ExportNotReady, ExportNotRunning
from waybill.domain.link import make_link, new_secret
from waybill.domain.options import COZY, SECOND_NS, ExportOptions
from waybill.domain.receipt import Reason, Receipt

_ID = re.compile(r"[0-9a-f]{32}")
_LAST_MOMENT = 253_402_300_799_000
"""Milliseconds until the end of the year 9999, behind which there are no dates; an id that we did not make may be."""


class ExportState(StrEnum):
    """The states of an export. The first three are seed 002's and are shown; a deleted export is only ever 410."""

    EXPORTING = "exporting"
    DONE = "done"
    ERROR = "error"
    DELETED = "deleted"


class ExecutionState(StrEnum):
    """What has become of the execution that makes an export."""

    MISSING = "missing"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export of one tenant.

    ``rev`` counts the changes of the record, from 1. ``total_size`` is the sum of the parts in bytes, ``parts`` their
    number, ``records`` how many records are in them, ``creation_duration`` nanoseconds, ``gaps`` how many records and
    files the ledger names as failed.

    Only the layout ``cozy`` has ``part_names``, which name all parts but the first. An export with a ``link_secret``
    has a capability link, which is made with it. The secret is shown to nobody and does not stand in the object's text.

    ``chain`` is there if the export is one of a chain.

    ``attempt`` counts from 0 how often the export was begun, ``retried_at`` is when the latest attempt began, None for
    the first.
    ``receipt`` is what a tombstone has: what was removed of the export, when and why.
    """

    tenant: str
    id: str
    options: ExportOptions
    state: ExportState
    created_at: datetime
    expires_at: datetime
    rev: int = 1
    parts: int = 0
    total_size: int = 0
    creation_duration: int = 0
    gaps: int = 0
    error: str = ""
    part_names: tuple[str, ...] = ()
    link_secret: bytes = field(default=b"", repr=False)
    attempt: int = 0
    retried_at: datetime | None = None
    records: int = 0
    chain: Chain | None = None
    receipt: Receipt | None = None

    @property
    def execution(self) -> str:
        """The name of the execution that makes the export: its id, and the number of the attempt behind the first."""
        return f"{self.id}-{self.attempt}" if self.attempt else self.id

    @property
    def began_at(self) -> datetime:
        """When the latest attempt began."""
        return self.retried_at or self.created_at

    @property
    def cursors(self) -> tuple[str, ...]:
        """The cursor of every part, the first part's included, but not in the layout ``cozy``, where it has none."""
        return tuple(filter(None, map(self.cursor_of, range(1, self.parts + 1))))

    def cursor_of(self, part: int) -> str:
        """Return the cursor of part ``part`` (from 1); an empty text if it has none and needs none."""
        if self.options.layout == COZY:
            return self.part_names[part - 2] if part > 1 else ""
        return cursor.encode(self.id, part)

    def part_at(self, given: str | None) -> int:
        """Return the number of the part that a cursor names; none, or an empty one, names the first.

        Raises UnknownCursor.
        """
        if not given:
            return 1
        if self.options.layout == COZY:
            return cursor.find(self.part_names, given)
        return cursor.decode(self.id, given, self.parts)

    @property
    def link(self) -> str | None:
        """The export's capability link, None if it has none or was deleted."""
        return make_link(self.id, self.expires_at, self.link_secret) if self.link_secret else None

    def check_not_gone(self, now: datetime) -> None:
        """Raise ExportGone if the export was deleted or ``now`` is not before ``expires_at`` (TTL deletes late)."""
        if self.state is ExportState.DELETED:
            has_expired = self.receipt is not None and self.receipt.reason is Reason.EXPIRED
            raise ExportGone(
                f"This export {'has expired' if has_expired else 'was deleted'}. Create a new one.", self.receipt
            )
        if now >= self.expires_at:
            raise ExportGone(f"This export expired at {self.expires_at.isoformat()}. Create a new one.")

    def check_running(self, now: datetime) -> None:
        """Raise ExportGone or ExportNotRunning unless the export is still being made at ``now``."""
        self.check_not_gone(now)
        if self.state is not ExportState.EXPORTING:
            raise ExportNotRunning(f"This export has already ended in state {self.state}.")

    def check_done(self) -> None:
        """Raise ExportNotReady unless the export is done."""
        if self.state is ExportState.EXPORTING:
            raise ExportNotReady("This export is still running. Try again when its state is done.")
        if self.state is ExportState.ERROR:
            raise ExportNotReady("This export failed and has no parts. Its error says why; retry it, or create one.")

    def check_failed(self, now: datetime) -> None:
        """Raise ExportGone or ExportNotFailed unless the export can be retried at ``now``."""
        self.check_not_gone(now)
        if self.state is ExportState.EXPORTING:
            raise ExportNotFailed("This export is being made. Only one that has failed can be retried.")
        if self.state is ExportState.DONE:
            raise ExportNotFailed("This export is done. Only one that has failed can be retried.")

    def retried(self, now: datetime) -> "ExportJob":
        """Return the failed job as begun once more at ``now``. It still ends at the same ``expires_at``."""
        return replace(
            self,
            state=ExportState.EXPORTING,
            error="",
            creation_duration=0,
            attempt=self.attempt + 1,
            retried_at=now,
            rev=self.rev + 1,
        )

    def finished(
        self,
        now: datetime,
        *,
        parts: int,
        total_size: int,
        gaps: int,
        records: int = 0,
        part_names: tuple[str, ...] = (),
    ) -> "ExportJob":
        """Return the job as done at ``now``.

        In the layout ``cozy``, ``part_names`` are the names of all parts but the first; in others there are none.
        Raises TooManyParts if they do not fit into a job record.
        """
        cursor.check_names(part_names, parts if self.options.layout == COZY else 0)
        return replace(
            self,
            state=ExportState.DONE,
            part_names=part_names,
            parts=parts,
            total_size=total_size,
            gaps=gaps,
            records=records,
            creation_duration=_nanoseconds(now - self.created_at),
            rev=self.rev + 1,
        )

    def failed(self, now: datetime, error: str) -> "ExportJob":
        """Return the job as failed at ``now``, with a sentence for the person who asked for it."""
        return replace(
            self,
            state=ExportState.ERROR,
            error=error,
            creation_duration=_nanoseconds(now - self.created_at),
            rev=self.rev + 1,
        )

    def deleted(self, now: datetime) -> "ExportJob":
        """Return the tombstone that answers 410 from ``now`` on, with the receipt of a removal that begins.

        It keeps nothing of what the export held, and without its secret its link is dead. The reason is that the export
        has expired, if it has, whoever removes it. A tombstone stays as it is. ``chain`` stays where the export was
        never done: what that left for the next run is of no use to anybody.
        """
        if self.receipt is not None:
            return self
        return replace(
            self,
            state=ExportState.DELETED,
            parts=0,
            total_size=0,
            gaps=0,
            records=0,
            error="",
            part_names=(),
            link_secret=b"",
            receipt=Receipt(
                deleted_at=now,
                reason=Reason.EXPIRED if now >= self.expires_at else Reason.DELETED,
                state=None if self.state is ExportState.DELETED else self.state.value,
            ),
            chain=None if self.state is ExportState.DONE else self.chain,
            rev=self.rev + 1,
        )

    def with_receipt(self, receipt: Receipt) -> "ExportJob":
        """Return the tombstone with what is known of the removal now."""
        return self if receipt == self.receipt else replace(self, receipt=receipt, rev=self.rev + 1)

    @property
    def at_rest(self) -> bool:
        """Whether nobody has anything to do with it until somebody asks: neither being made nor being removed."""
        if self.state is ExportState.DELETED:
            return self.receipt is None or self.receipt.complete
        return self.state is not ExportState.EXPORTING


def lost_export(tenant: str, export_id: str, now: datetime) -> ExportJob:
    """Return the tombstone of an export that has expired and whose record was gone before anybody had looked at it."""
    return ExportJob(
        tenant=tenant,
        id=export_id,
        options=ExportOptions(),
        state=ExportState.DELETED,
        created_at=asked_at(export_id),
        expires_at=now,
        receipt=Receipt(deleted_at=now, reason=Reason.EXPIRED, state=None),
    )


def new_export(
    tenant: str, options: ExportOptions, now: datetime, *, with_link: bool = False, chain: Chain | None = None
) -> ExportJob:
    """Return a new export of ``tenant``, asked for at ``now``, one of a chain if that is given.

    It gets a capability link if ``with_link`` says so, and always in the layout ``cozy``, which nobody could import
    without one.
    """
    return ExportJob(
        tenant=tenant,
        id=_new_id(now),
        options=options,
        state=ExportState.EXPORTING,
        created_at=now,
        expires_at=now + timedelta(microseconds=max(options.max_age // 1000, 1)),
        link_secret=new_secret() if with_link or options.layout == COZY else b"",
        chain=chain,
    )


def asked_at(export_id: str) -> datetime:
    """Return when an export was asked for, to the millisecond, as its id tells."""
    return datetime.fromtimestamp(min(int(export_id[:12], 16), _LAST_MOMENT) / 1000, tz=UTC)


def is_export_id(text: str) -> bool:
    """Whether a text has the form of an export's id."""
    return _ID.fullmatch(text) is not None


def _new_id(now: datetime) -> str:
    """32 hexadecimal digits: 48 bits of Unix milliseconds, so that ids sort by age, then 80 random bits."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def _nanoseconds(span: timedelta) -> int:
    return (span // timedelta(microseconds=1)) * (SECOND_NS // 1_000_000)
