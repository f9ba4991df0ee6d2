"""How many imports a tenant may have running at once.

What runs stands in one record for each tenant. It names imports rather than counting them, so that nothing can drift:
one that is named as running although it has ended is noticed when its name stands in the way.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from waybill.domain.errors import QuotaExceeded

RETRY_AFTER = timedelta(seconds=30)
"""When to ask again if there is no place. How long an import takes, its input tells too late to promise more."""


@dataclass(frozen=True, slots=True)
class RunningImports:
    """Which imports of one tenant are believed to run, or to be undone.

    ``rev`` counts the changes of the record; 0 is a record that was never stored.
    """

    tenant: str
    rev: int = 0
    ids: tuple[str, ...] = ()

    def without(self, ended: Collection[str]) -> "RunningImports":
        """Return the record with the places of imports that do not run given back."""
        return replace(self, ids=tuple(each for each in self.ids if each not in ended))

    def with_one_more(self, import_id: str) -> "RunningImports":
        """Return the record with an import that runs from now on."""
        return replace(self, rev=self.rev + 1, ids=(*self.without({import_id}).ids, import_id))

    def with_one_less(self, import_id: str) -> "RunningImports":
        """Return the record without an import that could not be started."""
        return replace(self.without({import_id}), rev=self.rev + 1)

    def check_place(self, limit: int) -> None:
        """Raise QuotaExceeded unless one more import may run."""
        if len(self.ids) >= limit:
            raise QuotaExceeded(
                f"You have {len(self.ids)} imports running or being undone, and may have {limit}. Wait until one of "
                f"them has ended, or delete one.",
                int(RETRY_AFTER.total_seconds()),
            )
