"""Rows from NDJSON: one JSON object a line.

Lines end with LF or CRLF, the last one perhaps not at all. Empty lines count for nothing.
"""

from collections.abc import Iterable, Iterator

from waybill.intake.codes import BreakCode
from waybill.intake.json_row import read_object
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

_SPACE = b" \t\r"


class NdjsonRows:
    """A reader (``rows.RowReader``). ``chunks`` are the bytes from ``start.offset`` on."""

    def __init__(self, chunks: Iterable[bytes], *, start: Resume = START) -> None:
        self._feed = Feed(chunks)
        self._offset = start.offset
        self._number = start.number
        self._end = start.offset

    def resume(self) -> Resume:
        """Return where another reader goes on."""
        return Resume(self._end, self._number)

    def __iter__(self) -> Iterator[Row | Broken]:
        rest = self._opening()
        while True:
            more = self._feed.more(len(rest))
            lines = (rest + more).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if line and (row := self._row(line)):
                    yield row
                self._offset += len(line) + 1
            if not more:
                break
            if len(rest) > MOST_ROW:
                length, rest = self._pass_over(len(rest))
                if length > MOST_PASSED:
                    yield endless(self._offset)
                    return
                yield self._numbered(too_large(self._number, self._offset, length))
                self._offset += length
        yield from self._last(rest)

    def _opening(self) -> bytes:
        """Return the first bytes of the file, without a BOM; nothing if reading goes on."""
        first = self._feed.more() if self._offset == 0 else b""
        if first.startswith(BOM):
            self._offset += len(BOM)
            return first[len(BOM) :]
        return first

    def _row(self, line: bytes) -> Row | None:
        raw = line.strip(_SPACE)
        if not raw:
            return None
        offset = self._offset + line.index(raw[0])
        if len(raw) > MOST_ROW:
            return self._numbered(too_large(self._number, offset, len(raw)))
        read = read_object(raw)
        if isinstance(read, Problem):
            return self._numbered(Row(self._number, offset, len(raw), raw, None, read))
        return self._numbered(Row(self._number, offset, len(raw), raw, read))

    def _numbered(self, row: Row) -> Row:
        self._number += 1
        self._end = row.offset + row.size
        return row

    def _pass_over(self, length: int) -> tuple[int, bytes]:
        """Return how long the line is of which ``length`` bytes are read, and what was read from its end on."""
        while length <= MOST_PASSED:
            more = self._feed.more()
            end = more.find(b"\n")
            if end >= 0:
                return length + end, more[end:]
            if not more:
                break
            length += len(more)
        return length, b""

    def _last(self, line: bytes) -> Iterator[Row | Broken]:
        """Yield the last line, which has no end: a row, unless something of it is missing."""
        number, end = self._number, self._end
        row = self._row(line)
        if row is not None and row.problem and row.raw.startswith(b"{") and not row.raw.endswith(b"}"):
            self._number, self._end = number, end
            sentence = f"The file ends within row {row.number}, which begins at byte {row.offset}."
            yield Broken(BreakCode.TRUNCATED, row.offset, sentence)
        elif row is not None:
            yield row
        elif self._number == 1:
            yield empty()
