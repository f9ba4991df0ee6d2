"""What a cell of a table says as a JSON value: what ``archive.csv_form`` wrote, taken back.

There a text stands as it is and everything else as its JSON text, so the text ``12`` and the number 12 are one cell.
The doctype's schema tells them apart where it names types. An empty cell may have been null, an empty text or nothing;
it becomes nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from waybill.intake.codes import RowCode
from waybill.intake.json_row import escaped, read_value
from waybill.intake.rows import Problem

ColumnTypes = Mapping[str, frozenset[str]]
"""The JSON Schema types that a column's values can have; a column that is not in it can have any."""

_JSON_TYPES = frozenset({"null", "boolean", "number", "integer", "string", "array", "object"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
BEGINNINGS = frozenset("{[tf-0123456789")
"""What a cell begins with that could be anything but a text."""

_LITERALS = {"true": True, "false": False}


class _Types(msgspec.Struct):
    properties: dict[str, Any] = {}


_SCHEMA = msgspec.json.Decoder(_Types)


def column_types(schema: str | bytes) -> dict[str, frozenset[str]]:
    """Return what a JSON Schema says of the types of an object's properties, where ``type`` alone says it.

    What cannot be read says nothing.
    """
    try:
        properties = _SCHEMA.decode(schema).properties
    except msgspec.DecodeError:
        return {}
    types: dict[str, frozenset[str]] = {}
    for name, property_ in properties.items():
        told = property_.get("type") if isinstance(property_, dict) else None
        named = [told] if isinstance(told, str) else told
        if isinstance(named, list) and named and all(isinstance(each, str) and each in _JSON_TYPES for each in named):
            types[name] = frozenset(named)
    return types


def value_of(cell: str, column: str, types: ColumnTypes) -> Any:
    """Return the value of a cell that is not empty, or the Problem with it."""
    kind = _kind(cell)
    allowed = types.get(column)
    if kind == "string" or (allowed is not None and "string" in allowed and kind not in _told(allowed)):
        return cell
    if kind == "boolean":
        return _LITERALS[cell]
    value = read_value(cell.encode())
    if isinstance(value, Problem):
        if value.code == RowCode.NOT_JSON:
            return cell
        return Problem(value.code, f"/{escaped(column)}{value.pointer}", value.sentence)
    return value


def _told(allowed: frozenset[str]) -> frozenset[str]:
    return allowed | {"number"} if "integer" in allowed else allowed


def _kind(cell: str) -> str:
    """Return of which type the JSON text in a cell is that the cell is, or looks like."""
    if cell in _LITERALS:
        return "boolean"
    if cell[0] == "{" and cell[-1] == "}":
        return "object"
    if cell[0] == "[" and cell[-1] == "]":
        return "array"
    return "number" if _NUMBER.fullmatch(cell) else "string"
