"""How many exports a tenant may have running at once, and may start in a day.

What was used stands in one record for each tenant. It names exports rather than counting them, so that nothing can
drift: an export that is named as running although it has ended is noticed when its name stands in the way.
"""

import math
from collections.abc import Collection, Sequence
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
            f"The next can be started at {_in_seconds(leaves)}.",
            math.ceil((leaves - now).total_seconds()),
        )

    def has_place(self, limits: QuotaLimits) -> bool:
        """Whether one more export may run."""
        return len(self.running) < limits.running


@dataclass(frozen=True, slots=True)
class TakenPlace:
    """A place that is taken by an export: since when it runs, how far it is, and when it has ended at the latest."""

    began_at: datetime
    percentage: int
    expires_at: datetime

    def seconds_left(self, now: datetime) -> float:
        """Return in how many seconds it may be worth while to look again.

        That is when the export is done if it goes on as it went; one that shows no progress yet counts as half done.
        But never longer than it has run already: so little is lost where it goes faster than it went.
        """
        elapsed = (now - self.began_at).total_seconds()
        share = self.percentage / 100 or 0.5
        return min(elapsed * (1 - share) / share, elapsed)


def no_place(taken: Sequence[TakenPlace], limits: QuotaLimits, now: datetime) -> QuotaExceeded:
    """Return the refusal for want of a place at ``now``: when to ask again, and when there is a place at the latest.

    ``Retry-After`` is an estimate between five seconds and an hour, but never leads beyond that latest moment. While
    the same exports run, that moment stays; so whoever asks again as told is let in, then at the latest.
    """
    first_free = len(taken) - limits.running  # there may be more than are allowed by now
    latest = sorted(place.expires_at for place in taken)[first_free]
    guess = sorted(place.seconds_left(now) for place in taken)[first_free]
    wait = min(max(guess, _SOONEST), _LATEST, (latest - now).total_seconds())
    return QuotaExceeded(
        f"You have {len(taken)} exports running, and may have {limits.running}. Wait until one of them has ended, or "
        f"delete one. At {_in_seconds(latest)} there is a place at the latest.",
        max(math.ceil(wait), 1),
    )


def _in_seconds(moment: datetime) -> str:
    """Return a moment in whole seconds, not before it."""
    return (moment + timedelta(microseconds=999_999)).isoformat(timespec="seconds")
