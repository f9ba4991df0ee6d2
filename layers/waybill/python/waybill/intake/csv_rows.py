"""Rows from CSV (RFC 4180): a row of column names, then a row for each record. UTF-8, a comma between cells.

Rows end with LF, CRLF or CR; empty lines count for nothing. A cell in quotation marks may hold all of these. A row
whose quotation marks stand where they must not ends with the line in which that shows.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from waybill.intake.codes import BreakCode, RowCode
from waybill.intake.csv_cells import BEGINNINGS, ColumnTypes, value_of
from waybill.intake.json_row import ERROR, escaped
from waybill.intake.rows import (
    BOM,
    MOST_PASSED,
    MOST_ROW,
    START,
    Broken,
    Feed,
    Problem,
    Resume,
    Row,
    empty,
    endless,
    too_large,
)

_CELL = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)"|([^",\r\n]*+))(,|\r?\n?\Z)')
_OPEN_CELL = re.compile(rb'"[^"]*+(?:""[^"]*+)*+\Z')
SENT = b"\nAs it was sent: "
"""Stands in the cell that tells why a row was rejected, before a row that has no cells."""

_MOST_SHOWN = 5


class Lines:
    """Splits chunks into lines with their ends. What may still grow is kept back until its end is there."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines. One that is longer than MOST_ROW comes in several pieces, of which the last one has an end."""
        rest = b""
        while more := self._feed.more(len(rest)):
            lines = (rest + more).splitlines(keepends=True)
            rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
            yield from lines
            if len(rest) > MOST_ROW and not rest.endswith(b"\r"):
                yield rest
                rest = b""
        if rest:
            yield rest


class _Record:
    """A row while its lines come in. What is longer than a row may be is counted and not held."""

    def __init__(self, line: bytes) -> None:
        self.raw = bytearray(line)
        self.length = len(line)
        self._marks = line.count(b'"')
        self._ended = _is_ended(line)
        self.cells = None if self._marks % 2 else cells_of(line)
        self._broken = not _may_go_on(line) if self._marks % 2 else self.cells is None

    @property
    def open(self) -> bool:
        """Whether a quotation mark is open."""
        return self._marks % 2 == 1 and not self._broken

    @property
    def goes_on(self) -> bool:
        """Whether the next line belongs to it, because a quotation mark is open or this was half a line."""
        return not self._ended or self.open

    def add(self, line: bytes) -> None:
        """Take in another line."""
        self.length += len(line)
        self._marks += line.count(b'"')
        self._ended = _is_ended(line)
        if self.length > MOST_ROW + len(b"\r\n"):
            self.raw.clear()
            return
        self.raw += line
        if self._marks % 2 == 0 and not self._broken:
            self.cells = cells_of(bytes(self.raw))
            self._broken = self.cells is None


