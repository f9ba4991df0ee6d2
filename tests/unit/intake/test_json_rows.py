"""Rows from JSON arrays and NDJSON: what is taken, what is refused and why, however the bytes come."""

import json
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.intake.reading import codes, cuts, good, objects, read, read_in_halves, values

from waybill.archive.json_form import JsonForm
from waybill.intake import csv_rows, json_array, ndjson
from waybill.intake.codes import BreakCode, RowCode
from waybill.intake.formats import rows
from waybill.intake.json_row import read_object, read_slowly
from waybill.intake.rows import MOST_DEPTH, MOST_ROW, Broken, Problem, Row

FORMS = ("json", "ndjson")
each_form = pytest.mark.parametrize("form", FORMS)
forms = st.sampled_from(FORMS)


def written(form: str, texts: list[bytes]) -> bytes:
    return b"[" + b",\n".join(texts) + b"]" if form == "json" else b"".join(text + b"\n" for text in texts)


def fits(value: Any) -> bool:
    """Whether all numbers in a value have at most 38 digits."""
    if isinstance(value, dict):
        return all(map(fits, value.values()))
    if isinstance(value, list):
        return all(map(fits, value))
    return isinstance(value, bool) or not isinstance(value, int | float) or _fits(value)


def _fits(number: float) -> bool:
    exact = Decimal(repr(number))
    digits = exact.normalize().as_tuple().digits if not isinstance(number, int) else str(abs(number)).strip("0")
    return not exact or (len(digits) <= 38 and -130 <= exact.adjusted() <= 125)


# ---------------------------------------------------------------- What is taken


@given(form=forms, records=st.lists(objects, max_size=6), spaced=st.booleans(), escaped=st.booleans(), sizes=cuts)
def test_what_was_written_is_read_however_it_is_cut(
    form: str, records: list[dict[str, Any]], spaced: bool, escaped: bool, sizes: list[int]
) -> None:
    records = [record for record in records if fits(record)]
    separators = None if spaced else (",", ":")
    texts = [json.dumps(each, separators=separators, ensure_ascii=escaped).encode() for each in records]
    data = written(form, texts)
    found = read(form, data, sizes)
    if form == "ndjson" and not records:
        assert codes(found) == [BreakCode.EMPTY]
        return
    assert good(found) == records
    for number, (row, text) in enumerate(zip(found, texts, strict=True), start=1):
        assert isinstance(row, Row)
        assert row.number == number
        assert row.raw == text == data[row.offset : row.offset + row.size]


@given(records=st.lists(objects.filter(fits), max_size=4), indent=st.integers(0, 3), sizes=cuts)
def test_an_array_may_be_indented(records: list[dict[str, Any]], indent: int, sizes: list[int]) -> None:
    assert good(read("json", json.dumps(records, indent=indent).encode(), sizes)) == records


@given(
    form=forms,
    texts=st.lists(
        objects.map(lambda each: json.dumps(each).encode())
        | values.map(lambda each: json.dumps(each).encode())
        | st.sampled_from(
            [b'{"a":1,"a":2}', b'{"a":nul}', b'{"\xff":1}', b'{"a":1e999}', b'{"a":"}, {"}', b"{}", b'{"']
        ),
        max_size=6,
    ),
    after=st.integers(0, 6),
    sizes=cuts,
)
def test_reading_goes_on_anywhere_as_if_it_had_not_stopped(
    form: str, texts: list[bytes], after: int, sizes: list[int]
) -> None:
    data = written(form, texts)
    assert read_in_halves(form, data, after, sizes) == read(form, data)


