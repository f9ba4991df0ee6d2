"""What the caller of an export may choose (seed 002, "Exports options fields")."""

from dataclasses import dataclass
from datetime import date

from waybill.domain.date_range import DEFAULT_TIME_ZONE, DateRange
from waybill.domain.errors import InvalidOptions

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

MIN_PARTS_SIZE = 10_240
"""Bytes. The value of seed 002's sample request."""

DEFAULT_PARTS_SIZE = GIBIBYTE
"""Bytes. Few parts, each still downloadable in one sitting."""

MAX_PARTS_SIZE = 5 * 1024 * GIBIBYTE
"""Bytes. What S3 stored in one object for most of its time, and what stores like it store today."""

SECOND_NS = 1_000_000_000
MAX_MAX_AGE = 7 * 24 * 3600 * SECOND_NS
"""Nanoseconds: seven days, the default as well as the most (reference cozy-move, section 1)."""

_ARCHIVES = ("tar.gz", "tar", "tar.zst", "zip")
_RECORDS_ALONE = ("json", "csv")
FORMATS = (*_ARCHIVES, *_RECORDS_ALONE)
COZY = "cozy"
PLAIN = "plain"
LAYOUTS = ("bag", COZY, PLAIN)
FORMATS_OF = {"bag": _ARCHIVES, COZY: ("zip",), PLAIN: _RECORDS_ALONE}
"""The formats that a layout comes in, its default first. Cozy imports zip alone (reference cozy-move, section 4).

Where only one of the two is asked for, the other is the first that fits here.
"""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of one export, already checked.

    ``parts_size`` is in bytes, ``max_age`` in nanoseconds. An empty ``with_doctypes`` means all doctypes of the
    catalog. ``without_files`` leaves out the files index and with it every file. ``format`` is one of those that
    FORMATS_OF has for ``layout``. ``start_date`` and ``end_date`` are days in ``time_zone`` (IANA), both included, None
    for no bound.
    """

    parts_size: int = DEFAULT_PARTS_SIZE
    max_age: int = MAX_MAX_AGE
    with_doctypes: tuple[str, ...] = ()
    without_files: bool = False
    format: str = FORMATS[0]
    layout: str = LAYOUTS[0]
    start_date: date | None = None
    end_date: date | None = None
    time_zone: str = DEFAULT_TIME_ZONE

    @property
    def dates(self) -> DateRange | None:
        """The range that records must lie in, None if they may be of any date."""
        if self.start_date is None and self.end_date is None:
            return None
        return DateRange(self.start_date, self.end_date, self.time_zone)

    def check_dates(self, most_days: int) -> None:
        """Raise InvalidOptions if the dates are the wrong way round, or more than ``most_days`` days; 0 is no limit.

        Where there is a limit, a range has both ends. No dates at all are no range, and so never too long.
        """
        if self.start_date is None or self.end_date is None:
            if most_days and self.dates is not None:
                missing = "start_date" if self.start_date is None else "end_date"
                raise InvalidOptions(
                    f"{missing}: Give both dates, because a range has at most {most_days} days here.",
                    f"/data/attributes/{missing}",
                )
            return
        if self.end_date < self.start_date:
            raise InvalidOptions(
                f"end_date: It is {self.end_date}, which is before the start_date {self.start_date}.",
                "/data/attributes/end_date",
            )
        days = (self.end_date - self.start_date).days + 1
        if most_days and days > most_days:
            raise InvalidOptions(
                f"end_date: {self.start_date} to {self.end_date} are {days} days, and a range has at most {most_days} "
                "here. Ask for shorter ranges, one after the other.",
                "/data/attributes/end_date",
            )