class CsvRows:
    """A reader (``rows.RowReader``). ``chunks`` are the bytes from ``start.offset`` on.

    ``types`` are those of the doctype's schema. If ``known`` is given, a column that is not in it ends the reading, and
    so does one of ``required`` that is not there.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        start: Resume = START,
        types: ColumnTypes | None = None,
        known: Collection[str] | None = None,
        required: Collection[str] = (),
    ) -> None:
        self._lines = iter(Lines(Feed(chunks)))
        self._offset = start.offset
        self._number = start.number
        self._end = start.offset
        self._columns = start.columns
        self._types = types or {}
        self._known = known
        self._required = required

    def resume(self) -> Resume:
        """Return where another reader goes on."""
        return Resume(self._end, self._number, self._columns)

    def __iter__(self) -> Iterator[Row | Broken]:
        for record in self._records():
            if isinstance(record, Broken):
                yield record
                return
            offset, raw, length, cells = record
            self._end = offset + length
            if not self._columns:
                columns = _header(offset, raw, cells)
                columns = columns if isinstance(columns, Broken) else self._misfit(offset, columns) or columns
                if isinstance(columns, Broken):
                    self._end = 0
                    yield columns
                    return
                self._columns = columns
                continue
            number, self._number = self._number, self._number + 1
            if not raw:
                yield too_large(number, offset, length)
                continue
            value = self._value(raw, cells)
            if isinstance(value, Problem):
                yield Row(number, offset, length, raw, None, value)
            else:
                yield Row(number, offset, length, raw, value)
        if not self._columns:
            yield empty()

    def _records(self) -> Iterator[tuple[int, bytes, int, list[bytes] | None] | Broken]:
        """Yield where each row begins, its bytes without the line's end, their number, and its cells.

        There are no cells if quotation marks stand where they must not, and no bytes if there are too many.
        """
        for line in self._lines:
            offset = self._offset
            if not offset and line.startswith(BOM):
                line, offset = line[len(BOM) :], len(BOM)  # noqa: PLW2901
            if b'"' not in line and len(line) <= MOST_ROW and _is_ended(line):
                self._offset = offset + len(line)
                raw = line.rstrip(b"\r\n")
                if raw:
                    yield offset, raw, len(raw), raw.split(b",")
                continue
            found = self._long(offset, _Record(line))
            if found is not None:
                yield found
            if isinstance(found, Broken):
                return

    def _long(self, offset: int, record: _Record) -> tuple[int, bytes, int, list[bytes] | None] | Broken | None:
        """Return a row that may take several lines, None if there is nothing in it, or why it does not end."""
        while record.goes_on:
            more = next(self._lines, None)
            if more is None:
                break
            record.add(more)
            if record.length > MOST_PASSED:
                return endless(offset)
        self._offset = offset + record.length
        if record.open:
            sentence = f"The file ends within a cell of the row that begins at byte {offset}."
            return Broken(BreakCode.TRUNCATED, offset, sentence)
        raw = without_end(bytes(record.raw))
        if len(raw) > MOST_ROW or not record.raw:
            return offset, b"", len(raw) or record.length, None
        return (offset, raw, len(raw), record.cells) if raw else None

    def _misfit(self, offset: int, columns: tuple[str, ...]) -> Broken | None:
        """Return why columns are not those that are wanted."""
        names = [column for column in columns if column != ERROR]
        unknown = [] if self._known is None else [column for column in names if column not in self._known]
        if unknown:
            return Broken(BreakCode.UNKNOWN_COLUMN, offset, f"There is no field {_shown(unknown)} here.")
        absent = [column for column in self._required if column not in names]
        if absent:
            return Broken(BreakCode.MISSING_COLUMN, offset, f"The file has no column {_shown(absent)}.")
        return None

    def _value(self, raw: bytes, cells: list[bytes] | None) -> dict[str, Any] | Problem:
        fault = self._fault(raw, cells)
        if fault is not None:
            return fault
        value: dict[str, Any] = {}
        for column, cell in zip(self._columns, cells or (), strict=True):
            if not cell or column == ERROR:
                continue
            try:
                text = cell.decode()
                each = value_of(text, column, self._types) if text[0] in BEGINNINGS else text
            except UnicodeDecodeError:
                each = Problem(RowCode.NOT_UTF_8, f"/{escaped(column)}", "The cell is not UTF-8.")
            if isinstance(each, Problem):
                return each
            value[column] = each
        return value

    def _fault(self, raw: bytes, cells: list[bytes] | None) -> Problem | None:
        """Return what is wrong with a row as such."""
        if cells is None:
            sentence = 'A quotation mark stands where none may: a cell that holds one is written "like ""this""".'
            return Problem(RowCode.QUOTES, "", sentence)
        if len(cells) != len(self._columns):
            sentence = f"The row has {len(cells)} cells and the first row of the file {len(self._columns)}."
            return Problem(RowCode.CELL_COUNT, "", sentence)
        if b"\0" in raw:
            return Problem(RowCode.NUL, "", "The row holds a byte that is zero, which no text file has.")
        if is_not_mended(self._columns, cells):
            return Problem(RowCode.NOT_MENDED, "", "The row is still as it was rejected: fill its cells, or remove it.")
        return None


def _header(offset: int, raw: bytes, cells: list[bytes] | None) -> tuple[str, ...] | Broken:
    """Return the column names, or what is wrong with them."""
    if not raw or cells is None or b"\0" in raw:
        return Broken(BreakCode.BROKEN_HEADER, offset, "The first row must name the columns (RFC 4180).")
    try:
        columns = tuple(cell.decode() for cell in cells)
    except UnicodeDecodeError:
        return Broken(BreakCode.BROKEN_HEADER, offset, "The first row, which names the columns, is not UTF-8.")
    if not all(columns):
        return Broken(BreakCode.BROKEN_HEADER, offset, "The first row has a column without a name.")
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled:
        return Broken(BreakCode.DUPLICATE_COLUMN, offset, f"The file has more than one column {_shown(doubled)}.")
    return columns


def cells_of(raw: bytes) -> list[bytes] | None:
    """Return the cells of a whole row with or without its end, None if its quotation marks are not in order."""
    if b'"' not in raw:
        return without_end(raw).split(b",")
    cells: list[bytes] = []
    position = 0
    while True:
        found = _CELL.match(raw, position)
        if found is None:
            return None
        quoted = found[1]
        cells.append(found[2] if quoted is None else quoted.replace(b'""', b'"'))
        position = found.end()
        if found[3] != b",":
            return cells


def is_not_mended(columns: Sequence[str], cells: Sequence[bytes]) -> bool:
    """Whether a row is one that ``failures`` could not write cell by cell, and nobody has done it since."""
    told = b"".join(cell for column, cell in zip(columns, cells, strict=True) if column == ERROR)
    return SENT in told and sum(map(len, cells)) == len(told)


def _may_go_on(line: bytes) -> bool:
    """Whether a line with an open quotation mark is the beginning of a row: its last cell is the one that is open."""
    position = 0
    while found := _CELL.match(line, position):
        if found[3] != b",":
            return False
        position = found.end()
    return _OPEN_CELL.match(line, position) is not None


def _is_ended(line: bytes) -> bool:
    return line.endswith((b"\n", b"\r"))


def without_end(raw: bytes) -> bytes:
    """Return a row without the end of its line."""
    for end in (b"\r\n", b"\n", b"\r"):
        if raw.endswith(end):
            return raw[: -len(end)]
    return raw


def _shown(columns: list[str]) -> str:
    """Return some names for a sentence, made fit to be printed."""
    names = [f"“{''.join(char if char.isprintable() else '?' for char in name[:80])}”" for name in columns]
    return ", ".join(names[:_MOST_SHOWN]) + (" …" if len(names) > _MOST_SHOWN else "")
