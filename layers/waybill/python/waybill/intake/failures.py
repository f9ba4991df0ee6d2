"""The file of rejected rows: in the format in which they were sent, each with the reason.

Whoever mends the rows sends the file again as it is: readers pass over the reason. In JSON it is the member
``_waybill_error``, in CSV the last column, of the same name. A row that is no row of that format, so that nothing can
stand beside it, is quoted in the reason and read as ``not_mended`` until it stands there as a row.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from waybill.intake.codes import RowCode
from waybill.intake.csv_rows import SENT, cells_of
from waybill.intake.json_row import ERROR
from waybill.intake.rows import Problem, Row

_REASON = b'"%b":{"row":' % ERROR.encode()
_DECODE = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_TO_BE_QUOTED = (b'"', b",", b"\r", b"\n")
_NO_OBJECT = frozenset({RowCode.NOT_JSON, RowCode.NOT_UTF_8, RowCode.NOT_AN_OBJECT, RowCode.ROW_TOO_LARGE})


class FailuresForm(Protocol):
    """How rejected rows are written. Join what the methods return, in their order."""

    def opening(self) -> bytes:
        """Return what stands before the rows."""
        ...

    def row(self, row: Row, problem: Problem, *, first: bool) -> bytes:
        """Return one rejected row; ``first`` says that none stands before it. It need not be its own problem."""
        ...

    def closing(self, *, empty: bool) -> bytes:
        """Return what stands behind the rows; ``empty`` says that there are none."""
        ...


class NdjsonFailures:
    """Rejected rows of NDJSON."""

    def opening(self) -> bytes:
        """Return nothing."""
        return b""

    def row(self, row: Row, problem: Problem, *, first: bool) -> bytes:  # noqa: ARG002
        """Return the row, a line."""
        return b"%b\n" % _object(row, problem)

    def closing(self, *, empty: bool) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""


class JsonArrayFailures:
    """Rejected rows of a JSON array."""

    def opening(self) -> bytes:
        """Return the bracket that opens the array."""
        return b"["

    def row(self, row: Row, problem: Problem, *, first: bool) -> bytes:
        """Return the row behind its comma."""
        return (b"\n" if first else b",\n") + _object(row, problem)

    def closing(self, *, empty: bool) -> bytes:
        """Return the bracket that closes the array."""
        return b"]\n" if empty else b"\n]\n"


class CsvFailures:
    """Rejected rows of a table with these columns. A table without a readable first row has none that come back."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def opening(self) -> bytes:
        """Return the row of column names."""
        return _line([column.encode() for column in self._columns if column != ERROR] + [ERROR.encode()])

    def row(self, row: Row, problem: Problem, *, first: bool) -> bytes:  # noqa: ARG002
        """Return the row."""
        place = f" at {problem.pointer}" if problem.pointer else ""
        reason = f"row {row.number}: {problem.code}{place}: {problem.sentence}".encode()
        cells = cells_of(row.raw) if row.raw else None
        if cells is None or len(cells) != len(self._columns):
            own = len([column for column in self._columns if column != ERROR])
            return _line([*([b""] * own), reason + SENT + row.raw])
        own_cells = [cell for column, cell in zip(self._columns, cells, strict=True) if column != ERROR]
        if problem.code == RowCode.NOT_MENDED:
            reason = cells[list(self._columns).index(ERROR)]
        return _line([*own_cells, reason])

    def closing(self, *, empty: bool) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""


def _object(row: Row, problem: Problem) -> bytes:
    if problem.code == RowCode.NOT_MENDED:
        return row.raw.replace(b"\n", b" ").replace(b"\r", b" ")
    reason: dict[str, Any] = {
        "row": row.number,
        "code": problem.code,
        "pointer": problem.pointer,
        "detail": problem.sentence,
    }
    if row.value is not None:
        return _ENCODE({**row.value, ERROR: reason})
    body = _without_reason(row.raw)
    if problem.code in _NO_OBJECT or ERROR.encode() in body:
        return _ENCODE({ERROR: {**reason, "sent": row.raw.decode("utf-8", "replace")}})
    comma = b"" if body == b"{" else b","
    return b'%b%b"%b":%b}' % (body.replace(b"\n", b" ").replace(b"\r", b" "), comma, ERROR.encode(), _ENCODE(reason))


def _without_reason(raw: bytes) -> bytes:
    """Return the text of an object without its last brace, and without the reason that ``_object`` put before it."""
    place = raw.rfind(_REASON)
    if place > 0:
        try:
            _DECODE(b"{" + raw[place:])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            place = 0
    body = raw[:place].rstrip() if place > 0 else raw[:-1].rstrip()
    return body.removesuffix(b",") if place > 0 else body


def _line(cells: Sequence[bytes]) -> bytes:
    return b",".join(map(_quoted, cells)) + b"\r\n"


def _quoted(cell: bytes) -> bytes:
    if any(mark in cell for mark in _TO_BE_QUOTED):
        return b'"%b"' % cell.replace(b'"', b'""')
    return cell
