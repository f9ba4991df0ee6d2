"""When schedules fire: the examples of AWS's cron reference, the rules about days, and what changes of the clock do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import InvalidSchedule
from waybill.domain.firing import Cron, Timing, read_expression, read_zone

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def firings(expression: str, count: int, *, zone: str = "UTC", after: datetime = NOW) -> list[datetime]:
    """The next firings, on the clock of the zone."""
    timing = Timing(read_expression(expression), read_zone(zone), after)
    found: list[datetime] = []
    while len(found) < count and (moment := timing.next_firing(found[-1] if found else after)) is not None:
        found.append(moment)
    return [moment.astimezone(read_zone(zone)) for moment in found]


def told(moments: list[datetime]) -> list[str]:
    return [f"{moment:%a %Y-%m-%d %H:%M}" for moment in moments]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0 10 * * ? *", ["Thu 2026-01-01 10:00", "Fri 2026-01-02 10:00"]),
        ("15 12 * * ? *", ["Thu 2026-01-01 12:15", "Fri 2026-01-02 12:15"]),
        ("0 18 ? * MON-FRI *", ["Thu 2026-01-01 18:00", "Fri 2026-01-02 18:00", "Mon 2026-01-05 18:00"]),
        ("0 8 1 * ? *", ["Thu 2026-01-01 08:00", "Sun 2026-02-01 08:00"]),
        ("0/15 * * * ? *", ["Thu 2026-01-01 00:15", "Thu 2026-01-01 00:30"]),
        ("0/10 * ? * MON-FRI *", ["Thu 2026-01-01 00:10", "Thu 2026-01-01 00:20"]),
        ("0/5 8-17 ? * MON-FRI *", ["Thu 2026-01-01 08:00", "Thu 2026-01-01 08:05"]),
        ("0/30 20-2 ? * MON-FRI *", ["Thu 2026-01-01 00:30", "Thu 2026-01-01 01:00"]),
        ("15 10 ? * 6L 2026-2027", ["Fri 2026-01-30 10:15", "Fri 2026-02-27 10:15"]),
        ("0 9 ? * 2#1 *", ["Mon 2026-01-05 09:00", "Mon 2026-02-02 09:00"]),
        ("1/10 0 * * ? *", ["Thu 2026-01-01 00:01", "Thu 2026-01-01 00:11"]),
        ("0 0 ? * 3#2 *", ["Tue 2026-01-13 00:00", "Tue 2026-02-10 00:00"]),
        ("0 0 L * ? *", ["Sat 2026-01-31 00:00", "Sat 2026-02-28 00:00"]),
        ("0 0 ? * L *", ["Sat 2026-01-03 00:00", "Sat 2026-01-10 00:00"]),
    ],
)
def test_the_examples_of_aws_fire_as_it_says(fields: str, expected: list[str]) -> None:
    assert told(firings(f"cron({fields})", len(expected))) == expected


def test_a_range_over_midnight_is_of_the_days_that_are_named() -> None:
    late = firings("cron(0/30 20-2 ? * MON *)", 14, after=datetime(2026, 1, 4, tzinfo=UTC))
    assert told(late)[:6] == [
        f"Mon 2026-01-05 {time}" for time in ("00:00", "00:30", "01:00", "01:30", "02:00", "02:30")
    ]
    assert told(late)[6] == "Mon 2026-01-05 20:00"
    assert told(late)[-1] == "Mon 2026-01-05 23:30"


@pytest.mark.parametrize(
    ("month", "day", "nearest"),
    [
        ("2026-01", 15, 15),  # a Thursday
        ("2026-01", 3, 2),  # a Saturday: the Friday before
        ("2026-01", 4, 5),  # a Sunday: the Monday after
        ("2026-08", 1, 3),  # a Saturday that is the first: the Monday after
        ("2026-05", 31, 29),  # a Sunday that is the last: the Friday before
    ],
)
def test_w_is_the_nearest_workday_of_the_same_month(month: str, day: int, nearest: int) -> None:
    year, number = map(int, month.split("-"))
    (found,) = firings(f"cron(0 0 {day}W {number} ? {year})", 1, after=datetime(year - 1, 12, 31, tzinfo=UTC))
    assert found.date() == date(year, number, nearest)


def test_a_day_that_most_months_lack_is_waited_for() -> None:
    assert [day.year for day in firings("cron(0 0 29 2 ? *)", 3)] == [2028, 2032, 2036]
    assert [day.year for day in firings("cron(0 0 ? 2 1#5 *)", 2)] == [2032, 2060]
    assert [day.month for day in firings("cron(0 0 31W * ? 2026)", 12)] == [1, 3, 5, 7, 8, 10, 12]


@pytest.mark.parametrize("never", ["0 0 30 2 ? *", "0 0 31 4,6 ? *", "0 0 1 1 ? 2025", "0 0 1 1 ? 1970-2025"])
def test_what_never_comes_never_fires(never: str) -> None:
    assert firings(f"cron({never})", 1) == []


class TestChangesOfTheClock:
    """Berlin puts its clocks forward on 2026-03-29 at 2:00 and back on 2026-10-25 at 3:00."""

    def test_a_time_that_the_clock_skips_does_not_fire(self) -> None:
        nights = firings("cron(30 2 * * ? *)", 3, zone="Europe/Berlin", after=datetime(2026, 3, 27, 12, tzinfo=UTC))
        assert told(nights) == ["Sat 2026-03-28 02:30", "Mon 2026-03-30 02:30", "Tue 2026-03-31 02:30"]

    def test_a_time_that_the_clock_shows_twice_fires_the_first_time_only(self) -> None:
        nights = firings("cron(30 2 * * ? *)", 3, zone="Europe/Berlin", after=datetime(2026, 10, 23, 12, tzinfo=UTC))
        assert told(nights) == ["Sat 2026-10-24 02:30", "Sun 2026-10-25 02:30", "Mon 2026-10-26 02:30"]
        assert nights[1].utcoffset() == timedelta(hours=2)

    def test_hours_of_every_day_leave_out_the_one_that_comes_twice(self) -> None:
        night = firings("cron(0 * * * ? *)", 4, zone="Europe/Berlin", after=datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
        assert [moment.astimezone(UTC).hour for moment in night] == [23, 0, 2, 3]

    def test_noon_stays_noon(self) -> None:
        noons = firings("cron(0 12 * * ? *)", 3, zone="Europe/Berlin", after=datetime(2026, 3, 28, tzinfo=UTC))
        assert [moment.astimezone(UTC).hour for moment in noons] == [11, 10, 10]

    def test_a_schedule_for_a_skipped_hour_alone_never_fires(self) -> None:
        assert firings("cron(30 2 29 3 ? 2026)", 1, zone="Europe/Berlin") == []

    def test_a_rate_goes_by_24_hours(self) -> None:
        days = firings("rate(1 day)", 2, zone="Europe/Berlin", after=datetime(2026, 3, 28, 11, tzinfo=UTC))
        assert told(days) == ["Sun 2026-03-29 13:00", "Mon 2026-03-30 13:00"]


class TestRates:
    def test_the_first_firing_is_one_rate_after_the_beginning_on_a_whole_minute(self) -> None:
        begun = datetime(2026, 1, 1, 12, 0, 30, 5, tzinfo=UTC)
        assert firings("rate(90 minutes)", 2, after=begun) == [
            datetime(2026, 1, 1, 13, 30, tzinfo=UTC),
            datetime(2026, 1, 1, 15, 0, tzinfo=UTC),
        ]

    @pytest.mark.parametrize(
        ("given_text", "written"),
        [
            ("rate(1 hour)", "rate(1 hour)"),
            ("rate(1 hours)", "rate(1 hour)"),
            (" rate( 12  hour ) ", "rate(12 hours)"),
            ("cron(0  3 ? jan-mar  mon *)", "cron(0 3 ? JAN-MAR MON *)"),
        ],
    )
    def test_an_expression_has_one_written_form(self, given_text: str, written: str) -> None:
        assert read_expression(given_text).text == written


@pytest.mark.parametrize(
    "text",
    [
        "", "daily", "at(2026-03-01T12:00:00)", "rate(0 hours)", "rate(-1 hours)", "rate(1.5 hours)", "rate(1 week)",
        "rate(٣ hours)", "rate(99999 days)", "rate(1 hour) ; drop", "cron()", "cron(0 3 * * *)", "cron(0 3 * * ? * *)",
        "cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "cron(60 3 * * ? *)", "cron(0 24 * * ? *)", "cron(0 3 0 * ? *)",
        "cron(0 3 32 * ? *)", "cron(0 3 * 13 ? *)", "cron(0 3 ? * 8 *)", "cron(0 3 ? * 0 *)", "cron(0 3 * * ? 1969)",
        "cron(0 3 * * ? 2200)", "cron(0 3 * * ? 2030-2026)", "cron(0/0 3 * * ? *)", "cron(*-5 3 * * ? *)",
        "cron(*,5 3 * * ? *)", "cron(1- 3 * * ? *)", "cron(,1 3 * * ? *)", "cron(0 3 LW * ? *)", "cron(0 3 L-3 * ? *)",
        "cron(0 3 1-5W * ? *)", "cron(0 3 W * ? *)", "cron(0 3 ? * MON/2 *)", "cron(0 3 ? * MON#6 *)",
        "cron(0 3 ? * 3#1,6#3 *)", "cron(0 3 ? * MON,L *)", "cron(MON 3 * * ? *)", "x" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_and_told_where(text: str) -> None:
    with pytest.raises(InvalidSchedule, match=r"^expression: ") as refused:
        read_expression(text)
    assert refused.value.pointer == "/data/attributes/expression"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Berlin",
        "Europe/Atlantis",
        "Europe",
        "../etc/passwd",
        "/UTC",
        "UTC\0",
        "localtime",
        "posix/UTC",
        "x" * 9_999,
    ],
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidSchedule, match=r"^time_zone: "):
        read_zone(name)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones_go_by_their_iana_names(name: str) -> None:
    assert read_zone(name).key == name


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ("* * * * ? *", 1),
        ("0,59 * * * ? *", 1),
        ("0 * * * ? *", 60),
        ("0 1,3 * * ? *", 120),
        ("30 23 * * ? *", 1440),
        ("0 0,23 * * ? *", 60),  # over midnight
        ("0 0,23 1,31 * ? *", 60),  # over midnight, from the 31st to the 1st
        ("0 0,23 5 * ? *", 23 * 60),
        ("0 0 ? * MON *", 7 * 1440),
        ("0 0 1 * ? *", 28 * 1440),
        ("0 0 29 2 ? *", (4 * 365 + 1) * 1440),
        ("0 0 1,28 2,3 ? *", 1440),
    ],
)
def test_the_shortest_gap_is_found_wherever_it_comes(fields: str, minutes: int) -> None:
    cron = read_expression(f"cron({fields})")
    assert isinstance(cron, Cron)
    assert cron.shortest_gap(NOW) == timedelta(minutes=minutes)


def test_what_fires_once_has_no_gap() -> None:
    cron = read_expression("cron(0 0 1 2 ? 2026)")
    assert isinstance(cron, Cron)
    assert cron.shortest_gap(NOW) is None


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    steps = st.builds("{}/{}".format, number, st.integers(1, high))
    ranges = st.builds("{}-{}".format, number, number)
    listed = st.lists(st.one_of(number.map(str), steps, ranges), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), listed)


days = st.one_of(
    field(1, 31).map(lambda text: (text, "?")),
    st.sampled_from(
        [("L", "?"), ("15W", "?"), ("1W", "?"), ("?", "MON-FRI"), ("?", "6L"), ("?", "3#2"), ("?", "FRI-MON")]
    ),
)
crons = st.builds(
    lambda minute, hour, day, month: f"cron({minute} {hour} {day[0]} {month} {day[1]} *)",
    field(0, 59), field(0, 23), days, field(1, 12),
)  # fmt: skip
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
)
moments = st.integers(0, 6 * 365 * 86_400).map(
    lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)


@given(crons, zones, moments)
def test_firings_go_forward_and_back_the_same_way(expression: str, zone: str, moment: datetime) -> None:
    timing = Timing(read_expression(expression), read_zone(zone), datetime(1990, 1, 1, tzinfo=UTC))
    forward = []
    after = moment
    for _ in range(4):
        following = timing.next_firing(after)
        if following is None:
            break
        forward.append(following)
        after = following
    assert all(earlier < later for earlier, later in pairwise([moment, *forward]))
    for earlier, later in pairwise(forward):
        assert timing.previous_firing(later - timedelta(microseconds=1)) == earlier
        assert timing.previous_firing(later) == later


@given(crons, zones, moments)
def test_every_firing_is_a_minute_that_the_fields_name(expression: str, zone: str, moment: datetime) -> None:
    cron = read_expression(expression)
    assert isinstance(cron, Cron)
    following = cron.next_firing(moment, read_zone(zone))
    if following is not None:
        local = following.astimezone(read_zone(zone))
        assert (local.second, local.microsecond) == (0, 0)
        assert local.minute in cron.minutes
        assert local.hour in cron.hours
        assert local.month in cron.months
        assert local.day in cron.days.of(local.year, local.month)


@given(crons, moments)
def test_no_two_firings_are_closer_than_the_shortest_gap(expression: str, moment: datetime) -> None:
    cron = read_expression(expression)
    assert isinstance(cron, Cron)
    gap = cron.shortest_gap(moment)
    found = [moment]
    while len(found) < 40 and (following := cron.next_firing(found[-1], ZoneInfo("UTC"))) is not None:
        found.append(following)
    assert gap is None or all(later - earlier >= gap for earlier, later in pairwise(found[1:]))
