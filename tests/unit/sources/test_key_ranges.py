"""Cutting keys into ranges: of about one size where keys are spread evenly, and correct whatever they are."""

import random
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.sources.key_ranges import cuts

_random = random.Random(2)
SPREAD_EVENLY = {
    "hexadecimal": [f"{_random.getrandbits(128):032x}" for _ in range(4_000)],
    "UUIDs": ["-".join(f"{_random.getrandbits(32):08x}" for _ in range(4)) for _ in range(4_000)],
    "counted": [f"contact-{number:08}" for number in range(4_000)],
    "days": [f"2026-{day % 12 + 1:02}-{day % 28 + 1:02}#{day:05}" for day in range(4_000)],
    "base 62": ["".join(_random.choices("0123456789ABCXYZabcxyz", k=12)) for _ in range(4_000)],
}


@pytest.mark.parametrize("kind", SPREAD_EVENLY)
def test_ranges_are_of_about_one_size(kind: str) -> None:
    keys = sorted(SPREAD_EVENLY[kind])
    first_page = keys[:500]

    found = cuts(first_page, keys[-1], 8)

    places = [0, *(bisect_left(keys, cut) for cut in found), len(keys)]
    sizes = [high - low for low, high in pairwise(places)]
    assert len(sizes) == 8
    assert max(sizes) < len(keys) / 8 * 2


@given(st.lists(st.text(min_size=1), min_size=2, unique=True), st.integers(2, 50), st.data())
def test_cuts_ascend_between_the_first_key_and_the_last(keys: list[str], ranges: int, data: st.DataObject) -> None:
    keys.sort()
    sample = keys[: data.draw(st.integers(1, len(keys)))]

    found = cuts(sample, keys[-1], ranges)

    assert len(found) < ranges
    assert found == sorted(set(found))
    assert all(keys[0] < cut <= keys[-1] for cut in found)


def test_one_key_is_not_cut() -> None:
    assert cuts(["a"], "a", 8) == []


def test_keys_that_only_grow_longer_are_not_cut_where_nothing_lies_between() -> None:
    assert cuts(["a", "aa"], "aaa", 2) == []