@given(
    data=st.binary(max_size=80)
    | st.text('[]{}",:\\ \n1ea\ud800', max_size=60).map(lambda t: t.encode("utf-8", "ignore")),
    form=forms,
    sizes=cuts,
)
@example(data=b'[{"a":"\\', form="json", sizes=[1])
@example(data=b"[{}, {}, ", form="json", sizes=[3])
def test_any_bytes_end_in_rows_or_in_a_reason(data: bytes, form: str, sizes: list[int]) -> None:
    found = read(form, data, sizes)
    assert found == read(form, data)
    assert not any(isinstance(each, Broken) for each in found[:-1])
    for number, row in enumerate((each for each in found if isinstance(each, Row)), start=1):
        assert row.number == number
        assert row.raw == data[row.offset : row.offset + row.size]
        assert (row.value is None) != (row.problem is None)


@given(
    raw=objects.map(lambda each: json.dumps(each).encode())
    | st.text('{}[]",:\\u0dfD8e.-+ 1', max_size=30).map(lambda text: b'{"a":' + text.encode() + b"}")
    | st.binary(max_size=20).map(lambda data: b'{"a":"' + data + b'"}')
)
@example(raw=b'{"a":1,"a":1}')
@example(raw=b'{"a":{"b":"\\"","b":"\\u0022"}}')
@example(raw=b'{"a":1.0,"b":"x", "b" : "y"}')
@example(raw=b'{"a":' + b"9" * 39 + b"}")
@example(raw=b'{"\\ud83d\\ude00":"\\ud83d"}')
def test_the_fast_way_and_the_thorough_one_agree(raw: bytes) -> None:
    fast, slow = read_object(raw), read_slowly(raw)
    assert fast == slow
    assert repr(fast) == repr(slow)


@given(records=st.lists(objects.filter(fits), max_size=5), sizes=cuts)
def test_our_own_files_of_records_come_back(records: list[dict[str, Any]], sizes: list[int]) -> None:
    form = JsonForm()
    lines = [json.dumps(each).encode() for each in records]
    data = form.opening(()) + (form.rows(lines, (), first=True) if lines else b"") + form.closing(empty=not lines)
    assert good(read("json", data, sizes)) == records


def test_a_row_says_where_it_stands() -> None:
    found = read("json", b'\xef\xbb\xbf [ {"a": 1},\n {"b": [{"c": 2}, {"d": "}, {"}]} ]\n')
    assert [(row.number, row.offset, row.raw) for row in found if isinstance(row, Row)] == [
        (1, 6, b'{"a": 1}'),
        (2, 17, b'{"b": [{"c": 2}, {"d": "}, {"}]}'),
    ]


def test_an_empty_array_has_no_rows() -> None:
    assert read("json", b" [ ] \n") == []


def test_lines_may_end_in_any_way_and_be_empty() -> None:
    assert good(read("ndjson", b'\xef\xbb\xbf{"a":1}\r\n\n  \n {"b":2}')) == [{"a": 1}, {"b": 2}]


# ---------------------------------------------------------------- Numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775808", 2**63),
        ("-" + "9" * 38, -int("9" * 38)),
        ("1" + "0" * 60, 10**60),
        ("0.1", 0.1),
        ("1e5", 100000.0),
        ("0.12345678901234567890123456789", Decimal("0.12345678901234567890123456789")),
        ("123456789012345678.5", Decimal("123456789012345678.5")),
        ("-0.0", -0.0),
    ],
)
def test_a_number_stays_what_it_is(text: str, value: object) -> None:
    (row,) = good(read("json", b'[{"n": %b}]' % text.encode()))
    assert row == {"n": value}
    assert type(row["n"]) is type(value)


@pytest.mark.parametrize("text", ["1" * 39, "-" + "1" * 5000, "1e999", "1e126", "1e-131", "0." + "1" * 39])
@each_form
def test_a_number_that_cannot_be_kept_is_a_bad_row(form: str, text: str) -> None:
    found = read(form, written(form, [b'{"a": [{"n/m": %b}]}' % text.encode(), b'{"b": 1}']))
    assert codes(found) == [RowCode.NUMBER_TOO_LARGE, "ok"]
    assert isinstance(found[0], Row)
    assert found[0].problem is not None
    assert found[0].problem.pointer == "/a/0/n~1m"


