"""Which days are asked for at once, so that no export of Qiscus is cut by its limits (source-systems, C2).

An export spans 30 days at most, and has so many rows at most; one that has as many may lack some, so its days are
halved. Nobody knows whether the last day of an export is part of it. So two exports that follow each other share a day:
one ends with it, the other begins with it, and what both have is taken once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

MOST_DAYS = 30
"""Days of one export, the first and the last included."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """The days from ``first`` to the one before ``until``. It is asked for with the day ``until``, unless ``exact``."""

    first: date
    until: date
    exact: bool = False

    @property
    def name(self) -> str:
        """A name that sorts as the windows follow each other."""
        return f"{self.first.isoformat()}.{self.until.isoformat()}{'x' if self.exact else ''}"

    @property
    def asked(self) -> tuple[date, date]:
        """The first and the last day that are asked for."""
        return self.first, self.until - _DAY if self.exact else self.until

    @property
    def told(self) -> str:
        """The days, for people."""
        last = self.until - _DAY
        return self.first.isoformat() if last == self.first else f"{self.first.isoformat()} to {last.isoformat()}"

    @property
    def is_a_day(self) -> bool:
        """Whether it cannot be halved."""
        return self.until - self.first <= _DAY

    def halves(self) -> tuple["Window", "Window"]:
        """Return the first and the second half of more than one day."""
        middle = self.first + (self.until - self.first) // 2
        return Window(self.first, middle), Window(middle, self.until)

    def alone(self) -> "Window":
        """Return the same day, to be asked for without the next one."""
        return Window(self.first, self.until, exact=True)


def window_of(name: str) -> Window:
    """Return the window of this name."""
    first, _, until = name.removesuffix("x").partition(".")
    return Window(date.fromisoformat(first), date.fromisoformat(until), exact=name.endswith("x"))


def windows(first: date, until: date) -> Iterator[Window]:
    """Yield windows, as long as can be, which together have the days from ``first`` to the one before ``until``."""
    while first < until:
        end = min(first + timedelta(days=MOST_DAYS - 1), until)
        yield Window(first, end)
        first = end
