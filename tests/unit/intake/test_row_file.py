"""The lines of a row file give the rows back as they came in."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from waybill.intake.codes import RowCode
from waybill.intake.formats import rows
from waybill.intake.row_file import line_of, rows_of
from waybill.intake.rows import Broken, Row

PRETTY = b'[\n  {"id": 1.10, "big": 1234567890123456789.0123,\r\n "text": "a\\nb"},\n  {"id": 1, "id": 2},\n  7\n]'
TABLE = b'id,text\r\n1,"a\r\nb"\r\n2\r\n'


def read(format_name: str, data: bytes) -> list[Row]:
    """Return the rows of a file."""
    return [each for each in rows(format_name, [data]) if not isinstance(each, Broken)]


def there_and_back(found: list[Row], *, is_json: bool) -> list[tuple[str, Row]]:
    """Return rows as they come out of a row file."""
    lines = b"".join(line_of(row, "contacts.json", is_json=is_json) for row in found)
    return list(rows_of(lines.splitlines()))


def test_rows_of_an_array_come_back_line_by_line_with_their_numbers_exact() -> None:
    back = there_and_back(read("json", PRETTY), is_json=True)

    assert [(source, row.number) for source, row in back] == [("contacts.json", number) for number in (1, 2, 3)]
    assert back[0][1].value == {"id": 1.1, "big": Decimal("1234567890123456789.0123"), "text": "a\nb"}
    assert b"1.10" in back[0][1].raw


def test_what_is_no_good_row_keeps_its_problem_and_what_was_sent() -> None:
    found = read("json", PRETTY)
    _, (_, twice), (_, seven) = there_and_back(found, is_json=True)

    assert (twice.problem, twice.raw, twice.value) == (found[1].problem, b'{"id": 1, "id": 2}', None)
    assert seven.problem is not None
    assert (seven.problem.code, seven.raw) == (RowCode.NOT_AN_OBJECT, b"7")


def test_rows_of_a_table_keep_their_cells_as_they_were_sent() -> None:
    good, bad = there_and_back(read("csv", TABLE), is_json=False)

    assert good[1].value == {"id": 1, "text": "a\r\nb"}
    assert good[1].raw == read("csv", TABLE)[0].raw
    assert bad[1].problem is not None
    assert (bad[1].problem.code, bad[1].raw) == (RowCode.CELL_COUNT, read("csv", TABLE)[1].raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc\n"', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text("ab", max_size=2), JSON, max_size=3), max_size=5), st.integers(0, 3))
def test_any_rows_come_back(values: list[dict[str, object]], indent: int) -> None:
    found = read("json", json.dumps(values, indent=indent).encode())

    assert [row.value for _, row in there_and_back(found, is_json=True)] == values
