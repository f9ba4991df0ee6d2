"""The ``parts_size`` that a refused export is told to take is enough, and not much more than that."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import BAG, CONTAINERS, Export

from waybill.archive.container import Container
from waybill.archive.enough_parts_size import enough_parts_size

LEAST = 10_240
any_container = st.sampled_from(list(CONTAINERS.values()))


def enough(export: Export, parts: int) -> int | None:
    bounds = BAG.bounds(export.container, export.schemas, LEAST)
    return enough_parts_size(
        sum(bounds.record(entry, first=True) for _, entry in export.entries),
        (bounds.file(file) for file in export.files),
        around=bounds.empty(),
        parts=parts,
        more_than=LEAST,
    )


@settings(max_examples=60, deadline=None)
@given(
    container=any_container,
    files=st.lists(st.integers(0, 30_000), max_size=30),
    records=st.lists(st.integers(1, 5_000), max_size=10),
    parts=st.integers(1, 5),
)
def test_it_is_enough(container: Container, files: Sequence[int], records: Sequence[int], parts: int) -> None:
    export = Export(container)
    for number, size in enumerate(files):
        export.add_file(f"{number}.jpg", bytes(size), mime="image/jpeg")
    if records:
        export.add_records("notes", [b"n" * size for size in records])

    told = enough(export, parts)

    if told is None:
        assert parts == 1
        assert bool(records) == bool(files) is True
    else:
        assert told == LEAST + 1 or len(export.plans(told)) <= parts


@settings(max_examples=40, deadline=None)
@given(container=any_container, files=st.lists(st.integers(5_000, 30_000), min_size=10, max_size=30))
def test_of_files_it_is_the_smallest(container: Container, files: Sequence[int]) -> None:
    export = Export(container)
    for number, size in enumerate(files):
        export.add_file(f"{number}.jpg", bytes(size), mime="image/jpeg")

    told = enough(export, 3)

    assert told is not None
    assert len(export.plans(told)) <= 3
    assert told == LEAST + 1 or len(export.plans(told - 1)) > 3


def test_records_of_a_terabyte_are_told_a_size_in_sensible_time() -> None:
    size = enough_parts_size(10**12, [], around=5_000, parts=10_000, more_than=LEAST)
    assert size == pytest.approx(10**8, rel=0.1)


def test_more_files_than_all_parts_may_have_are_told_so() -> None:
    assert enough_parts_size(0, [1] * 50_001, around=5_000, parts=2, more_than=LEAST) is None
