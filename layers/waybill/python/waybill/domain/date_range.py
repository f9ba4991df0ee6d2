"""A range of days, and the moments that date records: which records an export with dates consists of."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

DEFAULT_TIME_ZONE = "UTC"

NO_ZONES = ("Factory", "localtime", "posixrules", "posix/", "right/")
"""What lies beside the zones in some systems' folder of them; days of ``right/`` end some seconds late."""

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?", re.ASCII)
"""``full-date`` or ``date-time`` (RFC 3339, section 5.6), in capitals."""

_MILLISECONDS_FROM = 100_000_000_000
"""A number from here on is milliseconds: as seconds it would lie beyond the year 5000."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """The days from ``start`` to ``end``, both included, None for no bound, as they are in ``time_zone`` (IANA)."""

    start: date | None
    end: date | None
    time_zone: str

    def holds(self, moment: datetime | date) -> bool:
        """Whether a moment lies in the range. One that is only a day is that day, wherever it was written."""
        day = _day_of(moment, self.time_zone) if isinstance(moment, datetime) else moment
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name. Raises ValueError for what is none."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - every function loads this module, and few need a time zone

    if not name.startswith(NO_ZONES):
        with suppress(KeyError, ValueError, OSError):  # OSError: a folder of zones, or a name that no file can have
            return ZoneInfo(name)
    raise ValueError(f"There is no time zone {name[:100]!r}. Take a name such as Europe/Paris or UTC.")


def moment_of(value: object) -> datetime | date | None:
    """Return the moment that a field of a record tells, None if it tells none.

    ``value`` is text as in RFC 3339, with its offset or of a day alone, or a number of Unix seconds or milliseconds.
    """
    if isinstance(value, str):
        return _moment_of_text(value.upper())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def parse_day(text: str) -> date:
    """Return the day that ``YYYY-MM-DD`` names. Raises ValueError for anything else."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError("A day is written as YYYY-MM-DD.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"There is no day {text}.") from None


def local_text(moment: datetime, time_zone: str) -> str:
    """Return a moment as it is in a time zone, to the second and with the offset: ``2017-07-17T10:19:44+07:00``."""
    return moment.astimezone(zone_of(time_zone)).isoformat(timespec="seconds")


def day_text(day: date | None) -> str | None:
    """Return a day as ``YYYY-MM-DD``, None for none."""
    return None if day is None else day.isoformat()


def _moment_of_text(text: str) -> datetime | date | None:
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return None


def _day_of(moment: datetime, time_zone: str) -> date:
    try:
        return moment.astimezone(zone_of(time_zone)).date()
    except OverflowError:  # at the ends of the calendar there is no next day
        return moment.date()
