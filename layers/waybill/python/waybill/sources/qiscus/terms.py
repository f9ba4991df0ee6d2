"""What the catalog says of a doctype of Qiscus, and what Qiscus says of its exports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

CAPS: Mapping[str, int] = {"users": 1000, "rooms": 1000, "comments": 5000}
"""The most rows of an export, by what is exported (source-systems, C2, from the current documents)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """``kind`` is what Qiscus calls the doctype. Rows are read from the day ``since`` on.

    ``removes`` says that Qiscus's exports are deleted there when they have been read. ``cap`` is the most rows of one.
    """

    doctype: str
    kind: str
    since: date
    leave_out: tuple[str, ...] = ()
    removes: bool = True
    cap: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cap", self.cap or CAPS[self.kind])
