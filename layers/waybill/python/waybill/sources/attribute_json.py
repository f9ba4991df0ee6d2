"""DynamoDB items as JSON.

| DynamoDB | JSON |
|---|---|
| string, boolean, null | the same |
| number | number, every digit as stored |
| binary | string, base64 (RFC 4648, with padding) |
| list, map | array, object; names sorted by their UTF-8 bytes |
| string set, binary set | array, sorted |
| number set | array, sorted by value |

The same item gives the same bytes, whatever order DynamoDB lists its attributes in.
"""

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from waybill.sources.leave_out import Hidden, hidden

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch

Attribute = dict[str, Any]
"""An attribute value as DynamoDB writes it in JSON: one name, the type, to one value."""


class NotConvertible(ValueError):
    """An attribute that has no JSON form. The message is the end of a sentence and holds nothing of the item."""


def one_line(item: Mapping[str, Attribute], leave_out: Collection[str] = ()) -> bytes:
    """Return an item as one line of JSON in UTF-8, without what ``leave_out`` names (``sources.leave_out``).

    Raises NotConvertible.
    """
    try:
        return _ENCODER.encode(_map(_without(item, hidden(tuple(leave_out)))))
    except RecursionError as error:
        raise NotConvertible("is nested too deeply") from error


def _without(item: Mapping[str, Attribute], what: Hidden) -> Mapping[str, Attribute]:
    if not what.may_touch(item):
        return item
    return {name: value if below is None else _pruned(value, below) for name, value, below in what.kept(item)}


def _pruned(attribute: Attribute, what: Hidden) -> Attribute:
    fields, elements = attribute.get("M"), attribute.get("L")
    if fields is not None:
        return {"M": _without(fields, what)}
    return attribute if elements is None else {"L": [_pruned(element, what) for element in elements]}


def _value(attribute: Attribute) -> object:
    for kind, value in attribute.items():
        if kind == "S":
            return value
        convert = _CONVERTERS.get(kind)
        if convert is None:
            raise NotConvertible(f"has an attribute of the unknown type {kind}")
        return convert(value)
    raise NotConvertible("has an attribute without a value")


def _number(text: str) -> msgspec.Raw:
    """Return a number's own text. Other stores than DynamoDB may hold forms that JSON lacks (``+1``, ``.5``)."""
    if _JSON_NUMBER(text):
        return msgspec.Raw(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise NotConvertible("has a number that is none")
    return msgspec.Raw(str(number))


def _number_set(texts: list[str]) -> list[msgspec.Raw]:
    return [_number(text) for text in sorted(texts, key=lambda text: (Decimal(bytes(_number(text)).decode()), text))]


def _list(values: list[Attribute]) -> list[object]:
    return [_value(value) for value in values]


def _map(values: Mapping[str, Attribute]) -> dict[str, object]:
    return {name: _value(value) for name, value in values.items()}


def _same(value: object) -> object:
    return value


def _null(_: object) -> None:
    return None


_CONVERTERS: dict[str, Callable[[Any], object]] = {
    "N": _number,
    "BOOL": _same,
    "NULL": _null,
    "L": _list,
    "M": _map,
    "SS": sorted,
    "NS": _number_set,
    "B": _same,
    "BS": sorted,
}
_ENCODER = msgspec.json.Encoder(order="sorted")
