"""Which entries go into which part."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from tests.unit.archive.exports import BAG, SCHEMA, TAR_GZIP, Export

from waybill.archive.plan_parts import MAX_ENTRIES_PER_PART, entry_target, plan_parts
from waybill.domain.options import DEFAULT_PARTS_SIZE, MIN_PARTS_SIZE
from waybill.domain.plan import Entry, FileEntry, FileReference, PartPlan, SegmentSlice

SCHEMAS = {"notes": SCHEMA, "users": SCHEMA}


def record(number: int, length: int, *, offset: int = 0, doctype: str = "notes") -> Entry:
    return Entry(f"data/{doctype}/0001-{number:06}.ndjson", doctype, 3 * length, "0" * 64, 10, offset, length)


def file(number: int, size: int, *, mime: str = "image/jpeg") -> FileEntry:
    reference = FileReference(str(number), f"{number}.jpg", "root", f"key-{number}", size, '"etag"', mime)
    return FileEntry(f"data/files/{number}.jpg", "io.cozy.files", reference)


def cut(entries: list[tuple[str, Entry]], files: list[FileEntry], parts_size: int) -> list[PartPlan]:
    return list(plan_parts(entries, files, parts_size=parts_size, schemas=SCHEMAS, container=TAR_GZIP, layout=BAG))


def test_nothing_is_one_part() -> None:
    (plan,) = cut([], [], MIN_PARTS_SIZE)
    assert (plan.number, plan.slices, plan.entries, plan.files) == (1, (), (), ())
    assert plan.bound < 2_000


def test_records_come_first_and_files_fill_up_the_last_record_part() -> None:
    entries = [("s", record(number, 3_900, offset=3_900 * number)) for number in range(3)]
    plans = cut(entries, [file(1, 1_000), file(2, 7_000), file(3, 100)], MIN_PARTS_SIZE)
    assert [(len(plan.entries), len(plan.files)) for plan in plans] == [(2, 0), (1, 1), (0, 2)]
    assert [entry.reference.id for plan in plans for entry in plan.files] == ["1", "2", "3"]
    assert all(plan.bound <= MIN_PARTS_SIZE for plan in plans)


def test_adjoining_slices_become_one() -> None:
    entries = [
        ("a", record(1, 100, offset=0)),
        ("a", record(2, 50, offset=100)),
        ("a", record(3, 50, offset=200)),
        ("b", record(4, 70, offset=250)),
    ]
    (plan,) = cut(entries, [], DEFAULT_PARTS_SIZE)
    assert plan.slices == (SegmentSlice("a", 0, 150), SegmentSlice("a", 200, 50), SegmentSlice("b", 250, 70))
    assert [entry for _, entry in entries] == list(plan.entries)


def test_slices_are_not_joined_across_parts() -> None:
    entries = [("a", record(number, 6_000, offset=6_000 * number)) for number in range(2)]
    assert [plan.slices for plan in cut(entries, [], MIN_PARTS_SIZE)] == [
        (SegmentSlice("a", 0, 6_000),),
        (SegmentSlice("a", 6_000, 6_000),),
    ]


@pytest.mark.parametrize("size", [MIN_PARTS_SIZE, 10**6])
def test_an_entry_that_is_larger_stands_alone(size: int) -> None:
    plans = cut(
        [("s", record(1, 100)), ("s", record(2, size, offset=100))], [file(1, 10), file(2, size)], MIN_PARTS_SIZE
    )
    assert [(len(plan.entries), len(plan.files)) for plan in plans] == [(1, 0), (1, 0), (0, 1), (0, 1)]
    assert [plan.bound > MIN_PARTS_SIZE for plan in plans] == [False, True, False, True]


def test_a_part_ends_at_the_most_entries() -> None:
    plans = cut([], [file(number, 1) for number in range(MAX_ENTRIES_PER_PART + 1)], DEFAULT_PARTS_SIZE)
    assert [len(plan.files) for plan in plans] == [MAX_ENTRIES_PER_PART, 1]


def test_a_schema_counts_once_for_each_part_that_needs_it() -> None:
    (one,) = cut([("s", record(1, 100))], [], MIN_PARTS_SIZE)
    (two,) = cut([("s", record(1, 100)), ("s", record(2, 100, offset=100))], [], MIN_PARTS_SIZE)
    (other,) = cut([("s", record(1, 100)), ("s", record(2, 100, offset=100, doctype="users"))], [], MIN_PARTS_SIZE)
    (none,) = cut([], [], MIN_PARTS_SIZE)
    assert other.bound - two.bound > 200
    assert one.bound - none.bound > two.bound - one.bound


def test_the_smallest_parts_are_used_well() -> None:
    export = Export()
    target = entry_target(MIN_PARTS_SIZE)
    lines = [json.dumps({"_id": f"{number * 7919:032x}", "name": f"Name {number}"}) + "\n" for number in range(5_000)]
    entries, size = [""], 0
    for line in lines:
        if size + len(line) > target:
            entries.append("")
            size = 0
        entries[-1] += line
        size += len(line)
    export.add_records("users", [entry.encode() for entry in entries])
    parts = export.pack(MIN_PARTS_SIZE)
    assert all(len(part.data) <= MIN_PARTS_SIZE for part in parts)
    assert sum(len(part.data) for part in parts[:-1]) > 0.75 * MIN_PARTS_SIZE * (len(parts) - 1)


@pytest.mark.parametrize(
    ("parts_size", "target"), [(MIN_PARTS_SIZE, 5_120), (1_000_000, 500_000), (DEFAULT_PARTS_SIZE, 4 * 1024 * 1024)]
)
def test_how_much_goes_into_a_record_entry(parts_size: int, target: int) -> None:
    assert entry_target(parts_size) == target


def test_planning_holds_one_part_in_memory() -> None:
    def many(count: int) -> Iterator[FileEntry]:
        return (file(number, 1_000_000) for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        parts = sum(
            1 for _ in plan_parts([], many(count), parts_size=10_000_000, schemas={}, container=TAR_GZIP, layout=BAG)
        )
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert parts == -(-count // 9)
        return top

    assert peak(10_000) < 1.5 * peak(1_000)
