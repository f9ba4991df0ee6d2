"""The lines of a row file: rows of one doctype as they came in, whatever they came in as.

A value that was sent as JSON stands there as it was sent, so that no number is changed on the way; only line breaks
between its tokens are spaces.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from waybill.intake.json_row import read_again
from waybill.intake.rows import Problem, Row

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_NONE = msgspec.Raw(b"null")


class StagedRow(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """One row.

    ``number`` counts from 1 within ``source``, which names the input, and the member of an archive. ``value`` is the
    text of the row's JSON object, null where ``problem`` says why there is none. ``raw`` is what was sent, if
    that is not the value's own text.
    """

    number: int
    source: str
    value: msgspec.Raw = _NONE
    problem: Problem | None = None
    raw: bytes = b""


_DECODE = msgspec.json.Decoder(StagedRow).decode


def line_of(row: Row, source: str, *, is_json: bool) -> bytes:
    """Return the line of a row, with its newline. ``is_json`` says that the row was sent as JSON text."""
    if row.value is None:
        return _ENCODE(StagedRow(row.number, source, _NONE, row.problem, row.raw)) + b"\n"
    if is_json:
        text = row.raw.replace(b"\n", b" ").replace(b"\r", b" ")
        return _ENCODE(StagedRow(row.number, source, msgspec.Raw(text))) + b"\n"
    return _ENCODE(StagedRow(row.number, source, msgspec.Raw(_ENCODE(row.value)), None, row.raw)) + b"\n"


def rows_of(lines: Iterable[bytes]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a row file's lines, each with its source. Their ``offset`` is 0."""
    for staged, text, value, problem in read_rows(lines):
        raw = staged.raw if problem is staged.problem and value is None else staged.raw or text
        yield staged.source, Row(staged.number, 0, len(raw), raw, value, problem)


def read_rows(lines: Iterable[bytes]) -> Iterator[tuple[StagedRow, bytes, dict[str, Any] | None, Problem | None]]:
    """Yield the rows of a row file's lines: as staged, the text of the object, and it or why there is none."""
    for line in lines:
        staged = _DECODE(line)
        if staged.problem is not None:
            yield staged, b"", None, staged.problem
            continue
        text = bytes(staged.value)
        read = read_again(text)
        yield (staged, text, None, read) if isinstance(read, Problem) else (staged, text, read, None)
