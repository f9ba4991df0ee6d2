"""Days, time zones and the moments that date records."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.date_range import DateRange, local_text, moment_of, parse_day, zone_of

MARCH = DateRange(date(2026, 3, 1), date(2026, 3, 31), "Asia/Jakarta")


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        (datetime(2026, 2, 28, 16, 59, 59, 999_999, UTC), False),
        (datetime(2026, 2, 28, 17, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 31, 16, 59, 59, 999_999, UTC), True),
        (datetime(2026, 3, 31, 17, 0, tzinfo=UTC), False),
        (date(2026, 3, 1), True),
        (date(2026, 3, 31), True),
        (date(2026, 4, 1), False),
    ],
)
def test_both_days_are_included_as_they_are_in_the_time_zone(moment: datetime | date, is_in: bool) -> None:
    assert MARCH.holds(moment) is is_in


def test_a_day_is_as_long_as_it_is_where_clocks_change() -> None:
    day = DateRange(date(2026, 3, 29), date(2026, 3, 29), "Europe/Paris")  # 23 hours long
    begin = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)

    inside = [day.holds(begin + timedelta(hours=hour)) for hour in range(-1, 24)]

    assert inside == [False, *[True] * 23, False]


@pytest.mark.parametrize("dates", [DateRange(None, date(2026, 1, 1), "UTC"), DateRange(date(2026, 1, 1), None, "UTC")])
def test_an_open_end_holds_everything_on_its_side(dates: DateRange) -> None:
    found = [dates.holds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2026, 3000)]

    assert found == ([True, True, False] if dates.start is None else [False, True, True])


@given(
    st.datetimes(timezones=st.timezones()),
    st.dates(),
    st.integers(0, 400),
    st.sampled_from(["UTC", "Asia/Jakarta", "America/Sao_Paulo", "Pacific/Kiritimati", "Pacific/Apia"]),
)
def test_every_moment_is_in_exactly_one_of_the_ranges_that_follow_each_other(
    moment: datetime, day: date, days: int, zone: str
) -> None:
    try:
        end = day + timedelta(days=days)
        ranges = [
            DateRange(None, day - timedelta(days=1), zone),
            DateRange(day, end, zone),
            DateRange(end + timedelta(days=1), None, zone),
        ]
    except OverflowError:
        return

    assert sum(each.holds(moment) for each in ranges) == 1


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01t12:00:00.123456789z", datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)),
        ("2026-03-01T12:00:00+07:00", datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=7)))),
        ("2026-03-01", date(2026, 3, 1)),
        (1_772_366_400, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (1_772_366_400_000, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (0.5, datetime(1970, 1, 1, 0, 0, 0, 500_000, UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_rfc_3339_or_a_number_of_unix_seconds_or_milliseconds(
    value: object, moment: datetime | date
) -> None:
    assert moment_of(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        None, "", "yesterday", "2026-03-01T12:00:00", "2026-03-01 12:00:00Z", "20260301", "2026-13-01", "2026-W09-7",
        "2026-03-01T25:00:00Z", "٢٠٢٦-03-01", "0000-01-01", "1772366400", True, [], {}, 1e300, float("nan"),
        float("-inf"), 10**400,
    ],
)  # fmt: skip
def test_what_tells_no_moment_is_none(value: object) -> None:
    assert moment_of(value) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "../etc/passwd",
        "/etc/localtime",
        "localtime",
        "right/UTC",
        "Factory",
        "Europe",
        "x" * 5_000,
        "\0",
    ],
)
def test_what_is_no_time_zone_is_told_so(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)


@pytest.mark.parametrize("text", ["", "2026-3-1", "2026-02-30", "2026-03-01T00:00:00Z", "٢٠٢٦-03-01", "20260301"])
def test_a_day_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY-MM-DD|no day"):
        parse_day(text)


def test_a_moment_is_told_with_the_offset_of_the_zone_to_the_second() -> None:
    assert local_text(datetime(2017, 7, 17, 3, 19, 44, 999_999, UTC), "Asia/Jakarta") == "2017-07-17T10:19:44+07:00"
