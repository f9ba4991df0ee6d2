"""Export tickets: made step by step, every time that somebody looks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.systems.uforge.data import base

Record = dict[str, Any]

FATES = ("complete", "error", "cancelled", "never", "vanishes")


@dataclass
class Ticket:
    """A ticket. ``fate`` is what becomes of it after ``polls`` looks at its status."""

    number: int
    kind: str
    parent: Record
    created: str
    output_format: str
    polls: int
    fate: str = "complete"
    looks: int = 0
    downloaded: bool = False
    is_cancelled: bool = False

    @property
    def uri(self) -> str:
        return f"{self.parent['uri']}/exports/{self.number}"

    @property
    def has_ended(self) -> bool:
        return self.is_cancelled or (self.looks >= self.polls and self.fate != "never")

    @property
    def is_complete(self) -> bool:
        return self.has_ended and not self.is_cancelled and self.fate == "complete"

    @property
    def status(self) -> Record:
        """Its status as an object."""
        failed = self.has_ended and not self.is_cancelled and self.fate == "error"
        share = 100 if self.has_ended else min(99, 100 * self.looks // max(self.polls, 1))
        return {
            **base(self.number + 5000, "status"),
            "cancelled": self.is_cancelled or (self.has_ended and self.fate == "cancelled"),
            "complete": self.is_complete,
            "detailedError": failed,
            "detailedErrorMsg": "No space left on <device>\n/var/tmp" if failed else None,
            "error": failed,
            "errorMessage": "The archive cannot be written" if failed else None,
            "message": "exported" if self.is_complete else "exporting",
            "percentage": share,
        }

    @property
    def fields(self) -> Record:
        """The ticket as an object."""
        names = ("appliance", "applianceExport") if self.kind == "appliances" else ("bundle", "softwareBundleExport")
        fields = {
            **base(self.number, names[1]),
            "created": self.created,
            f"{names[0]}Name": self.parent["name"],
            f"{names[0]}Version": self.parent["version"],
            "downloadUri": f"{self.uri}/downloads",
            "parentUri": self.parent["uri"],
            "status": self.status,
            "uri": self.uri,
        }
        return fields | ({"downloaded": self.downloaded} if self.kind == "appliances" else {})


@dataclass
class Counter:
    """The tickets. ``fates`` says what becomes of those of an object (its URI); ``asked`` how many there ever were."""

    polls: int = 2
    fates: dict[str, str] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    asked: int = 0

    def ask(self, kind: str, parent: Record, output_format: str, now: str) -> Ticket:
        self.asked += 1
        fate = self.fates.get(str(parent["uri"]), "complete")
        ticket = Ticket(900 + self.asked, kind, parent, now, output_format, self.polls, fate)
        self.tickets[ticket.number] = ticket
        return ticket

    def find(self, kind: str, parent: Record, number: int) -> Ticket | None:
        ticket = self.tickets.get(number)
        if ticket is None or ticket.kind != kind or ticket.parent["uri"] != parent["uri"]:
            return None
        return ticket

    def of_kind(self, kind: str) -> Iterator[Ticket]:
        return (ticket for _, ticket in sorted(self.tickets.items()) if ticket.kind == kind)
