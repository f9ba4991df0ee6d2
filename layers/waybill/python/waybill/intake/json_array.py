"""Rows from a JSON array of objects.

The end of a row is guessed and then proved: no beginning of an object's text is an object's text itself, so if what
stands before a brace, a comma and another brace can be decoded, it is the row. A wrong guess, as in an array of objects
within a row, is noticed by counting braces. Whatever cannot be proved this way is followed bracket by bracket.
"""

import re
from collections.abc import Iterable, Iterator

from waybill.intake.codes import BreakCode, RowCode
from waybill.intake.extent import Extent, Mismatch, TooDeep
from waybill.intake.json_row import read_object
from waybill.intake.rows import (
    BOM,
    MOST_PASSED,
    MOST_ROW,
    MOST_TRACKED_DEPTH,
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

_BETWEEN = re.compile(rb"\}[ \t\r\n]*+,[ \t\r\n]*+\{")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_UNPROVED = frozenset({RowCode.NOT_JSON, RowCode.NOT_UTF_8, RowCode.TOO_DEEP})


class JsonArrayRows:
    """A reader (``rows.RowReader``). ``chunks`` are the bytes from ``start.offset`` on."""

    def __init__(self, chunks: Iterable[bytes], *, start: Resume = START) -> None:
        self._feed = Feed(chunks)
        self._buffer = b""
        self._position = 0
        self._base = start.offset
        self._number = start.number
        self._end = start.offset

    def resume(self) -> Resume:
        """Return where another reader goes on."""
        return Resume(self._end, self._number)

    def __iter__(self) -> Iterator[Row | Broken]:
        if self._base == 0:
            byte = self._opening()
            if byte == b"]":
                yield from self._closed()
                return
        else:
            byte = self._separator()
        while isinstance(byte, bytes):
            if byte == b"]":
                yield from self._closed()
                return
            yield from self._likely()
            row = self._certain()
            yield row
            if isinstance(row, Broken):
                return
            byte = self._separator()
        yield byte

    def _opening(self) -> bytes | Broken:
        """Go to the first row. Return its first byte, or the bracket that closes the array."""
        self._more()
        if self._buffer.startswith(BOM):
            self._position = len(BOM)
        byte = self._next()
        if not byte:
            return empty()
        if byte != b"[":
            what = "objects one after the other or a single one" if byte == b"{" else "something else"
            sentence = f"The file holds {what}. It must be one JSON array of objects."
            return Broken(BreakCode.WRONG_TOP_LEVEL, self._here, sentence)
        self._position += 1
        return self._next() or self._truncated(self._here)

    def _separator(self) -> bytes | Broken:
        """Go behind a row to the next one. Return its first byte, or the bracket that closes the array."""
        byte = self._next()
        if byte == b",":
            self._position += 1
            byte = self._next()
            if byte == b"]":
                return self._misplaced()
        elif byte and byte != b"]":
            return self._misplaced()
        return byte or self._truncated(self._here)

    def _likely(self) -> Iterator[Row]:
        """Yield rows as long as their ends can be guessed, and stop in front of the first one where that fails."""
        while self._buffer.startswith(b"{", self._position):
            start = scanned = self._position
            opened = 0
            while found := _BETWEEN.search(self._buffer, scanned):
                end = found.start() + 1
                if scanned == start and self._buffer.find(b"{", start + 1, end) < 0:
                    break
                opened += self._buffer.count(b"{", scanned, end) - self._buffer.count(b"}", scanned, end)
                scanned = end
                if opened <= 0:
                    break
            if found is None:
                if len(self._buffer) - start > MOST_ROW or not self._more():
                    return
                continue
            if end - start > MOST_ROW:
                return
            raw = self._buffer[start:end]
            read = read_object(raw)
            if isinstance(read, Problem):
                if read.code in _UNPROVED:
                    return
                row = Row(self._number, self._base + start, end - start, raw, None, read)
            else:
                row = Row(self._number, self._base + start, end - start, raw, read)
            self._number += 1
            self._end = self._base + end
            yield row
            self._position = found.end() - 1

    def _certain(self) -> Row | Broken:
        """Return the row that begins here, and go to its end, or say why that cannot be found."""
        offset, extent, searched = self._here, Extent(), self._position
        length = 0  # of what was passed over
        try:
            while (end := extent.end(self._buffer, searched)) is None:
                size = len(self._buffer) - self._position
                if length or size > MOST_ROW:
                    length += size
                    self._base, self._position = self._base + len(self._buffer), 0
                    self._buffer = b""
                if length > MOST_PASSED:
                    return endless(offset)
                searched = len(self._buffer) - self._position
                if not self._more():
                    return self._truncated(offset, self._number)
        except TooDeep:
            sentence = f"Row {self._number}, at byte {offset}, is nested deeper than {MOST_TRACKED_DEPTH} levels."
            return Broken(BreakCode.ENDLESS_DEPTH, offset, sentence)
        except Mismatch as error:
            place = self._base + error.position
            sentence = (
                f"Row {self._number} is not JSON at byte {place}, so it cannot be told where the next one begins."
            )
            return Broken(BreakCode.BROKEN_JSON, place, sentence)
        size, raw = length + end - self._position, self._buffer[self._position : end]
        self._position = end
        if size > MOST_ROW:
            return self._took(too_large(self._number, offset, size))
        read = read_object(raw)
        value, problem = (None, read) if isinstance(read, Problem) else (read, None)
        return self._took(Row(self._number, offset, size, raw, value, problem))

    def _took(self, row: Row) -> Row:
        self._number += 1
        self._end = row.offset + row.size
        return row

    def _closed(self) -> Iterator[Broken]:
        """Yield nothing if nothing stands behind the array."""
        self._position += 1
        if self._next():
            yield Broken(BreakCode.TRAILING_DATA, self._here, "Something stands behind the array's end.")

    @property
    def _here(self) -> int:
        return self._base + self._position

    def _next(self) -> bytes:
        """Go to the next byte that is no white space, and return it; nothing at the end."""
        while True:
            found = _SPACE.match(self._buffer, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._buffer):
                return self._buffer[self._position : self._position + 1]
            if not self._more():
                return b""

    def _more(self) -> bool:
        """Read on; what lies before the position goes. Return whether there was anything."""
        left = len(self._buffer) - self._position
        more = self._feed.more(left)
        if more:
            self._buffer = self._buffer[self._position :] + more
            self._base += self._position
            self._position = 0
        return bool(more)

    def _truncated(self, offset: int, number: int = 0) -> Broken:
        where = f"within row {number}, which begins at byte {offset}" if number else "before the array's end"
        return Broken(BreakCode.TRUNCATED, offset, f"The file ends {where}.")

    def _misplaced(self) -> Broken:
        sentence = f"Behind row {self._number - 1} a comma and a row, or the array's end, is expected."
        return Broken(BreakCode.BROKEN_JSON, self._here, sentence)
