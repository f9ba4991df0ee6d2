"""When a schedule fires: the expressions of EventBridge Scheduler, read and worked out.

Source: EventBridge Scheduler user guide, "Schedule types", and the cron reference of EventBridge, which it shares. Only
what these describe is taken, so that AWS takes whatever is taken here.
"""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from waybill.domain.date_range import NO_ZONES
from waybill.domain.errors import InvalidSchedule

MOST_CHARACTERS = 256
"""What EventBridge Scheduler takes as an expression."""

LONGEST_RATE = timedelta(days=3650)
"""A schedule that fires once in ten years is a mistake; it also keeps every time within the calendar."""

_EXPRESSION = "/data/attributes/expression"
_TIME_ZONE = "/data/attributes/time_zone"
_RATE = re.compile(r"rate\(\s*([0-9]{1,9})\s+(minute|hour|day)s?\s*\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_STEPS = re.compile(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]{1,4}))?")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = dict(
    zip(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), range(1, 13), strict=True)
)
_WEEKDAYS = dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(1, 8), strict=True))
_SATURDAY, _SUNDAY = 7, 1
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")


@dataclass(frozen=True, slots=True)
class Rate:
    """``rate(…)``: one firing every so often, the first that long after the schedule began, on a whole minute.

    Days are 24 hours, whatever the clocks do.
    """

    text: str
    every: timedelta

    def next_firing(self, after: datetime, *, since: datetime) -> datetime:
        """Return the first firing later than ``after``, in UTC. ``since`` is when the schedule began to count."""
        first = self._first(since)
        return max(first, first + ((after - first) // self.every + 1) * self.every).astimezone(UTC)

    def previous_firing(self, until: datetime, *, since: datetime) -> datetime | None:
        """Return the last firing at or before ``until``, in UTC; None if there was none yet."""
        first = self._first(since)
        return None if until < first else (first + ((until - first) // self.every) * self.every).astimezone(UTC)

    def _first(self, since: datetime) -> datetime:
        return (since + self.every).replace(second=0, microsecond=0)


class _Days(Protocol):
    """Which days of a month a cron expression means."""

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return the days of that month, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class _DaysOfMonth:
    """Days by their number."""

    numbers: tuple[int, ...]

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return those that the month has."""
        return [day for day in self.numbers if day <= _length(year, month)]


@dataclass(frozen=True, slots=True)
class _LastDay:
    """``L``: the last day of the month."""

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return the one day."""
        return [_length(year, month)]


@dataclass(frozen=True, slots=True)
class _NearestWorkday:
    """``15W``: the day from Monday to Friday that is nearest to a day, in the same month."""

    day: int

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return the one day, none if the month is too short."""
        last = _length(year, month)
        if self.day > last:
            return []
        weekday = _weekday(year, month, self.day)
        if weekday == _SATURDAY:
            return [self.day - 1 if self.day > 1 else self.day + 2]
        if weekday == _SUNDAY:
            return [self.day + 1 if self.day < last else self.day - 2]
        return [self.day]


@dataclass(frozen=True, slots=True)
class _Weekdays:
    """Days of the week, 1 for Sunday to 7 for Saturday."""

    numbers: tuple[int, ...]

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return all days of the month that are one of them."""
        return [day for day in range(1, _length(year, month) + 1) if _weekday(year, month, day) in self.numbers]


@dataclass(frozen=True, slots=True)
class _OneWeekday:
    """``6L`` and ``3#2``: one of the month's days of the week, counted from 1, or the last if ``which`` is -1."""

    number: int
    which: int

    def of(self, year: int, month: int) -> Sequence[int]:
        """Return the one day, none if the month has not so many of them."""
        days = _Weekdays((self.number,)).of(year, month)
        position = self.which if self.which < 0 else self.which - 1
        return [days[position]] if position < len(days) else []


@dataclass(frozen=True, slots=True)
class Cron:
    """``cron(…)``: firings at times of the local clock.

    A time that the clock skips when it is put forward does not fire. One that it shows twice when it is put back fires
    once, the first time (user guide, "Daylight savings time").
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: _Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    def next_firing(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first firing later than ``after``, in UTC; None if there is none any more."""
        for day in self._dates(after.astimezone(zone).date()):
            for moment in self._firings(day, zone):
                if moment > after:
                    return moment
        return None

    def previous_firing(self, until: datetime, zone: ZoneInfo, *, since: datetime) -> datetime | None:
        """Return the last firing at or before ``until`` and later than ``since``, in UTC; None if there is none."""
        earliest = since.astimezone(zone).date()
        for day in self._dates_back(until.astimezone(zone).date()):
            if day < earliest:
                break
            for moment in reversed(list(self._firings(day, zone))):
                if moment <= until:
                    return moment if moment > since else None
        return None

    def shortest_gap(self, after: datetime) -> timedelta | None:
        """Return how close two firings later than ``after`` come on the clock; None if there are no two."""
        gaps = [later - earlier for earlier, later in pairwise(self._minutes_of_day)]
        over_night = self._shortest_night(after.date())
        if over_night is not None:
            gaps.append(over_night)
        return timedelta(minutes=min(gaps)) if gaps else None

    @property
    def _minutes_of_day(self) -> list[int]:
        return [hour * 60 + minute for hour in self.hours for minute in self.minutes]

    def _shortest_night(self, first: date) -> int | None:
        """Return the fewest minutes from the last firing of a day to the first of the next day that has one."""
        night = self._minutes_of_day[0] - self._minutes_of_day[-1]
        fewest = None
        for earlier, later in pairwise(self._dates(first)):
            days = (later - earlier).days
            fewest = days if fewest is None else min(fewest, days)
            if fewest == 1:
                break
        return None if fewest is None else fewest * 1440 + night

    def _firings(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime.combine(day, time(hour, minute), zone)
                moment = local.astimezone(UTC)
                if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield moment

    def _dates(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months:
                if (year, month) >= (first.year, first.month):
                    for day in self.days.of(year, month):
                        if date(year, month, day) >= first:
                            yield date(year, month, day)

    def _dates_back(self, last: date) -> Iterator[date]:
        for year in reversed(self.years):
            for month in reversed(self.months):
                if (year, month) <= (last.year, last.month):
                    for day in reversed(self.days.of(year, month)):
                        if date(year, month, day) <= last:
                            yield date(year, month, day)


Expression = Rate | Cron
"""An expression that was read. ``text`` is its one written form, whatever spaces and letters it was given in."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule fires: its expression, the time zone of its clock, and when it began to count."""

    expression: Expression
    zone: ZoneInfo
    since: datetime

    def next_firing(self, after: datetime) -> datetime | None:
        """Return the first firing later than ``after``, in UTC; None if there is none any more."""
        if isinstance(self.expression, Rate):
            return self.expression.next_firing(after, since=self.since)
        return self.expression.next_firing(after, self.zone)

    def previous_firing(self, until: datetime) -> datetime | None:
        """Return the last firing at or before ``until`` since the schedule counts, in UTC; None if there is none."""
        if isinstance(self.expression, Rate):
            return self.expression.previous_firing(until, since=self.since)
        return self.expression.previous_firing(until, self.zone, since=self.since)

    def last_chance(self, firing: datetime) -> datetime:
        """Return when a firing may come at the latest: of a time that the clock shows twice the second, in UTC."""
        if isinstance(self.expression, Rate):
            return firing
        return max(firing, firing.astimezone(self.zone).replace(fold=1).astimezone(UTC))

    def shortest_gap(self) -> timedelta | None:
        """Return how close two firings come on the clock; None if there are no two."""
        return self.expression.every if isinstance(self.expression, Rate) else self.expression.shortest_gap(self.since)


def read_expression(text: str) -> Expression:
    """Return the expression that a text is. Raises InvalidSchedule, saying what of it cannot be read."""
    if len(text) > MOST_CHARACTERS:
        raise _wrong(f"it has more than {MOST_CHARACTERS} characters")
    rate, cron = _RATE.fullmatch(text.strip()), _CRON.fullmatch(text.strip())
    if rate is not None:
        return _read_rate(int(rate[1]), rate[2])
    if cron is not None:
        return _read_cron(cron[1].upper().split())
    raise _wrong("write it as rate(12 hours) or cron(0 3 * * ? *)")


def read_zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database by its name. Raises InvalidSchedule."""
    if _ZONE.fullmatch(name) and not name.startswith(NO_ZONES):
        with suppress(ValueError, OSError, KeyError):
            return ZoneInfo(name)
    raise InvalidSchedule(
        f"time_zone: there is no time zone {name!r}. Give the name that the IANA database has, such as UTC or "
        "Europe/Berlin.",
        _TIME_ZONE,
    )


def _read_rate(value: int, unit: str) -> Rate:
    if not timedelta(0) < value * _UNITS[unit] <= LONGEST_RATE:
        raise _wrong(f"a rate is at least one minute and at most {LONGEST_RATE.days:,} days")
    return Rate(f"rate({value} {unit}{'' if value == 1 else 's'})", value * _UNITS[unit])


def _read_cron(fields: list[str]) -> Cron:
    if len(fields) != 6:  # noqa: PLR2004 - they are named two lines down
        raise _wrong(
            f"a cron has six fields and this one {len(fields)}: minutes, hours, day of month, month, weekday, year"
        )
    minutes, hours, day_of_month, months, weekday, years = fields
    return Cron(
        text=f"cron({' '.join(fields)})",
        minutes=_numbers("minutes", minutes, 0, 59),
        hours=_numbers("hours", hours, 0, 23),
        days=_days(day_of_month, weekday),
        months=_numbers("month", months, 1, 12, names=_MONTHS),
        years=_numbers("year", years, 1970, 2199),
    )


def _days(day_of_month: str, weekday: str) -> _Days:
    if (day_of_month == "?") == (weekday == "?"):
        raise _wrong("exactly one of day of month and weekday must be ?, the other says the day")
    return _read_weekday(weekday) if day_of_month == "?" else _read_day_of_month(day_of_month)


def _read_day_of_month(text: str) -> _Days:
    if text == "L":
        return _LastDay()
    if text.endswith("W"):
        (day,) = _numbers("day of month", text.removesuffix("W"), 1, 31, is_one=True)
        return _NearestWorkday(day)
    return _DaysOfMonth(_numbers("day of month", text, 1, 31))


def _read_weekday(text: str) -> _Days:
    if text == "L":
        return _Weekdays((_SATURDAY,))
    if text.endswith("L"):
        (number,) = _numbers("weekday", text.removesuffix("L"), 1, 7, names=_WEEKDAYS, is_one=True)
        return _OneWeekday(number, -1)
    if "#" in text:
        day, _, which = text.partition("#")
        (number,) = _numbers("weekday", day, 1, 7, names=_WEEKDAYS, is_one=True)
        (position,) = _numbers("weekday", which, 1, 5, is_one=True)
        return _OneWeekday(number, position)
    if "/" in text:
        raise _wrong("the weekday takes no /")
    return _Weekdays(_numbers("weekday", text, 1, 7, names=_WEEKDAYS))


def _numbers(
    field: str, text: str, low: int, high: int, *, names: Mapping[str, int] | None = None, is_one: bool = False
) -> tuple[int, ...]:
    """Return the numbers that a field means, ascending; with ``is_one`` it may mean a single one only."""
    wrong = _wrong(f"the {field} {text!r} is none: {low} to {high}, with , - * / and what else the field takes")
    found: set[int] = set()
    pieces = text.split(",")
    for piece in pieces:
        match = _STEPS.fullmatch(piece)
        if match is None or (match[1] == "*" and (match[2] is not None or len(pieces) > 1)):
            raise wrong
        first = low if match[1] == "*" else _number(match[1], names)
        last = high if match[1] == "*" or (match[3] and not match[2]) else _number(match[2] or match[1], names)
        step = int(match[3] or 1)
        if not (low <= first <= high and low <= last <= high and 1 <= step <= high):
            raise wrong
        if last < first and field == "year":
            raise wrong
        # A range may go over the end: 20-2 are the hours from 20 to 23 and from 0 to 2.
        length = last - first if first <= last else last - first + high - low + 1
        found.update(low + (first - low + offset) % (high - low + 1) for offset in range(0, length + 1, step))
    if is_one and not (len(found) == 1 and (text.isdigit() or text in (names or {}))):
        raise wrong
    return tuple(sorted(found))


def _number(text: str, names: Mapping[str, int] | None) -> int:
    """Return a number by its digits or its name; -1, which no field takes, if it is neither."""
    known = (names or {}).get(text)
    if known is not None:
        return known
    return int(text) if text.isdigit() and len(text) <= 4 else -1  # noqa: PLR2004 - as many as a year has


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _weekday(year: int, month: int, day: int) -> int:
    """Return the day of the week as the expressions count it: 1 for Sunday."""
    return date(year, month, day).isoweekday() % 7 + 1


def _wrong(reason: str) -> InvalidSchedule:
    return InvalidSchedule(f"expression: {reason}.", _EXPRESSION)
