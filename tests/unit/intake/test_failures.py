"""Rejected rows come back in the format in which they were sent, and can be sent again as they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.intake.reading import codes, good, objects, read
from tests.unit.intake.test_csv_rows import COLUMNS, TYPES, records, table, told
from tests.unit.intake.test_json_rows import fits, written

from waybill.intake.codes import RowCode
from waybill.intake.formats import failures, format_of, rows
from waybill.intake.json_row import ERROR
from waybill.intake.rows import Broken, Problem, Row

UNKNOWN_ROOM = Problem("unknown_room", "/room", 'There is no room "7", and none before it.')


def rejected(form: str, data: bytes, **options: Any) -> bytes:
    """Reject all rows: the bad ones with their own reasons, the good ones with another."""
    reader = rows(form, [data], **options)
    found = [row for row in reader if isinstance(row, Row)]
    written = failures(form, reader.resume().columns)
    parts = [written.row(row, row.problem or UNKNOWN_ROOM, first=index == 0) for index, row in enumerate(found)]
    return b"".join([written.opening(), *parts, written.closing(empty=not found)])


@given(form=st.sampled_from(["json", "ndjson"]), texts=st.lists(objects.filter(fits), min_size=1, max_size=4))
def test_objects_can_be_sent_again(form: str, texts: list[dict[str, Any]]) -> None:
    file = rejected(form, written(form, [json.dumps(text).encode() for text in texts]))
    assert good(read(form, file)) == texts
    assert rejected(form, file).count(ERROR.encode()) == len(texts)


@given(lines=st.lists(records, min_size=1, max_size=4))
def test_tables_can_be_sent_again(lines: list[dict[str, Any]]) -> None:
    file = rejected("csv", table(lines), types=TYPES)
    assert good(read("csv", file, types=TYPES)) == [told(line) for line in lines]
    assert file.startswith((",".join([*COLUMNS, ERROR]) + "\r\n").encode())
    assert rejected("csv", file, types=TYPES) == file


def test_the_reason_stands_with_the_row() -> None:
    (line,) = rejected("ndjson", b'{"room": 7}\n').splitlines()
    reason = {"row": 1, "code": "unknown_room", "pointer": "/room", "detail": UNKNOWN_ROOM.sentence}
    assert json.loads(line) == {"room": 7, ERROR: reason}
    told = 'row 1: unknown_room at /room: There is no room ""7"", and none before it.'
    assert rejected("csv", b"room\n7\n").decode().splitlines() == [f"room,{ERROR}", f'7,"{told}"']


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_what_is_no_object_is_quoted_and_waits_to_be_mended(form: str) -> None:
    file = rejected(form, written(form, [b'{"a": nul}', b"12", b'{"a": "\xff"}', b'{"a": 1, "a": 2}']))
    found = read(form, file)
    assert codes(found) == [RowCode.NOT_MENDED] * 3 + [RowCode.DUPLICATE_KEY]
    first = json.loads(file)[0] if form == "json" else json.loads(file.splitlines()[0])
    assert first[ERROR]["sent"] == '{"a": nul}'
    assert rejected(form, file).count(ERROR.encode()) == 4
    mended = file.replace(b'"a": 1, ', b"")
    assert codes(read(form, mended)) == [RowCode.NOT_MENDED] * 3 + ["ok"]


def test_what_is_no_row_of_a_table_is_quoted_and_waits_to_be_mended() -> None:
    data = b'a,b\n1\n"x"y,2\n1,\xff\n'
    file = rejected("csv", data)
    assert codes(read("csv", file)) == [RowCode.NOT_MENDED, RowCode.NOT_MENDED, RowCode.NOT_UTF_8]
    assert rejected("csv", file) == file


def test_nothing_rejected_is_a_file_of_no_rows() -> None:
    assert rejected("json", b"[]") == b"[]\n"
    assert not any(isinstance(each, Broken) for each in read("csv", rejected("csv", b"a\n")))


def test_a_member_of_that_name_that_waybill_did_not_write_stays() -> None:
    assert good(read("ndjson", b'{"_waybill_error": "mine"}')) == [{ERROR: "mine"}]


def test_formats_are_told_by_their_first_bytes() -> None:
    assert [format_of(head) for head in (b'\xef\xbb\xbf [{"', b'{"a', b"a,b\n", b"", b"PK\3\4\0")] == [
        "json",
        "ndjson",
        "csv",
        None,
        None,
    ]
    with pytest.raises(ValueError, match="none of"):
        rows("xml", [])
    with pytest.raises(ValueError, match="none of"):
        failures("xml")
