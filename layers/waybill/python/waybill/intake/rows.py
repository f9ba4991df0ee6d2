"""What a reader of rows gives: rows, good and bad, and at the end perhaps the place where reading broke off.

Limits are in bytes. A row over MOST_ROW is a bad row that is passed over without being held; one that goes on for
MOST_PASSED ends the reading, and so does nesting beyond MOST_TRACKED_DEPTH, because the next row cannot be found in
reasonable time.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import msgspec

from waybill.intake.codes import BreakCode, RowCode

MOST_ROW = 4_000_000
MOST_PASSED = 16_000_000
MOST_DEPTH = 64
MOST_TRACKED_DEPTH = 1_000

BOM = b"\xef\xbb\xbf"

_GATHERED = 64 * 1024


class Problem(msgspec.Struct, frozen=True):
    """Why a row cannot be taken. ``pointer`` is the JSON Pointer (RFC 6901) of the value that is at fault."""

    code: str
    pointer: str
    sentence: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row. A struct and not a dataclass, because it is made for every row, in a tenth of the time.

    ``number`` counts from 1. The row's ``size`` bytes begin at ``offset``; ``raw`` are these bytes, empty if there are
    more than MOST_ROW. Either ``value`` or ``problem`` is there. Numbers in the value are int, or float where that is
    exactly what was sent, or else Decimal.
    """

    number: int
    offset: int
    size: int
    raw: bytes
    value: dict[str, Any] | None
    problem: Problem | None = None


class Broken(msgspec.Struct, frozen=True):
    """Where reading broke off and why; nothing comes behind it."""

    code: BreakCode
    offset: int
    sentence: str


class Resume(msgspec.Struct, frozen=True):
    """Where reading goes on: a byte between two rows, the next row's number, and a table's columns. It fits into JSON.

    What is read from there on is what would have come without a pause.
    """

    offset: int = 0
    number: int = 1
    columns: tuple[str, ...] = ()


START = Resume()


class RowReader(Protocol):
    """A reader of one file. Iterating gives the rows in order, and Broken as the last thing if reading breaks off."""

    def __iter__(self) -> Iterator[Row | Broken]: ...

    def resume(self) -> Resume:
        """Return where another reader goes on behind the last row that was given."""
        ...


class Feed:
    """Chunks of any size, gathered into larger ones so that tiny chunks cost no more than large ones."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def more(self, least: int = 0) -> bytes:
        """Return the next bytes: at least ``least`` and 64 KiB, or all that is left; nothing at the end.

        Whoever asks for as many bytes as it holds copies each byte only a few times, however long a row is.
        """
        wanted = max(least, _GATHERED)
        chunk = next(self._chunks, None)
        if chunk is None or len(chunk) >= wanted:
            return bytes(chunk or b"")
        gathered = bytearray(chunk)
        for chunk in self._chunks:
            gathered += chunk
            if len(gathered) >= wanted:
                break
        return bytes(gathered)


def too_large(number: int, offset: int, size: int) -> Row:
    """Return the row that was passed over because it is larger than a row may be."""
    sentence = f"The row has {size:,} bytes; the most is {MOST_ROW:,}."
    return Row(number, offset, size, b"", None, Problem(RowCode.ROW_TOO_LARGE, "", sentence))


def endless(offset: int) -> Broken:
    """Return the end of a reading in a row that does not end."""
    sentence = f"The row that begins at byte {offset} does not end within {MOST_PASSED:,} bytes."
    return Broken(BreakCode.ENDLESS_ROW, offset, sentence)


def empty() -> Broken:
    """Return the end of a file in which nothing is."""
    return Broken(BreakCode.EMPTY, 0, "There is nothing in the file.")
