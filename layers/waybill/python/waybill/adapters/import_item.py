"""An item of the target table as imports write it, and what can be told from one that stands there."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from waybill.domain.catalog import TableSource
from waybill.ports import NewRecord, Standing

MARK = "waybill_import"
"""The attribute that says which import wrote an item, and a digest of the item as it was written."""

_DIGEST = 16
_ITEM = msgspec.json.Decoder(dict[str, dict[str, Any]])
_TEXT = msgspec.json.Encoder().encode
_SORTED = msgspec.json.Encoder(order="sorted").encode
_SETS = frozenset({"SS", "NS", "BS"})


class ItemForm:
    """How the records of one partition are written."""

    def __init__(self, table: TableSource, partition: str, import_id: str = "") -> None:
        self._table = table
        self._body = table.body_attribute or ""
        self._own = {table.partition_key, table.sort_key, self._body, MARK}
        self._import_id = import_id
        self._head = b'{%b:{"S":%b},%b:{"S":' % (
            _TEXT(table.partition_key),
            _TEXT(partition),
            _TEXT(table.sort_key),
        )
        self._before_body = b'},%b:{"S":' % _TEXT(self._body)
        dated = table.updated_at_attribute
        self._before_date = b'},%b:{"S":' % _TEXT(dated) if dated else b""
        self._before_mark = b'},%b:{"S":' % _TEXT(MARK)

    def item(self, record: NewRecord) -> bytes:
        """Return the item of a record. What else stood in the item that it replaces stays."""
        others = self._others(record.instead_of.item) if record.instead_of else {}
        dated = bool(self._before_date)
        if dated:
            others.pop(self._table.updated_at_attribute or "", None)
        digest = _digest(record.body, record.changed_at if dated else "", others)
        parts = [self._head, _TEXT(record.key), self._before_body, _TEXT(record.body)]
        if dated:
            parts += [self._before_date, _TEXT(record.changed_at)]
        parts += [self._before_mark, _TEXT(f"{self._import_id}:{digest}"), b"}"]
        if others:
            parts += [b",", msgspec.json.encode(others)[1:-1]]
        parts.append(b"}")
        return b"".join(parts)

    def standing(self, raw: bytes) -> tuple[str, Standing]:
        """Return the key of an item, and what stands there."""
        item = _ITEM.decode(raw)
        body = item.get(self._body, {}).get("S", "")
        import_id, _, noted = item.get(MARK, {}).get("S", "").partition(":")
        intact = False
        if noted:
            others = {name: value for name, value in item.items() if name not in self._own}
            dated = others.pop(self._table.updated_at_attribute or "", {})
            intact = _digest(body, dated.get("S", ""), others) == noted
        return item[self._table.sort_key]["S"], Standing(body, raw, import_id, intact)

    def mark_of(self, raw: bytes) -> str:
        """Return the mark of an item as it stands there."""
        mark = _ITEM.decode(raw).get(MARK, {}).get("S", "")
        return str(mark)

    def _others(self, raw: bytes) -> dict[str, dict[str, Any]]:
        return {name: value for name, value in _ITEM.decode(raw).items() if name not in self._own}


def key_digest(value: str) -> str:
    """Return what stands for a value that must be unique: short, and not telling the value, which may be a secret."""
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=2 * _DIGEST).hexdigest()


def _digest(body: str, dated: str, others: Mapping[str, Mapping[str, Any]]) -> str:
    digest = blake2b(body.encode(), digest_size=_DIGEST)
    digest.update(b"\0" + dated.encode())
    if others:
        digest.update(_SORTED({name: _in_order(value) for name, value in others.items()}))
    return digest.hexdigest()


def _in_order(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an attribute with its set, if it is one, in an order: DynamoDB keeps none."""
    return {kind: sorted(each) if kind in _SETS else each for kind, each in value.items()}
