"""The ledger: for every doctype, what was expected and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from waybill.domain.errors import LedgerMismatch


class Outcome(StrEnum):
    """What became of a record or file that is not in the archive."""

    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Gap:
    """One record or file that is not in the archive, and why.

    ``kind`` is ``record`` or ``file``; ``code`` is stable (docs/api.md lists them); ``reason`` is a sentence.
    """

    doctype: str
    kind: str
    id: str
    outcome: Outcome
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """One line of the ledger: numbers of records, or of files.

    ``unchanged`` are those that an earlier export of the same chain has.
    """

    expected: int = 0
    written: int = 0
    skipped: int = 0
    failed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.expected + other.expected,
            self.written + other.written,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.unchanged + other.unchanged,
        )

    def check(self, name: str) -> None:
        """Raise LedgerMismatch unless expected = written + unchanged + skipped + failed."""
        if self.expected != self.written + self.unchanged + self.skipped + self.failed:
            unchanged = f"{self.unchanged} unchanged, " if self.unchanged else ""
            raise LedgerMismatch(
                f"The counts of {name} do not add up: {self.expected} expected, but {self.written} written, "
                f"{unchanged}{self.skipped} skipped and {self.failed} failed. Nothing was published; create the export "
                "again."
            )


def count_gaps(gaps: Iterable[Gap]) -> Count:
    """Return the line that ``gaps`` add to a ledger: skipped and failed, nothing expected or written."""
    skipped = failed = 0
    for gap in gaps:
        if gap.outcome is Outcome.SKIPPED:
            skipped += 1
        else:
            failed += 1
    return Count(skipped=skipped, failed=failed)