# ---------------------------------------------------------------- Bad rows


BAD_ROWS = {
    "a key twice": (b'{"a": 1, "b": {"c": 1, "c": 1}}', RowCode.DUPLICATE_KEY, "/b/c"),
    "a key twice, once escaped": (b'{"a":1,"\\u0061":2}', RowCode.DUPLICATE_KEY, "/a"),
    "not UTF-8": (b'{"a": "\xff"}', RowCode.NOT_UTF_8, ""),
    "a surrogate as UTF-8": (b'{"a": "\xed\xa0\x80"}', RowCode.NOT_UTF_8, ""),
    "half a surrogate pair": (b'{"a": ["\\ud800"]}', RowCode.LONE_SURROGATE, "/a/0"),
    "half a surrogate pair in a key": (b'{"\\udc00": 1}', RowCode.LONE_SURROGATE, ""),
    "NaN": (b'{"a": NaN}', RowCode.NOT_JSON, ""),
    "Infinity": (b'{"a": -Infinity}', RowCode.NOT_JSON, ""),
    "a control character": (b'{"a": "\x01"}', RowCode.NOT_JSON, ""),
    "a word that is none": (b'{"a": nul}', RowCode.NOT_JSON, ""),
    "a text": (b'"a, b"', RowCode.NOT_AN_OBJECT, ""),
    "a number": (b"12", RowCode.NOT_AN_OBJECT, ""),
    "null": (b"null", RowCode.NOT_AN_OBJECT, ""),
    "an array": (b'[{"a": 1}]', RowCode.NOT_AN_OBJECT, ""),
    "too deep": (b'{"a":' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"}", RowCode.TOO_DEEP, ""),
    "larger than a row may be": (b'{"a":"' + b"x" * MOST_ROW + b'"}', RowCode.ROW_TOO_LARGE, ""),
}


@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.parametrize("size", [7_001, 1 << 20])
@each_form
def test_a_bad_row_is_named_and_the_next_one_is_read(form: str, name: str, size: int) -> None:
    text, code, pointer = BAD_ROWS[name]
    data = written(form, [b'{"first": 1}', text, b'{"last": 1}'])
    found = read(form, data, [size])
    assert codes(found) == ["ok", code, "ok"]
    bad, last = found[1], found[2]
    assert isinstance(bad, Row)
    assert isinstance(last, Row)
    assert bad.problem is not None
    assert bad.problem.pointer == pointer
    assert data[bad.offset : bad.offset + bad.size] == text
    assert bad.raw == (b"" if code == RowCode.ROW_TOO_LARGE else text)
    assert (last.number, last.value) == (3, {"last": 1})


def test_brackets_in_texts_are_no_depth() -> None:
    assert codes(read("json", b'[{"a":"' + b"[{" * 100 + b'\\""}]')) == ["ok"]
    deepest = b'{"a":' + b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1) + b"}"
    assert codes(read("json", b"[" + deepest + b"]")) == ["ok"]


def test_no_sentence_holds_what_is_in_the_row() -> None:
    for text, _, _ in BAD_ROWS.values():
        problem = read_object(text.replace(b'"a', b'"secret')[:1000])
        if isinstance(problem, Problem):
            assert "secret" not in problem.sentence


# ---------------------------------------------------------------- What ends the reading


