"""Rows from CSV: what our own table form wrote comes back, and what is wrong with others is said row by row."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.intake.reading import codes, cuts, good, read, read_in_halves

from waybill.archive.csv_form import CsvForm
from waybill.intake.codes import BreakCode, RowCode
from waybill.intake.csv_cells import column_types
from waybill.intake.rows import MOST_ROW, Broken, Row

COLUMNS = ("id", "text", "number", "flag", "list", "object")
SCHEMA = json.dumps(
    {
        "properties": {
            "id": {"type": "string"},
            "text": {"type": ["string", "null"]},
            "number": {"type": ["integer", "number"]},
            "flag": {"type": "boolean"},
            "list": {"type": "array"},
            "object": {"type": "object"},
            "odd": {"type": 12},
            "any": True,
        }
    }
)
TYPES = column_types(SCHEMA)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
records = st.fixed_dictionaries(
    {"id": texts},
    optional={
        "text": texts | st.none() | st.sampled_from(["12", "true", "[1]", '{"a":1}', "=1+1", "null", '"']),
        "number": st.integers(-(10**30), 10**30) | st.floats(-1e100, 1e100).filter(lambda n: not n or abs(n) > 1e-100),
        "flag": st.booleans(),
        "list": st.lists(texts | st.integers(-9, 9), max_size=3),
        "object": st.dictionaries(texts, texts | st.none(), max_size=2),
    },
)


def table(lines: list[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> bytes:
    form = CsvForm()
    packed = [json.dumps(line, ensure_ascii=False).encode() for line in lines]
    return form.opening(columns) + form.rows(packed, columns, first=True)


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What a table can tell of a record: null, an empty text and nothing are one."""
    return {key: value for key, value in record.items() if value is not None and value != ""}


@given(lines=st.lists(records, max_size=5), sizes=cuts)
def test_our_own_tables_come_back(lines: list[dict[str, Any]], sizes: list[int]) -> None:
    assert good(read("csv", table(lines), sizes, types=TYPES)) == [told(line) for line in lines]


@given(
    data=st.lists(records, max_size=4).map(table) | st.text('a,"\r\n1', max_size=40).map(str.encode),
    after=st.integers(0, 5),
    sizes=cuts,
)
@example(data=b'a,b\n"x""\n1,2\n', after=1, sizes=[1])
def test_reading_goes_on_anywhere_as_if_it_had_not_stopped(data: bytes, after: int, sizes: list[int]) -> None:
    assert read_in_halves("csv", data, after, sizes, types=TYPES) == read("csv", data, types=TYPES)


@given(data=st.binary(max_size=60) | st.text('a,"\r\n1{}[]\ufeff', max_size=50).map(str.encode), sizes=cuts)
@example(data=b'\xef\xbb\xbf"a"\r\n"""', sizes=[1])
def test_any_bytes_end_in_rows_or_in_a_reason(data: bytes, sizes: list[int]) -> None:
    found = read("csv", data, sizes)
    assert found == read("csv", data)
    assert not any(isinstance(each, Broken) for each in found[:-1])
    for number, row in enumerate((each for each in found if isinstance(each, Row)), start=1):
        assert row.number == number
        assert row.raw == data[row.offset : row.offset + row.size]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 100])
def test_lines_end_in_any_way(end: str, size: int) -> None:
    lines = ["a,b", "1,x", "", f'2,"y{end}z"', '3,""']
    data = b"\xef\xbb\xbf" + end.join(lines).encode()
    assert good(read("csv", data, [size])) == [{"a": 1, "b": "x"}, {"a": 2, "b": f"y{end}z"}, {"a": 3}]


def test_a_row_of_one_empty_cell_is_a_row() -> None:
    assert good(read("csv", table([{"id": ""}, {"id": "x"}], ("id",)))) == [{}, {"id": "x"}]


