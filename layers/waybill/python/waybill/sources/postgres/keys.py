"""Keys of rows as texts, and the order that both we and the server put them in.

A key of one column is its JSON value (``42``, ``"ab"``), one of several a JSON array of these. Numbers are ordered as
numbers; everything else as its text, by bytes, whatever the database's collation is: then a key is where we think it
is, and two servers that sort a language differently give the same archive.
"""

from dataclasses import dataclass

import msgspec

NUMBERS = frozenset(("int2", "int4", "int8", "numeric"))
TEXTS = frozenset(("text", "varchar"))
AS_THEIR_TEXT = frozenset(("uuid", "bool", "date", "timestamp", "timestamptz", "bytea"))
"""Types whose own order is that of their JSON text, so that an index on them serves (dates: in the years 1 to 9999)."""

_VALUES = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
NULL = "null"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of a key. ``column`` is its quoted name, ``type`` the name of its base type."""

    column: str
    type: str

    @property
    def expression(self) -> str:
        """What rows are ordered by and compared with."""
        if self.type in NUMBERS or self.type in AS_THEIR_TEXT:
            return f"record.{self.column}"
        if self.type in TEXTS:
            return f'record.{self.column} COLLATE "C"'
        return f'record.{self.column}::text COLLATE "C"'

    def value(self, literal: str) -> str:
        """Return the SQL for a value of this column from its text as a literal."""
        return f"{literal}::{self.type if self.type in NUMBERS or self.type in AS_THEIR_TEXT else 'text'}"


def key_json(columns: tuple[KeyColumn, ...]) -> str:
    """Return the SQL that makes a row's key."""
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


def _text_of(raw: bytes) -> str:
    return _TEXT.decode(raw) if raw.startswith(b'"') else raw.decode()
