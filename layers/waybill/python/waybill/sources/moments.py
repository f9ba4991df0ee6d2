"""Points in time as products write them."""

from datetime import UTC, datetime

_MOST_SECONDS = 253_402_300_799
"""The last second of the year 9999, the last that a calendar date has room for."""

_MILLISECONDS_FROM = 100_000_000_000
"""A number from here on is milliseconds: as seconds it would lie beyond the year 5000."""


def unix_seconds(value: object) -> int:
    """Return a moment as whole Unix seconds, rounded down; 0 for what is none, and for those before 1970.

    ``value`` is text in ISO 8601, taken for UTC if it names no zone, or Unix seconds or milliseconds, as a number or as
    its text.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return 0
    try:
        seconds = _seconds_of_text(value) if isinstance(value, str) else float(value)
        whole = int(seconds // 1000 if seconds >= _MILLISECONDS_FROM else seconds // 1)
    except (ValueError, OverflowError):
        return 0
    return whole if 0 <= whole <= _MOST_SECONDS else 0


def _seconds_of_text(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
