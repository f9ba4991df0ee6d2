"""What has become of the rows of an import so far, by doctype."""

from collections.abc import Iterable, Mapping

import msgspec

from waybill.domain.import_job import RowCounts
from waybill.rules.codes import FaultCode, Outcome
from waybill.rules.verdict import Finding, Verdict

MOST_SHOWN = 100
"""Rows whose faults are in the report; all of them are in the files of rejected rows."""


class ShownFault(msgspec.Struct, frozen=True):
    """A fault of a row as the report has it."""

    doctype: str
    row: int
    source: str
    code: str
    pointer: str
    detail: str


class Tally(msgspec.Struct):
    """The rows of one doctype. ``reasons`` count rows by why they are not taken, ``notices`` by what is said of them.

    A row that has several reasons is counted under each of them, once.
    """

    rows: int = 0
    accepted: int = 0
    skipped: int = 0
    failed: int = 0
    written: int = 0
    reasons: dict[str, int] = {}
    notices: dict[str, int] = {}

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.rows += 1
        if verdict.outcome is Outcome.ACCEPTED:
            self.accepted += 1
        else:
            if verdict.outcome is Outcome.SKIPPED:
                self.skipped += 1
            else:
                self.failed += 1
            _count(self.reasons, verdict.reasons)
        if verdict.notices:
            _count(self.notices, verdict.notices)

    def refuse(self, outcome: Outcome, code: FaultCode) -> None:
        """Count an accepted row as one that was not written after all."""
        self.accepted -= 1
        if outcome is Outcome.SKIPPED:
            self.skipped += 1
        else:
            self.failed += 1
        self.reasons[code] = self.reasons.get(code, 0) + 1

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.rows + other.rows,
            self.accepted + other.accepted,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.written + other.written,
            _together(self.reasons, other.reasons),
            _together(self.notices, other.notices),
        )


Tallies = dict[str, Tally]


def together(first: Mapping[str, Tally], second: Mapping[str, Tally]) -> Tallies:
    """Return the tallies of two phases together, in the order in which doctypes came."""
    none = Tally()
    return {name: first.get(name, none).plus(second.get(name, none)) for name in {**first, **second}}


def counts_of(tallies: Iterable[Tally], before: RowCounts) -> RowCounts:
    """Return the counts of an import; those of files stay."""
    every = list(tallies)
    return RowCounts(
        rows=sum(each.rows for each in every),
        accepted=sum(each.accepted for each in every),
        skipped=sum(each.skipped for each in every),
        failed=sum(each.failed for each in every),
        written=sum(each.written for each in every),
        files=before.files,
        file_bytes=before.file_bytes,
    )


def _count(counts: dict[str, int], findings: Iterable[Finding]) -> None:
    for code in {finding.code: None for finding in findings}:
        counts[code] = counts.get(code, 0) + 1


def _together(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {code: first.get(code, 0) + second.get(code, 0) for code in sorted({**first, **second})}
