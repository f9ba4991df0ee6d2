"""What goes into judging and what comes out: rows, and a verdict on each."""

from typing import Any

import msgspec

from waybill.rules.codes import Outcome


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A fault of a row, or a notice about it.

    ``pointer`` is the JSON Pointer (RFC 6901) of the value that it is about, or of the place where one is missing. The
    sentence never holds a value of the row, so it may be shown where the row may not.
    """

    code: str
    pointer: str
    sentence: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row of one doctype, as it was read. A struct and not a dataclass, because one is made for every row.

    ``number`` is what the person who sent it would count, from 1, in ``source``, the name of the input if there are
    several. Either ``value`` or ``problem`` is there, which says why there is no value.
    """

    number: int
    value: dict[str, Any] | None = None
    problem: Finding | None = None
    source: str = ""

    @property
    def place(self) -> str:
        """Where a person finds the row."""
        return f"row {self.number} of {self.source}" if self.source else f"row {self.number}"


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a row.

    ``key`` is the value of the field that names the record, empty if the row has none that can be used. ``value`` is
    what is to be written, there if the row is accepted; ``replaces`` says that it takes the place of a record in the
    target. ``reasons`` says why a row is skipped or failed: all that is wrong with it, at most MOST_FINDINGS.
    ``waits`` says of a failed row that all that is wrong with it may come right with a row that stands behind it.
    """

    number: int
    source: str
    outcome: Outcome
    key: str
    value: dict[str, Any] | None = None
    replaces: bool = False
    reasons: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    waits: bool = False


MOST_FINDINGS = 100
"""No more faults than these are told of one row: nobody mends so many by hand, and a row can have a million."""
