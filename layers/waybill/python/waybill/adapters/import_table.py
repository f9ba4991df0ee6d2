"""The records of one doctype of one tenant in a DynamoDB table, as imports read and write them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence, Set

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.adapters.import_item import MARK, ItemForm, key_digest
from waybill.domain.catalog import TableSource
from waybill.domain.errors import StorageUnavailable
from waybill.ports import NewRecord, OldRecord, Refusal, Standing

_TEXT = msgspec.json.Encoder().encode
_MOST_ROUNDS = 10
"""Of asking for what DynamoDB leaves out of an answer, and of putting right what is noted of unique values."""

_HOLDER = "holder"
"""The attribute that says which record has a unique value."""


class _Got(msgspec.Struct, rename="pascal"):
    responses: dict[str, list[msgspec.Raw]] = {}
    unprocessed_keys: dict[str, msgspec.Raw] = {}


class _Page(msgspec.Struct, rename="pascal"):
    items: list[msgspec.Raw] = []
    last_evaluated_key: msgspec.Raw = msgspec.Raw()


_GOT, _PAGE = msgspec.json.Decoder(_Got), msgspec.json.Decoder(_Page)
_KEYED = msgspec.json.Decoder(dict[str, dict[str, str]])


class ImportTable:
    """The records of ``partition``. ``import_id`` is empty for who only reads."""

    def __init__(self, client: AwsJsonClient, table: TableSource, partition: str, import_id: str = "") -> None:
        self._client = client
        self._table = table
        self._partition = partition
        self._unique_partition = f"{partition}#~unique"
        self._import_id = import_id
        self._form = ItemForm(table, partition, import_id)
        name = _TEXT(table.table)
        names = b'"ExpressionAttributeNames":{"#k":%b}' % _TEXT(table.partition_key)
        body_names = b'"ExpressionAttributeNames":{"#b":%b}' % _TEXT(table.body_attribute)
        mark_names = b'"ExpressionAttributeNames":{"#b":%b,"#m":%b}' % (_TEXT(table.body_attribute), _TEXT(MARK))
        self._put = b'{"Put":{"TableName":%b,"Item":' % name
        self._delete = b'{"Delete":{"TableName":%b,"Key":' % name
        self._if_new = b',"ConditionExpression":"attribute_not_exists(#k)",%b}}' % names
        self._if_same = (
            b',"ConditionExpression":"#b = :b",%b,"ExpressionAttributeValues":{":b":{"S":' % body_names,
            b"}}}}",
        )
        self._if_ours = (
            b',"ConditionExpression":"#b = :b AND #m = :m",%b,"ExpressionAttributeValues":{":b":{"S":' % mark_names,
            b'},":m":{"S":',
            b"}}}}",
        )
        self._if_free = (
            b',"ConditionExpression":"attribute_not_exists(#k) OR #h = :h",'
            b'"ExpressionAttributeNames":{"#k":%b,"#h":%b},"ExpressionAttributeValues":{":h":{"S":'
            % (_TEXT(table.partition_key), _TEXT(_HOLDER)),
            b"}}}}",
        )
        self._if_held = (
            b',"ConditionExpression":"#h = :h AND #m = :m","ExpressionAttributeNames":{"#h":%b,"#m":%b},'
            b'"ExpressionAttributeValues":{":h":{"S":' % (_TEXT(_HOLDER), _TEXT(MARK)),
            b'},":m":{"S":',
            b"}}}}",
        )

    def existing(self, keys: Sequence[str]) -> Set[str]:
        """Return which records there are."""
        wanted = {"#s": self._table.sort_key}
        options = {"ProjectionExpression": "#s", "ExpressionAttributeNames": wanted}
        return {_KEYED.decode(raw)[self._table.sort_key]["S"] for raw in self._get(self._partition, keys, options)}

    def standing(self, keys: Sequence[str]) -> Mapping[str, Standing]:
        """Return the records that there are."""
        return dict(self._form.standing(bytes(raw)) for raw in self._get(self._partition, keys, {}))

    def stood(self, item: bytes) -> Standing:
        """Return the record that an item is."""
        return self._form.standing(item)[1]

    def records(self, after: str) -> Iterator[tuple[str, str]]:
        """Yield keys and bodies behind a key, in the order of their keys."""
        sort, body = self._table.sort_key, self._table.body_attribute or ""
        values = {":p": {"S": self._partition}, **({":a": {"S": after}} if after else {})}
        query: dict[str, object] = {
            "TableName": self._table.table,
            "KeyConditionExpression": "#p = :p AND #s > :a" if after else "#p = :p",
            "ProjectionExpression": "#s, #b",
            "ExpressionAttributeNames": {"#p": self._table.partition_key, "#s": sort, "#b": body},
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        while True:
            page = _PAGE.decode(self._call("Query", query))
            for raw in page.items:
                item = _KEYED.decode(raw)
                yield item[sort]["S"], item.get(body, {}).get("S", "")
            if not page.last_evaluated_key:
                return
            query["ExclusiveStartKey"] = page.last_evaluated_key

    def write(self, records: Sequence[NewRecord]) -> Mapping[int, Refusal]:
        """Write all records, or none if some are refused; return the positions of these."""
        takes: dict[tuple[str, str], str] = {}
        for _ in range(_MOST_ROUNDS):
            owners, writes = self._writes(records, takes)
            broken = self._transact(writes)
            if not broken:
                return {}
            refused = {at: Refusal.NOT_AS_NOTED for at in broken if at < len(records)}
            stale = False
            for at in broken - refused.keys():
                position, field, value = owners[at - len(records)]
                holder = self._stale_holder(field, value)
                if holder is None:
                    refused.setdefault(position, Refusal.TAKEN)
                else:
                    takes[field, value] = holder
                    stale = True
            if refused or not stale:
                return refused
        raise StorageUnavailable(f"Values in the table {self._table.table} change hands faster than they can be noted.")

    def take_back(self, records: Sequence[OldRecord]) -> Set[int]:
        """Take back all records, or none if some have changed; return the positions of these."""
        writes: list[bytes] = []
        for record in records:
            condition = _filled(self._if_ours, record.now.body, self._form.mark_of(record.now.item))
            if record.before is None:
                writes.append(self._delete + self._key(self._partition, record.key) + condition)
            else:
                writes.append(self._put + record.before + condition)
        broken = self._transact(writes)
        if not broken:
            for record in records:
                for field, value in record.unique:
                    self._forget(field, value, record.key)
        return broken

    def _writes(
        self, records: Sequence[NewRecord], takes: Mapping[tuple[str, str], str]
    ) -> tuple[list[tuple[int, str, str]], list[bytes]]:
        """Return the writes of records, then those of unique values, and which of these is whose."""
        put, form, if_new = self._put, self._form, self._if_new
        writes = [
            put
            + form.item(record)
            + (if_new if record.instead_of is None else _filled(self._if_same, record.instead_of.body))
            for record in records
        ]
        owners: list[tuple[int, str, str]] = []
        for position, record in enumerate(records):
            for field, value in record.unique:
                holder = takes.get((field, value), record.key)
                item = self._key(self._unique_partition, f"{field}#{key_digest(value)}")[:-1]
                noted = (_TEXT(_HOLDER), _TEXT(record.key), _TEXT(MARK), _TEXT(self._import_id))
                writes.append(put + item + b',%b:{"S":%b},%b:{"S":%b}}' % noted + _filled(self._if_free, holder))
                owners.append((position, field, value))
        return owners, writes

    def _stale_holder(self, field: str, value: str) -> str | None:
        """Return the record that is noted to have a value, if it does not have it any more; None if it has."""
        sort = f"{field}#{key_digest(value)}"
        noted = self._get(self._unique_partition, [sort], {})
        if not noted:
            return ""
        holder = _KEYED.decode(noted[0]).get(_HOLDER, {}).get("S", "")
        standing = self.standing([holder]).get(holder) if holder else None
        return None if standing is not None and _field_of(standing.body, field) == value else holder

    def _forget(self, field: str, value: str, holder: str) -> None:
        """Remove what is noted of a value, if it is of this record and import. It does no harm if it stays."""
        key = self._key(self._unique_partition, f"{field}#{key_digest(value)}")
        self._transact([self._delete + key + _filled(self._if_held, holder, self._import_id)])

    def _transact(self, writes: Sequence[bytes]) -> Set[int]:
        """Do all writes, or none; return the positions of those whose conditions did not hold.

        Attempts of one call bear one token, so that none meets the work of another.
        """
        request = {
            "TransactItems": [msgspec.Raw(write) for write in writes],
            "ClientRequestToken": uuid.uuid4().hex,
        }
        try:
            self._client.call("TransactWriteItems", request)
        except AwsError as error:
            if error.broken:
                return frozenset(error.broken)
            raise self._unavailable("TransactWriteItems", error) from error
        return frozenset()

    def _get(self, partition: str, keys: Sequence[str], options: Mapping[str, object]) -> list[msgspec.Raw]:
        asked: object = {
            "Keys": [msgspec.Raw(self._key(partition, key)) for key in keys],
            "ConsistentRead": True,
            **options,
        }
        found: list[msgspec.Raw] = []
        for _ in range(_MOST_ROUNDS):
            answer = _GOT.decode(self._call("BatchGetItem", {"RequestItems": {self._table.table: asked}}))
            found += answer.responses.get(self._table.table, [])
            if self._table.table not in answer.unprocessed_keys:
                return found
            asked = answer.unprocessed_keys[self._table.table]
        raise StorageUnavailable(f"The table {self._table.table} does not give all that it is asked for.")

    def _key(self, partition: str, sort: str) -> bytes:
        return b'{%b:{"S":%b},%b:{"S":%b}}' % (
            _TEXT(self._table.partition_key),
            _TEXT(partition),
            _TEXT(self._table.sort_key),
            _TEXT(sort),
        )

    def _call(self, operation: str, request: Mapping[str, object]) -> bytes:
        try:
            return self._client.call(operation, request)
        except AwsError as error:
            raise self._unavailable(operation, error) from error

    def _unavailable(self, operation: str, error: AwsError) -> StorageUnavailable:
        return StorageUnavailable(
            f"The table {self._table.table} cannot be used: DynamoDB refused {operation} ({error.kind})."
        )


def _filled(condition: Sequence[bytes], *values: str) -> bytes:
    """Return a condition with its values in their places."""
    parts = [condition[0]]
    for value, behind in zip(values, condition[1:], strict=True):
        parts += [_TEXT(value), behind]
    return b"".join(parts)


def _field_of(body: str, field: str) -> object:
    """Return what a record has in a field, as a text if it is a number; None if it cannot be read."""
    try:
        value = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(field)
        found = None if value is None else msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else found
