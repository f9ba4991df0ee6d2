"""What a tenant may start, and when it may be tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import QuotaExceeded
from waybill.domain.quota import DAY, QuotaLimits, QuotaUse, TakenPlace, no_place

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = QuotaLimits(running=2, per_day=3)


def used(*starts: datetime) -> QuotaUse:
    use = QuotaUse("anna")
    for number, start in enumerate(starts):
        use = use.started(f"e{number}", start)
    return use


def refusal(use: QuotaUse, now: datetime, limits: QuotaLimits = LIMITS) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as caught:
        use.check_day(now, limits)
    return caught.value


def test_as_many_as_are_allowed_may_start_in_a_day() -> None:
    used(NOW, NOW).check_day(NOW, LIMITS)

    assert "3" in str(refusal(used(NOW, NOW, NOW), NOW))


moments = st.timedeltas(timedelta(0), timedelta(hours=60)).map(lambda ago: NOW - ago)


@given(st.lists(moments, min_size=1, max_size=9).map(sorted), st.integers(1, 9))
def test_the_wait_for_the_day_is_true_to_the_second(starts: list[datetime], per_day: int) -> None:
    limits = QuotaLimits(running=1, per_day=per_day)
    use = used(*starts)
    if len(use.at(NOW).starts) < per_day:
        use.check_day(NOW, limits)
        return

    wait = refusal(use, NOW, limits).retry_after

    assert 1 <= wait <= DAY.total_seconds()
    refusal(use, NOW + timedelta(seconds=wait - 1), limits)
    use.check_day(NOW + timedelta(seconds=wait), limits)


def test_the_day_moves_with_the_time() -> None:
    use = used(NOW - DAY, NOW - DAY + timedelta(microseconds=1), NOW)

    assert use.at(NOW).starts == (NOW - DAY + timedelta(microseconds=1), NOW)
    assert use.at(NOW).running == use.running


def test_an_export_that_runs_again_takes_a_place_and_no_start() -> None:
    use = used(NOW).without({"e0"}).resumed("e0")

    assert (use.running, use.starts, use.rev) == (("e0",), (NOW,), 2)
    assert use.resumed("e0").running == ("e0",)


def test_what_could_not_be_started_is_given_back_once() -> None:
    use = used(NOW, NOW).given_back("e1", NOW)

    assert use == QuotaUse("anna", 3, ("e0",), (NOW,))
    assert use.given_back("e9", None) == QuotaUse("anna", 4, ("e0",), (NOW,))


@pytest.mark.parametrize(("running", "has_place"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_place_is_free_until_as_many_run_as_may(running: int, has_place: bool) -> None:
    assert used(*[NOW] * running).has_place(LIMITS) is has_place


def place(ran: float, percentage: int, left: float = 1e6) -> TakenPlace:
    """A place that is taken for so many seconds, and for so many more at the most."""
    return TakenPlace(NOW - timedelta(seconds=ran), percentage, NOW + timedelta(seconds=left))


@pytest.mark.parametrize(
    ("taken", "wait"),
    [
        ([place(100, 50), place(60.2, 60)], 41),
        ([place(60, 60), place(100, 50), place(60, 50)], 60),
        ([place(9, 90), place(9, 90)], 5),
        ([place(9e5, 50), place(9e5, 50)], 3600),
        ([place(9e5, 50), place(9e5, 50, 9.2)], 10),
        ([place(9, 90), place(9, 90, 0.5)], 1),
        ([place(9e5, 50, 9), place(9e5, 50), place(9e5, 50, 99)], 99),
    ],
    ids=[
        "the first to end",
        "one more than allowed",
        "never less than 5 s",
        "never more than an hour",
        "not beyond the end of the first",
        "not even for 5 s",
        "or of the second, if there are too many",
    ],
)
def test_the_wait_for_a_place_is_that_of_the_export_which_frees_one(taken: list[TakenPlace], wait: int) -> None:
    assert no_place(taken, LIMITS, NOW).retry_after == wait


@pytest.mark.parametrize(("percentage", "left"), [(0, 60), (1, 60), (50, 60), (75, 20), (99, 60 / 99)])
def test_an_export_goes_on_as_fast_as_it_went_but_one_never_waits_for_longer_than_it_ran(
    percentage: int, left: float
) -> None:
    assert place(60, percentage).seconds_left(NOW) == pytest.approx(left)


def test_the_moments_that_are_named_are_not_too_early() -> None:
    taken = [place(9, 0, 60.000_001)] * 2
    assert "At 2026-03-01T12:01:01+00:00 there is a place" in str(no_place(taken, LIMITS, NOW))
    starts = [NOW + timedelta(microseconds=1)] * 3
    assert "at 2026-03-02T12:00:01+00:00." in str(refusal(used(*starts), NOW + timedelta(minutes=1)))
