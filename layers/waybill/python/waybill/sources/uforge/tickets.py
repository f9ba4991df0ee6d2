"""Archives of appliances and bundles, by ticket: asked for, waited for, fetched, and given back.

A ticket that nobody deletes keeps its archive on UForge's server for good. So it is noted as a debt before it is asked
for (``ports.Staging.put_debt``), with the tickets that there were before: if the call dies before it learns the new
one's number, the next call finds it as the one that was not there. Bundles have no list of tickets, so there such a
ticket is left behind; nothing can find it.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.domain.plan import KeptContent
from waybill.ports import Clock, Staging
from waybill.sources.rest.failures import RequestRefused
from waybill.sources.uforge.api import KINDS, Kind, UForgeApi, message_of

MOST_FAILURES = 3
"""After so many an archive is given up, so that one that can never be had does not stop all others."""

_LONGEST_CALL = timedelta(minutes=15)
_CLOCKS_DIFFER = timedelta(minutes=5)

_FINAL = frozenset((400, 404, 409, 410, 415))
"""Refusals of one object, which asking again does not change."""

_UNABLE = frozenset((401, 403, 429))
"""Refusals that have nothing to do with this archive."""


@dataclass(frozen=True, slots=True)
class Debt:
    """A ticket that is to be given back. ``ticket`` is its path, None as long as nobody has seen it.

    ``begun_at`` is when the object's first ticket was asked for, ``asked_at`` when the latest was. ``others`` are the
    tickets of the same object that there were before and are somebody else's. ``failures`` counts tickets that vanished
    or were not given, and downloads that broke off.
    """

    kind: str
    number: int
    begun_at: datetime
    asked_at: datetime
    others: tuple[str, ...] = ()
    ticket: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class NoArchive:
    """An archive that cannot be had, with the code and the sentence of its gap."""

    code: str
    reason: str


class TicketDesk:
    """Gets the archives of one kind of object, for one export.

    ``patience`` is how long an archive may take from when it was asked for. All methods raise SourceUnavailable and
    StorageUnavailable.
    """

    def __init__(
        self,
        api: UForgeApi,
        kind: Kind,
        staging: Staging,
        *,
        doctype: str,
        output_format: str,
        patience: timedelta,
        clock: Clock,
    ) -> None:
        self._api = api
        self._kind = kind
        self._staging = staging
        self._doctype = doctype
        self._format = output_format
        self._patience = patience
        self._clock = clock
        self._without_archive: dict[int, NoArchive] = {}

    def settled(self, number: int) -> KeptContent | NoArchive | None:
        """Return what an object's archive has come to, None if it is not known yet. UForge is not asked."""
        kept = self._staging.kept(self._name(number))
        if kept is not None:
            return kept
        note = None if number in self._without_archive else self._staging.note(self._name(number))
        if note is not None:
            self._without_archive[number] = msgspec.json.decode(note, type=NoArchive)
        return self._without_archive.get(number)

    def advance(self, number: int) -> None:
        """Do what can be done now for the archive of an object that is not settled.

        Raises SourceNotReady if another call would have more time to fetch it.
        """
        debt = self._known(number)
        if debt.ticket is not None:
            self._look_at(debt, debt.ticket)
        elif debt.failures >= MOST_FAILURES:
            self._gap(debt, "archive_lost", f"UForge gave no ticket that lasted, {debt.failures} times.")
        else:
            self._ask(debt)

    def _known(self, number: int) -> Debt:
        """Return the debt of an object, with its ticket if there is one."""
        noted = self._staging.debt(self._doctype, str(number))
        if noted is None:
            now = self._clock()
            return Debt(self._kind.path, number, begun_at=now, asked_at=now)
        debt = msgspec.json.decode(noted, type=Debt)
        ticket = debt.ticket or unseen(self._api, self._kind, debt)
        return debt if ticket == debt.ticket else self._noted(replace(debt, ticket=ticket))

    def _ask(self, debt: Debt) -> None:
        others = tuple(ticket.path for ticket in self._api.tickets(self._kind, debt.number))
        debt = self._noted(replace(debt, asked_at=self._clock(), others=others))
        try:
            ticket = self._api.ask(self._kind, debt.number, self._format)
        except RequestRefused as error:
            if error.status in _FINAL:
                self._gap(debt, "archive_refused", f"UForge does not make it ({_told(error)}).")
                return
            self._noted(replace(debt, failures=debt.failures + 1))
            raise
        self._look_at(self._noted(replace(debt, ticket=ticket)), ticket)

    def _look_at(self, debt: Debt, ticket: str) -> None:
        status = self._api.status(ticket)
        if status is None:
            self._noted(replace(debt, ticket=None, failures=debt.failures + 1))
        elif status.failed:
            said = f": {status.message}" if status.message else ", and does not say why"
            self._gap(debt, "archive_failed", f"UForge could not make it{said}.")
        elif status.cancelled:
            self._gap(debt, "archive_cancelled", "Making it was cancelled on UForge.")
        elif status.complete:
            self._fetch(debt, ticket)
        elif self._clock() >= debt.begun_at + self._patience:
            minutes = self._patience // timedelta(minutes=1)
            self._gap(debt, "archive_late", f"UForge did not make it in {minutes} minutes.")

    def _fetch(self, debt: Debt, ticket: str) -> None:
        try:
            self._staging.keep(self._name(debt.number), self._api.download(ticket))
        except SourceUnavailable as error:
            status = error.status if isinstance(error, RequestRefused) else 0
            if status in _UNABLE:
                raise
            if isinstance(error, RequestRefused) and status in _FINAL:
                self._gap(debt, "archive_refused", f"UForge made it and does not give it ({_told(error)}).")
            elif debt.failures + 1 >= MOST_FAILURES:
                self._gap(debt, "archive_broken", f"It was made, but could not be fetched: {error}")
            else:
                self._noted(replace(debt, failures=debt.failures + 1))
                raise
        else:
            self._settle(debt)

    def _gap(self, debt: Debt, code: str, reason: str) -> None:
        """Note that there is a gap in place of an archive, and give back the ticket."""
        self._without_archive[debt.number] = result = NoArchive(code, reason)
        self._staging.put_note(self._name(debt.number), msgspec.json.encode(result))
        self._settle(debt)

    def _settle(self, debt: Debt) -> None:
        """Give a ticket back; if UForge does not take it now, the debt stays until the export has ended."""
        with suppress(SourceUnavailable):
            settle(self._api, debt)
            self._staging.forgive_debt(self._doctype, str(debt.number))

    def _noted(self, debt: Debt) -> Debt:
        self._staging.put_debt(self._doctype, str(debt.number), msgspec.json.encode(debt))
        return debt

    def _name(self, number: int) -> str:
        return f"{self._doctype}/{number}"


def unseen(api: UForgeApi, kind: Kind, debt: Debt) -> str | None:
    """Return the ticket that was asked for by a call which died before it could note it; None if there is none.

    It was not there before, and is as old as the call could have made it.
    """
    first = (debt.asked_at - _CLOCKS_DIFFER).timestamp()
    last = (debt.asked_at + _LONGEST_CALL + _CLOCKS_DIFFER).timestamp()
    for ticket in api.tickets(kind, debt.number):
        if ticket.path not in debt.others and (not ticket.created or first <= ticket.created <= last):
            return ticket.path
    return None


def settle(api: UForgeApi, debt: Debt) -> None:
    """Give a ticket back, and with it the archive; one that is still being made is cancelled. Safe to repeat."""
    kind = KINDS[debt.kind]
    ticket = debt.ticket or unseen(api, kind, debt)
    status = api.status(ticket) if ticket is not None else None
    if ticket is not None and status is not None:
        if not (status.complete or status.failed or status.cancelled):
            api.cancel(kind, ticket)
        api.delete(ticket)


def _told(error: RequestRefused) -> str:
    """Return what UForge said about a refusal."""
    said = message_of(error.body)
    return f"{error.status}: {said}" if said else f"with {error.status}"
