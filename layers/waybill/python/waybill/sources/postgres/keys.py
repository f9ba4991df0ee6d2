"""Keys of rows as texts, and the order that both we and the server put them in.

A key of one column is its JSON value (``42``, ``"ab"``), one of several a JSON array of these. Numbers are ordered as
numbers; everything else as its text, by bytes, whatever the database's collation is: then a key is where we think it
is, and two servers that sort a language differently give the same archive.
"""

import re
from dataclasses import dataclass

import msgspec

INTEGERS = frozenset(("int2", "int4", "int8"))
NUMBERS = INTEGERS | {"numeric"}
TEXTS = frozenset(("text", "varchar"))
DATES = frozenset(("date", "timestamp", "timestamptz"))
AS_THEIR_TEXT = frozenset(("uuid", "bool", "bytea")) | DATES
"""Types whose own order is that of their JSON text, so that an index on them serves; dates in the years 1 to 9999."""

_ODD_DATE = re.compile(r"\d{5,}-\d\d-\d\d(?:T.*)?|.* BC", re.ASCII).fullmatch
_MAYBE_ODD = re.compile(r"\d{5}-| BC\"", re.ASCII).search
_VALUES = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
NULL = "null"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of a key. ``column`` is its quoted name, ``type`` the name of its base type.

    ``by_bytes`` says that the database itself puts its texts in the order of their bytes, so that an index serves.
    """

    column: str
    type: str
    by_bytes: bool = False

    @property
    def expression(self) -> str:
        """What rows are ordered by and compared with."""
        if self.type in NUMBERS or self.type in AS_THEIR_TEXT or (self.type in TEXTS and self.by_bytes):
            return f"record.{self.column}"
        if self.type in TEXTS:
            return f'record.{self.column} COLLATE "C"'
        return f'record.{self.column}::text COLLATE "C"'

    @property
    def is_date(self) -> bool:
        """Whether it is in order for some years only."""
        return self.type in DATES

    def value(self, literal: str) -> str:
        """Return the SQL for a value of this column from its text as a literal."""
        return f"{literal}::{self.type if self.type in NUMBERS or self.type in AS_THEIR_TEXT else 'text'}"


def key_json(columns: tuple[KeyColumn, ...]) -> str:
    """Return the SQL that makes a row's key."""
    if len(columns) == 1 and columns[0].type in INTEGERS:
        return columns[0].expression  # COPY writes its JSON
    if len(columns) == 1:
        return f"to_json({columns[0].expression})::text"
    return f"json_build_array({', '.join(column.expression for column in columns)})::text"


def texts_of(key: str) -> list[str]:
    """Return the texts of a key's values."""
    raws = _VALUES.decode(key) if key.startswith("[") else [msgspec.Raw(key.encode())]
    return [_text_of(bytes(raw)) for raw in raws]


def is_incomplete(key: str) -> bool:
    """Whether one of a key's values is NULL."""
    if NULL not in key:
        return False
    return key == NULL or (key.startswith("[") and any(bytes(raw) == NULL.encode() for raw in _VALUES.decode(key)))


def has_odd_date(key: str) -> bool:
    """Whether a key with dates may have one that is out of order: before the year 1, or behind 9999."""
    return any(_ODD_DATE(text) for text in texts_of(key)) if _MAYBE_ODD(key) else False


def _text_of(raw: bytes) -> str:
    return _TEXT.decode(raw) if raw.startswith(b'"') else raw.decode()
