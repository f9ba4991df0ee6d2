"""Keys in the order of their source, the slices that shards are, and what an export of a chain builds on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.chain import (
    Baseline,
    BaselinePiece,
    Chain,
    Increment,
    KeyOrder,
    Row,
    Slice,
    check_can_chain,
    increment,
    order_of,
)
from waybill.domain.options import ExportOptions

NUMBERS = KeyOrder(numeric=True)
INDEX = KeyOrder(indexed=True)
BASELINE = Baseline({"a": "text"}, (), "digest")


def rows(*keys: str) -> list[Row]:
    return [Row(key, b"digest") for key in keys]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_are_in_the_order_of_their_bytes(keys: list[str]) -> None:
    assert sorted(keys, key=KeyOrder().place) == sorted(keys, key=str.encode)


def test_numbers_are_in_the_order_of_their_values() -> None:
    assert sorted(["10", "1E+3", "0", "-1", "2", "-1.5"], key=NUMBERS.place) == ["-1.5", "-1", "0", "2", "10", "1E+3"]


def test_records_of_an_index_are_in_the_order_of_sort_key_and_id() -> None:
    keys = ["b\0", "a b\0x", "a\0y", "a\0x"]

    assert sorted(keys, key=INDEX.place) == keys[::-1]


def test_the_order_is_that_of_the_doctypes_table() -> None:
    plain = TableSource("table", "pk", "{tenant}", "sk")
    numbered = TableSource("table", "pk", "{tenant}", "sk", index="by-number", id_attribute="id", sort_key_type="N")

    assert order_of(Doctype("a", plain, "{}")).name == "text"
    assert order_of(Doctype("a", FilesSource(plain, "files", "{tenant}/"), "{}")).name == "text"
    assert order_of(Doctype("a", numbered, "{}")).name == "number and id"


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (Slice(), "a b c d"),
        (Slice(first="b"), "b c d"),
        (Slice(last="c"), "a b"),
        (Slice(first="b", last="d"), "b c"),
        (Slice(first="b", last="d", after="b"), "c"),
        (Slice(after="bb"), "c d"),
        (Slice(first="x"), ""),
    ],
)
def test_a_slice_has_the_keys_that_its_shard_still_has(part: Slice, found: str) -> None:
    assert [row.key for row in part.rows(rows("a", "b", "c", "d"))] == found.split()


def test_a_slice_of_an_index_is_cut_by_sort_keys() -> None:
    part = Slice(INDEX, first="b", last="d", after="b\0y")

    assert [row.key for row in part.rows(rows("a\0x", "b\0x", "b\0y", "b\0z", "c\0x", "d\0a"))] == ["b\0z", "c\0x"]


def test_a_slice_of_numbers_goes_on_behind_one() -> None:
    assert [row.key for row in Slice(NUMBERS, after="9").rows(rows("1", "9", "10", "11"))] == ["10", "11"]


def test_only_objects_that_may_have_rows_of_a_slice_are_read() -> None:
    pieces = [BaselinePiece("a", f"{first}{last}", first, last) for first, last in ("ac", "df", "gi", "jl")]

    assert [piece.object_key for piece in Slice(first="e", last="h").pieces(pieces)] == ["df", "gi"]
    assert [piece.object_key for piece in Slice(after="f").pieces(pieces)] == ["gi", "jl"]


class TestWhatItBuildsOn:
    def test_the_first_run_is_full(self) -> None:
        assert increment(Chain("key"), {"a": "text"}, None) == Increment(full=True, reason="first_run")

    def test_a_run_builds_on_its_parent(self) -> None:
        assert increment(Chain("key", "parent", "sha"), {"a": "text"}, BASELINE) == Increment(
            full=False, parent_export="parent", parent_manifest_sha256="sha"
        )

    def test_without_a_baseline_it_is_full(self) -> None:
        built = increment(Chain("key", "parent", "sha"), {"a": "text"}, None)

        assert built == Increment(full=True, reason="baseline_missing")

    @pytest.mark.parametrize("orders", [{}, {"a": "number"}, {"a": "text", "b": "text"}])
    def test_with_other_doctypes_or_keys_in_another_order_it_is_full(self, orders: dict[str, str]) -> None:
        assert increment(Chain("key", "parent", "sha"), orders, BASELINE).reason == "doctypes_changed"


def test_the_layout_bag_can_be_incremental_in_every_format() -> None:
    for format_ in ("tar.gz", "tar", "tar.zst", "zip"):
        check_can_chain(ExportOptions(format=format_))
