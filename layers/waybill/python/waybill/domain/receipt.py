"""What is left to say of an export that is gone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why an export is gone."""

    DELETED = "deleted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed of an export, when and why.

    ``state`` is the state that the export was in, None if its record was gone already. ``objects``, ``bytes`` and
    ``reports`` are what was found when the removal began: objects of the bucket with their size, and what workers had
    reported of their progress. ``complete`` says that all of it is removed; until then the removal is under way, or was
    cut short and will be gone on with.
    """

    deleted_at: datetime
    reason: Reason
    state: str | None
    objects: int = 0
    bytes: int = 0
    reports: int = 0
    complete: bool = False

    def found(self, *, objects: int, size: int, reports: int) -> "Receipt":
        """Return the receipt with what was found to remove, ``size`` bytes in all.

        Who goes on with a removal that was cut short finds less than who began it, and who meets a late step finds
        more: the larger number stands. A complete receipt stays as it is.
        """
        if self.complete:
            return self
        return replace(
            self,
            objects=max(self.objects, objects),
            bytes=max(self.bytes, size),
            reports=max(self.reports, reports),
        )

    def completed(self) -> "Receipt":
        """Return the receipt once everything is removed."""
        return replace(self, complete=True)
