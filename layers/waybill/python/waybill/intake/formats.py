"""The formats of rows by name: how each is read, and how its rejected rows are written."""

from collections.abc import Collection, Iterable

from waybill.intake.csv_cells import ColumnTypes
from waybill.intake.csv_rows import CsvRows
from waybill.intake.failures import CsvFailures, FailuresForm, JsonArrayFailures, NdjsonFailures
from waybill.intake.json_array import JsonArrayRows
from waybill.intake.ndjson import NdjsonRows
from waybill.intake.rows import START, Resume, RowReader

FORMATS = ("json", "ndjson", "csv")


def rows(
    format_name: str,
    chunks: Iterable[bytes],
    *,
    start: Resume = START,
    types: ColumnTypes | None = None,
    known: Collection[str] | None = None,
    required: Collection[str] = (),
) -> RowReader:
    """Return a reader of one of FORMATS. ``types``, ``known`` and ``required`` are for columns of CSV.

    Raises ValueError for another format.
    """
    if format_name == "json":
        return JsonArrayRows(chunks, start=start)
    if format_name == "ndjson":
        return NdjsonRows(chunks, start=start)
    if format_name == "csv":
        return CsvRows(chunks, start=start, types=types, known=known, required=required)
    raise ValueError(f"{format_name!r} is none of {', '.join(FORMATS)}.")


def failures(format_name: str, columns: Collection[str] = ()) -> FailuresForm:
    """Return how rejected rows of one of FORMATS are written; ``columns`` are those of ``RowReader.resume``.

    Raises ValueError for another format.
    """
    forms: dict[str, FailuresForm] = {
        "json": JsonArrayFailures(),
        "ndjson": NdjsonFailures(),
        "csv": CsvFailures(tuple(columns)),
    }
    if format_name not in forms:
        raise ValueError(f"{format_name!r} is none of {', '.join(FORMATS)}.")
    return forms[format_name]


def format_of(head: bytes) -> str | None:
    """Return which of FORMATS the first bytes of a file look like; None if they are none or not enough to tell.

    An object could be the first line of NDJSON, or the whole of a file that is not in any of the formats; which of them
    it is turns out when it is read.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not text or b"\0" in text:
        return None
    return {b"[": "json", b"{": "ndjson"}.get(text[:1], "csv")
