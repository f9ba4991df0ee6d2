"""How many exports a tenant may have running at once, and may start in a day.

What was used stands in one record for each tenant. It names exports rather than counting them, so that nothing can
drift: an export that is named as running although it has ended is noticed when its name stands in the way.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from waybill.domain.errors import QuotaExceeded

DAY = timedelta(hours=24)
"""The window in which starts are counted. It moves along with the time."""

_SOONEST = 5
_LATEST = 3600


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """What one tenant may have: ``running`` exports at once, and ``per_day`` starts in any 24 hours."""

    running: int
    per_day: int


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """What one tenant has used.

    ``running`` are the ids of exports that are believed to run, ``starts`` when exports were started, oldest first.
    ``rev`` counts the changes of the record; 0 is a record that was never stored.
    """

    tenant: str
    rev: int = 0
    running: tuple[str, ...] = ()
    starts: tuple[datetime, ...] = ()

    def at(self, now: datetime) -> "QuotaUse":
        """Return what counts at ``now``: without the starts that are 24 hours old."""
        return replace(self, starts=tuple(start for start in self.starts if now < start + DAY))

    def without(self, ended: Collection[str]) -> "QuotaUse":
        """Return the use with the places of exports that do not run given back."""
        return replace(self, running=tuple(each for each in self.running if each not in ended))

    def started(self, export_id: str, now: datetime) -> "QuotaUse":
        """Return the use with a new export, started at ``now``."""
        return replace(self.resumed(export_id), starts=(*self.starts, now))

    def resumed(self, export_id: str) -> "QuotaUse":
        """Return the use with an export that runs, but does not count as started."""
        others = self.without({export_id})
        return replace(others, rev=self.rev + 1, running=(*others.running, export_id))

    def given_back(self, export_id: str, started_at: datetime | None) -> "QuotaUse":
        """Return the use without an export that could not be started, and without its start at ``started_at``."""
        starts = list(self.starts)
        if started_at in starts:
            starts.remove(started_at)
        return replace(self.without({export_id}), rev=self.rev + 1, starts=tuple(starts))

    def check_day(self, now: datetime, limits: QuotaLimits) -> None:
        """Raise QuotaExceeded if no export may be started at ``now``, with the time until one may."""
        starts = self.at(now).starts
        if len(starts) < limits.per_day:
            return
        leaves = starts[len(starts) - limits.per_day] + DAY
        raise QuotaExceeded(
            f"You have started {len(starts)} exports in the last 24 hours, and may start {limits.per_day}. "
            f"The next can be started at {leaves.isoformat(timespec='seconds')}.",
            math.ceil((leaves - now).total_seconds()),
        )

    def has_place(self, limits: QuotaLimits) -> bool:
        """Whether one more export may run."""
        return len(self.running) < limits.running


def no_place(estimates: Iterable[float], limits: QuotaLimits) -> QuotaExceeded:
    """Return the refusal for want of a place, given in how many seconds each running export may be done.

    ``Retry-After`` is when enough of them may be, between five seconds and an hour. It is an estimate.
    """
    soonest_first = sorted(estimates)
    wait = soonest_first[len(soonest_first) - limits.running]
    return QuotaExceeded(
        f"You have {len(soonest_first)} exports running, and may have {limits.running}. "
        f"Wait until one of them has ended, or delete one.",
        math.ceil(min(max(wait, _SOONEST), _LATEST)),
    )


def seconds_left(elapsed: timedelta, percentage: int) -> float:
    """Return in how many seconds an export may be done. One that shows no progress yet may take as long again."""
    share = percentage / 100 or 0.5
    return elapsed.total_seconds() * (1 - share) / share