@pytest.mark.parametrize(
    ("cell", "guessed", "as_text"),
    [
        ("12", 12, "12"),
        ("012", "012", "012"),
        ("+1", "+1", "+1"),
        ("1.50", 1.5, "1.50"),
        ("true", True, "true"),
        ("True", "True", "True"),
        ("null", "null", "null"),
        ("[1, 2]", [1, 2], "[1, 2]"),
        ("[one]", "[one]", "[one]"),
        ("{}", {}, "{}"),
    ],
)
def test_without_a_schema_a_cell_is_what_it_looks_like(cell: str, guessed: object, as_text: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    data = f"a\n{quoted}\n".encode()
    assert good(read("csv", data)) == [{"a": guessed}]
    assert good(read("csv", data, types={"a": frozenset({"string"})})) == [{"a": as_text}]


def test_a_cell_that_is_of_no_type_of_the_schema_is_left_to_the_schema() -> None:
    assert good(read("csv", b"a\nmany\n", types={"a": frozenset({"integer"})})) == [{"a": "many"}]
    assert good(read("csv", b"a\n12\n", types={"a": frozenset({"boolean"})})) == [{"a": 12}]


BAD_ROWS = {
    "a quotation mark within a cell": (b'5" pipe,3', RowCode.QUOTES),
    "something behind a quotation mark": (b'"a"b,3', RowCode.QUOTES),
    "a quotation mark that closes too early": (b'"a" b"",3', RowCode.QUOTES),
    "too few cells": (b"1", RowCode.CELL_COUNT),
    "too many cells": (b"1,2,3", RowCode.CELL_COUNT),
    "a byte that is zero": (b"1,\0", RowCode.NUL),
    "not UTF-8": (b"1,\xff", RowCode.NOT_UTF_8),
    "a key twice": (b'1,"{""a"":1,""a"":1}"', RowCode.DUPLICATE_KEY),
    "a number that cannot be kept": (b"1," + b"1" * 39, RowCode.NUMBER_TOO_LARGE),
    "larger than a row may be": (b"1," + b"x" * MOST_ROW, RowCode.ROW_TOO_LARGE),
    "larger than a row may be, in quotation marks": (
        b'1,"' + (b"x" * 99 + b"\n") * (MOST_ROW // 100) + b'"',
        RowCode.ROW_TOO_LARGE,
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_and_the_next_one_is_read(name: str) -> None:
    text, code = BAD_ROWS[name]
    data = b"a,b\r\n1,2\r\n" + text + b"\r\n3,4\r\n"
    found = read("csv", data, [60_001])
    assert codes(found) == ["ok", code, "ok"]
    assert isinstance(found[1], Row)
    assert isinstance(found[2], Row)
    assert data[found[1].offset :].startswith(text[:20])
    assert found[2].value == {"a": 3, "b": 4}


BREAKS = {
    "nothing": (b"", BreakCode.EMPTY),
    "no line": (b"\r\n\r\n", BreakCode.EMPTY),
    "a column twice": (b"a,b,a\n", BreakCode.DUPLICATE_COLUMN),
    "a column without a name": (b"a,,b\n", BreakCode.BROKEN_HEADER),
    "a zero byte in the first row": (b"a\0\n", BreakCode.BROKEN_HEADER),
    "a first row that is not UTF-8": (b"\xff\n", BreakCode.BROKEN_HEADER),
    "a first row with a stray quotation mark": (b'a"b\n', BreakCode.BROKEN_HEADER),
    "an unknown column": (b"a,z\n", BreakCode.UNKNOWN_COLUMN),
    "a missing column": (b"b\n", BreakCode.MISSING_COLUMN),
    "a cell that does not end": (b'a,b\n1,"x\n', BreakCode.TRUNCATED),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_ends_the_reading(name: str) -> None:
    data, code = BREAKS[name]
    assert codes(read("csv", data, [3], known={"a", "b"}, required=("a",))) == [code]


def test_a_schema_that_cannot_be_read_says_nothing() -> None:
    assert column_types("no schema") == column_types('{"properties": 1}') == {}
    assert "odd" not in TYPES
    assert "any" not in TYPES
