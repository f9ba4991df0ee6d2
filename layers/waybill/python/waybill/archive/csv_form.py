"""The form ``csv`` (RFC 4180): a header row, then a row for each record.

A text stands as it is, and so do numbers, digit by digit, ``true`` and ``false``; an array or object stands as its JSON
text. Null, a field that is not there and an empty text are all an empty cell. Nothing is done about texts that a
spreadsheet takes for formulas: the bytes are the data.
"""

import re
from collections.abc import Sequence

import msgspec

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_TO_BE_QUOTED = re.compile(rb'[",\r\n]')
_ROW_END = b"\r\n"
_EMPTY = b'""'


class CsvForm:
    """The form as planning and packing see it (``record_form.RecordForm``)."""

    has_columns = True

    def row_size(self, line: bytes) -> tuple[int, Sequence[str]]:
        """Return the size of the record's cells, and its fields."""
        fields = _FIELDS.decode(line)
        return sum(len(_cell(value)) for value in fields.values()), tuple(fields)

    def row_overhead(self, columns: Sequence[str]) -> int:
        """Return the size of the commas and the row's end, and of the quotes that a row of one empty cell has."""
        return max(len(columns) - 1, 0) + len(_ROW_END) + (len(_EMPTY) if len(columns) == 1 else 0)

    def empty_size(self, columns: Sequence[str]) -> int:
        """Return the size of the header row."""
        return len(self.opening(columns))

    def opening(self, columns: Sequence[str]) -> bytes:
        """Return the header row."""
        return _row([_quoted(column.encode()) for column in columns])

    def rows(self, lines: Sequence[bytes], columns: Sequence[str], *, first: bool) -> bytes:  # noqa: ARG002
        """Return some records."""
        rows: list[bytes] = []
        for line in lines:
            fields = _FIELDS.decode(line)
            rows.append(_row([_cell(fields[column]) if column in fields else b"" for column in columns]))
        return b"".join(rows)

    def closing(self, *, empty: bool) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""


def _cell(value: msgspec.Raw) -> bytes:
    text = bytes(value)
    if text == b"null":
        return b""
    return _quoted(_TEXT.decode(text).encode() if text.startswith(b'"') else text)


def _quoted(text: bytes) -> bytes:
    """Return a cell, in quotes if they are needed (RFC 4180, section 2, rules 5 to 7)."""
    if _TO_BE_QUOTED.search(text) is None:
        return text
    return b'"%b"' % text.replace(b'"', b'""')


def _row(cells: Sequence[bytes]) -> bytes:
    """Return a row. An only cell that is empty stands in quotes, because readers pass over empty lines."""
    return (_EMPTY if list(cells) == [b""] else b",".join(cells)) + _ROW_END
