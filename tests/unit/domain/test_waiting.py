"""Pauses grow, so that waiting never costs an execution more history than it may have."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.domain.plan import Shard
from waybill.domain.waiting import LONGEST_PAUSE, Waiting, next_round, waiting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHARD = Shard(7, "uforge.appliances")
EVENTS_A_ROUND = 13
"""A wait (2), a Distributed Map (4), a task (5), a choice (2)."""


def not_ready(seconds: int = 5, deadline: datetime | None = None) -> SourceNotReady:
    return SourceNotReady("The archive is not made yet.", seconds=seconds, deadline=deadline)


def test_a_shard_waits_as_long_as_its_source_says() -> None:
    first = waiting(SHARD, not_ready(5), None, NOW)

    assert first == Waiting(7, "The archive is not made yet.", NOW, NOW + timedelta(seconds=5))


def test_who_has_waited_long_for_one_thing_is_asked_rarely() -> None:
    before = Waiting(7, "The archive is not made yet.", NOW - timedelta(minutes=20), NOW)
    for_ages = Waiting(7, "The archive is not made yet.", NOW - timedelta(days=1), NOW)
    another = Waiting(7, "Another archive is not made yet.", NOW - timedelta(days=1), NOW)

    assert waiting(SHARD, not_ready(5), before, NOW).until == NOW + timedelta(minutes=5)
    assert waiting(SHARD, not_ready(5), for_ages, NOW).until == NOW + LONGEST_PAUSE
    assert waiting(SHARD, not_ready(5), another, NOW).until == NOW + timedelta(seconds=5)


def test_a_deadline_is_looked_at_once_more_and_then_ends_the_waiting() -> None:
    deadline = NOW + timedelta(seconds=3)

    assert waiting(SHARD, not_ready(60, deadline), None, NOW).until == deadline
    with pytest.raises(SourceUnavailable, match=r"not made yet\. The time for it was over at 2026-03-01"):
        waiting(SHARD, not_ready(60, deadline), None, deadline)


def test_what_can_be_read_is_read_at_once_and_what_waits_is_left_alone() -> None:
    shards = [Shard(number, "a") for number in range(3)]
    waits = {1: Waiting(1, "", NOW, NOW + timedelta(seconds=9)), 2: Waiting(2, "", NOW, NOW)}

    assert next_round(shards, waits, now=NOW, rounds=900) == ([shards[0], shards[2]], 0)


def test_one_pause_serves_all_that_come_soon_after_the_first() -> None:
    shards = [Shard(number, "a") for number in range(3)]
    seconds = {0: 20, 1: 25, 2: 26}
    waits = {number: Waiting(number, "", NOW, NOW + timedelta(seconds=each)) for number, each in seconds.items()}

    assert next_round(shards, waits, now=NOW, rounds=1) == (shards[:2], 25)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_the_history_of_an_execution_lasts_for_all_its_seven_days(asked: list[int]) -> None:
    shards = [Shard(number, "a") for number in range(len(asked))]
    now, rounds = NOW, 0
    while now < NOW + timedelta(days=7):
        rounds += 1
        waits = {
            shard.number: Waiting(shard.number, "", now, now + timedelta(seconds=seconds))
            for shard, seconds in zip(shards, asked, strict=True)
        }
        due, seconds = next_round(shards, waits, now=now, rounds=rounds)
        assert due
        assert seconds >= 1
        now += timedelta(seconds=seconds)

    assert rounds * EVENTS_A_ROUND < 25_000
