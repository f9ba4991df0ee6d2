"""The source side by side with a baseline."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services.exports import record

from waybill.domain.chain import KeyOrder, Row, digest_of
from waybill.ports import SourceItem
from waybill.services.changes import Change, changes, everything

TEXT = KeyOrder()
NUMBERS = KeyOrder(numeric=True)


def held(item: SourceItem) -> Row:
    """The row that a run which exported this item has left."""
    assert item.line is not None
    return Row(item.key, digest_of(item.line))


def summary(found: list[Change]) -> list[str]:
    return [f"{'-' if change.deleted else '+' if change.has_record else '='}{change.key}" for change in found]


@given(
    st.dictionaries(st.integers(0, 200), st.sampled_from("xy")),
    st.dictionaries(st.integers(0, 200), st.sampled_from("xy")),
    st.booleans(),
)
def test_every_key_comes_once_in_the_order_of_the_source(
    before: dict[int, str],
    after: dict[int, str],
    numeric: bool,
) -> None:
    order = NUMBERS if numeric else TEXT
    rows = sorted((held(record(str(key), text)) for key, text in before.items()), key=lambda row: order.place(row.key))
    items = sorted((record(str(key), text) for key, text in after.items()), key=lambda item: order.place(item.key))

    found = list(changes(items, rows, order))

    assert [change.key for change in found] == sorted({str(key) for key in before | after}, key=order.place)
    assert {change.key for change in found if change.deleted} == {str(key) for key in before.keys() - after.keys()}
    assert {change.key for change in found if change.item and not change.has_record} == {
        str(key) for key, text in after.items() if before.get(key) == text
    }
    assert [change.row for change in found if change.row] == [held(item) for item in items]


def test_numbers_are_not_compared_as_texts() -> None:
    rows = [held(record("9")), held(record("10"))]

    assert summary(list(changes([record("10"), record("11")], rows, NUMBERS))) == ["-9", "=10", "+11"]


def test_without_a_chain_all_goes_in_and_nothing_is_left_for_later() -> None:
    assert list(everything([record("a")])) == [Change("a", record("a"))]
