"""The arithmetic of an estimate, held against what was counted and measured elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.estimate import Amount, Bulk, Estimate, Plan, Workflow, enough_for, forecast, parts_of
from waybill.domain.options import GIBIBYTE, MEBIBYTE, ExportOptions

WORKFLOW = Workflow(first_round_seconds=30, side_by_side=20, step_seconds=840, piece=8 * MEBIBYTE)
SMALL = Plan(shards=2, read_batches=1, segments=2, slices=2, parts=1, pack_batches=1, bytes=10**6, total_size=10**6)


def test_a_small_export_enters_ten_states() -> None:
    assert forecast(Amount(1_000, 500_000), SMALL, WORKFLOW).usage.transitions == 10


def test_more_batches_are_as_many_more_states() -> None:
    plan = Plan(shards=130, read_batches=3, parts=400, pack_batches=2, bytes=10**6, total_size=10**6)

    assert forecast(Amount(), plan, WORKFLOW).usage.transitions == 8 + 3 + 2


def test_reading_that_takes_longer_than_the_first_round_is_spread_over_the_shards_that_are_left() -> None:
    amount = Amount(10_000_000, 3_000_000_000)
    spread = Plan(shards=8, read_batches=1, parts=1, pack_batches=1)
    alone = Plan(shards=1, read_batches=1, parts=1, pack_batches=1)

    helped, unhelped = (forecast(amount, plan, WORKFLOW) for plan in (spread, alone))

    assert helped.usage.transitions == 10 + 3 + 7  # of eight shards one is read in the first round
    assert unhelped.usage.transitions == 10 + 3 + 1
    assert unhelped.seconds / helped.seconds > 3
    assert helped.usage.functions.gb_seconds == pytest.approx(unhelped.usage.functions.gb_seconds)


def test_packing_that_takes_longer_than_a_call_takes_further_rounds() -> None:
    size = 100 * GIBIBYTE
    plan = Plan(shards=1, read_batches=1, parts=1, pack_batches=1, bytes=size, total_size=size)

    found = forecast(Amount(files=1, file_bytes=size), plan, WORKFLOW)

    assert found.usage.transitions == 10 + 2 * (3 + 1)
    assert found.seconds > 2 * 840


def test_a_part_of_many_pieces_is_begun_stored_and_finished() -> None:
    large = Plan(shards=1, read_batches=1, parts=1, pack_batches=1, bytes=80 * MEBIBYTE, total_size=80 * MEBIBYTE)
    small = Plan(shards=1, read_batches=1, parts=1, pack_batches=1, bytes=8 * MEBIBYTE, total_size=8 * MEBIBYTE)

    puts = [forecast(Amount(), plan, WORKFLOW).usage.s3_puts for plan in (large, small)]

    assert puts[0] - puts[1] == (1 + 10 + 1) - 1


@pytest.mark.parametrize(
    ("amount", "total_size", "dollars"),
    [
        (Amount(40_200, 20_000_000, 200, 600_000_000), 400_000_000, 1.51e-3),
        (Amount(1_300, 600_000, 300, 100_000_000), 66_000_000, 0.76e-3),
    ],
    ids=["cost_per_1000_exports", "cost_per_1000_small_exports"],
)
def test_it_costs_what_the_benchmark_counts(amount: Amount, total_size: int, dollars: float) -> None:
    """The figures of 25 November 2026 (docs/performance.md), taken when pieces still had 8 MiB, as here."""
    plan = Plan(
        shards=2,
        read_batches=1,
        segments=2,
        slices=2,
        parts=1,
        pack_batches=1,
        bytes=amount.bytes,
        total_size=total_size,
    )

    assert forecast(amount, plan, WORKFLOW).usage.total == pytest.approx(dollars, rel=0.15)


BULK = Bulk(
    records=10_000_000,
    record=500,
    entry=4 * MEBIBYTE,
    ratio=1.0,
    gathers=False,
    files=1_000,
    file_bytes=1_000_000_000,
    around=10_000,
    most_entries=25_000,
)


@pytest.mark.parametrize(
    ("parts_size", "parts"), [(2_000_000_000, 1), (500_000_000, 3), (100_000_000, 11), (1_500_000, 1_014)]
)
def test_parts_are_about_what_fits_into_them(parts_size: int, parts: int) -> None:
    assert BULK.parts(parts_size) == pytest.approx(parts, rel=0.15)


def test_a_file_larger_than_a_part_is_a_part() -> None:
    assert BULK.parts(10_240) >= 1_000


def test_an_entry_that_does_not_fit_beside_what_surrounds_it_is_a_part() -> None:
    tight = Bulk(
        records=6_000_000,
        record=6_000,
        entry=4 * MEBIBYTE,
        ratio=1.0,
        gathers=False,
        files=0,
        file_bytes=0,
        around=8_700,
        most_entries=25_000,
    )

    assert tight.parts(10_240) == 1_000


def test_all_records_are_in_the_first_part_where_they_gather() -> None:
    cozy = Bulk(
        records=10**9,
        record=1,
        entry=1,
        ratio=1.0,
        gathers=True,
        files=10,
        file_bytes=10**6,
        around=100,
        most_entries=25_000,
    )

    assert cozy.parts(10**6) == 2


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**6),
    st.integers(0, 10**13),
    st.integers(1, 10_000),
)
def test_what_is_said_to_be_enough_is_the_least_that_is(records: int, files: int, file_bytes: int, most: int) -> None:
    bulk = Bulk(
        records=records,
        record=500,
        entry=4 * MEBIBYTE,
        ratio=1.0,
        gathers=False,
        files=files,
        file_bytes=file_bytes if files else 0,
        around=10_000,
        most_entries=25_000,
    )

    enough = enough_for([bulk], most, 5 * 1024 * GIBIBYTE)

    if enough is None:
        assert parts_of([bulk], 5 * 1024 * GIBIBYTE) > most
    else:
        assert parts_of([bulk], enough) <= most
        assert enough == 1 or parts_of([bulk], enough - 1) > most


def test_costs_name_storage_and_one_download_beside_what_making_it_takes() -> None:
    plan = Plan(shards=1, read_batches=1, parts=1, pack_batches=1, total_size=10**9)
    made = forecast(Amount(), plan, WORKFLOW)
    estimate = Estimate("1", ExportOptions(), {"a": Amount(1, 2)}, frozenset(), plan, made, storage_days=3, limits=[])

    costs = estimate.costs

    assert costs["storage"] == pytest.approx(0.0023)
    assert costs["download"] == pytest.approx(0.09)
    assert sum(costs.values()) - costs["storage"] - costs["download"] == pytest.approx(made.usage.total)
    assert not estimate.exact