BREAKS = {
    "nothing": ("json", b"", [], BreakCode.EMPTY),
    "nothing but white space": ("json", b" \n", [], BreakCode.EMPTY),
    "no line": ("ndjson", b"\n \n", [], BreakCode.EMPTY),
    "an object": ("json", b'{"a": 1}', [], BreakCode.WRONG_TOP_LEVEL),
    "a text": ("json", b'"a"', [], BreakCode.WRONG_TOP_LEVEL),
    "no JSON": ("json", b"\x89PNG", [], BreakCode.WRONG_TOP_LEVEL),
    "an array that does not end": ("json", b'[{"a": 1}', ["ok"], BreakCode.TRUNCATED),
    "a row that does not end": ("json", b'[{"a": 1}, {"b": "x', ["ok"], BreakCode.TRUNCATED),
    "nothing behind a comma": ("json", b'[{"a": 1},', ["ok"], BreakCode.TRUNCATED),
    "a last line that does not end": ("ndjson", b'{"a": 1}\n{"b": [1', ["ok"], BreakCode.TRUNCATED),
    "brackets that do not match": ("json", b'[{"a": 1}, {"b": [1}, {"c": 1}]', ["ok"], BreakCode.BROKEN_JSON),
    "no comma": ("json", b'[{"a": 1} {"b": 1}]', ["ok"], BreakCode.BROKEN_JSON),
    "two commas": ("json", b'[{"a": 1},, {"b": 1}]', ["ok"], BreakCode.BROKEN_JSON),
    "a comma at the end": ("json", b'[{"a": 1},]', ["ok"], BreakCode.BROKEN_JSON),
    "something behind the array": ("json", b'[{"a": 1}] x', ["ok"], BreakCode.TRAILING_DATA),
    "a second array": ("json", b'[{"a": 1}][]', ["ok"], BreakCode.TRAILING_DATA),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_ends_the_reading_comes_after_all_rows_before_it(name: str, size: int) -> None:
    form, data, before, code = BREAKS[name]
    found = read(form, data, [size])
    assert codes(found) == [*before, code]
    assert isinstance(found[-1], Broken)
    assert 0 <= found[-1].offset <= len(data)


def counted(piece: bytes, times: int, drawn: list[int], head: bytes = b"") -> Iterator[bytes]:
    yield head
    for _ in range(times):
        drawn[0] += len(piece)
        yield piece


def test_a_gigabyte_of_brackets_is_refused_at_once() -> None:
    drawn = [0]
    found = list(rows("json", counted(b"[" * 65536, 16384, drawn)))
    assert codes(found) == [BreakCode.ENDLESS_DEPTH]
    assert drawn[0] <= 2 * 65536


@pytest.mark.parametrize(
    ("form", "head", "piece"),
    [
        ("ndjson", b"", b"[" * 4096),
        ("ndjson", b'{"a":"', b"x" * 4096),
        ("json", b'[{"a":"', b"x" * 4096),
        ("json", b"[", b"1" * 4096),
        ("json", b'[{"a":[', b"{},".ljust(8) * 512),
        ("csv", b'a\n"', b"x,\n\n" * 1024),
        ("csv", b"a\n", b"x,y," * 1024),
    ],
)
def test_a_row_without_end_is_given_up_in_little_memory(
    form: str, head: bytes, piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ndjson, json_array, csv_rows):
        monkeypatch.setattr(module, "MOST_ROW", 100_000)
        monkeypatch.setattr(module, "MOST_PASSED", 1_000_000)
    drawn = [0]
    tracemalloc.start()
    try:
        found = list(rows(form, counted(piece, 1000, drawn, head)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert codes(found) == [BreakCode.ENDLESS_ROW]
    assert drawn[0] < 1_400_000
    assert most < 2_000_000


@each_form
def test_many_rows_take_the_memory_of_a_few(form: str) -> None:
    row = b'{"a":"' + b"x" * 300 + b'"}'
    piece = (row + (b",\n" if form == "json" else b"\n")) * 1000
    tracemalloc.start()
    try:
        total = sum(1 for _ in rows(form, counted(piece, 10, [0], b"[" if form == "json" else b"")))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total >= 10_000
    assert most < 2_000_000


@each_form
def test_the_smallest_chunks_cost_no_more_than_large_ones(form: str) -> None:
    """A long row that comes byte by byte is copied a few times, not once for each of them."""
    text = b'{"a":"' + b"x" * 300_000 + b'"}'
    data = written(form, [text])
    (row,) = good(read(form, data, [1]))
    assert len(row["a"]) == 300_000
