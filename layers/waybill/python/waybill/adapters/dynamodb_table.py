"""Items on one DynamoDB table with the string keys ``pk`` and ``sk``, for the stores that share it."""

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable

TTL = "expires_at"
"""The attribute that DynamoDB removes items by: whole Unix seconds."""

LAST = "~"
"""Sorts behind every id and name in a sort key; they are of letters, digits, dashes and dots."""


class Attribute(msgspec.Struct):
    """One attribute value as DynamoDB writes it: ``{"S": "text"}``, ``{"N": "12"}``."""

    text: str = msgspec.field(default="", name="S")
    number: str = msgspec.field(default="0", name="N")
    truth: bool = msgspec.field(default=False, name="BOOL")
    octets: bytes = msgspec.field(default=b"", name="B")
    members: "list[Attribute]" = msgspec.field(default_factory=list, name="L")
    fields: "dict[str, Attribute]" = msgspec.field(default_factory=dict, name="M")


NOTHING = Attribute()
"""Stands for an attribute that an item does not have, because an older release wrote it or because it needs none."""

Item = dict[str, Attribute]
NewItem = Mapping[str, Mapping[str, object]]


class ConditionFailed(StorageUnavailable):
    """A write whose condition did not hold, so nothing was written.

    ``repeated`` says that an earlier attempt of the same call broke off, so that this one may have met its own work.
    """

    def __init__(self, *, repeated: bool) -> None:
        super().__init__("The condition of a write does not hold.")
        self.repeated = repeated


class ConditionsFailed(StorageUnavailable):
    """Writes of a transaction whose conditions did not hold, so nothing was written. ``broken`` are their positions."""

    def __init__(self, broken: Sequence[int]) -> None:
        super().__init__("Conditions of a transaction do not hold.")
        self.broken = frozenset(broken)


@dataclass(frozen=True, slots=True)
class Put:
    """Store an item whole, if ``condition``, an expression on ``values``, holds. One write of a transaction."""

    item: NewItem
    condition: str | None = None
    values: NewItem | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item, if it is there. One write of a transaction."""

    pk: str
    sk: str


class _Answer(msgspec.Struct, rename="pascal"):
    item: Item = {}
    items: list[Item] = []
    last_evaluated_key: msgspec.Raw = msgspec.Raw()


class DynamoDbTable:
    """One table. Every method raises StorageUnavailable when DynamoDB refuses or does not answer after retries."""

    def __init__(self, client: AwsJsonClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, pk: str, sk: str) -> Item:
        """Return an item, strongly consistent; an empty one if there is none."""
        return self._call("GetItem", {"Key": key(pk, sk), "ConsistentRead": True}).item

    def query(self, pk: str, first: str, last: str, *, descending: bool = False) -> Iterator[Item]:
        """Yield the items of a partition with sort keys from ``first`` to ``last``, both included, in their order."""
        query: dict[str, object] = {
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
            "ConsistentRead": True,
            "ScanIndexForward": not descending,
        }
        return self._pages(query)

    def query_index(self, index: str, condition: str, values: NewItem) -> Iterator[Item]:
        """Yield the items of a global secondary index whose keys fulfil ``condition``, in the order of the sort key.

        An index follows its table with a delay of usually less than a second.
        """
        query: dict[str, object] = {
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        return self._pages(query)

    def scan(self, condition: str, values: NewItem) -> Iterator[Item]:
        """Yield all items for which ``condition``, an expression on ``values``, holds. It reads the whole table."""
        request: dict[str, object] = {
            "FilterExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        while True:
            answer = self._call("Scan", request)
            yield from answer.items
            if not answer.last_evaluated_key:
                return
            request["ExclusiveStartKey"] = answer.last_evaluated_key

    def put(self, item: NewItem, *, condition: str | None = None, values: NewItem | None = None) -> None:
        """Store an item whole. Raises ConditionFailed if ``condition``, an expression on ``values``, does not hold."""
        self._call("PutItem", _put_of(Put(item, condition, values)))

    def delete(self, pk: str, sk: str) -> None:
        """Remove an item. Safe to repeat."""
        self._call("DeleteItem", {"Key": key(pk, sk)})

    def transact(self, writes: Sequence[Put | Delete]) -> None:
        """Do all writes, or none; each is of another item. Raises ConditionsFailed.

        A request whose answer was lost is not done twice, because all its attempts bear one token. One that meets
        another transaction is tried again.
        """
        table = {"TableName": self._name}
        items = [
            {"Put": {**table, **_put_of(write)}}
            if isinstance(write, Put)
            else {"Delete": {**table, "Key": key(write.pk, write.sk)}}
            for write in writes
        ]
        request = {"TransactItems": items, "ClientRequestToken": uuid.uuid4().hex}
        self._call("TransactWriteItems", request, names_table=False)

    def _pages(self, query: dict[str, object]) -> Iterator[Item]:
        while True:
            answer = self._call("Query", query)
            yield from answer.items
            if not answer.last_evaluated_key:
                return
            query["ExclusiveStartKey"] = answer.last_evaluated_key

    def _call(self, operation: str, request: Mapping[str, object], *, names_table: bool = True) -> _Answer:
        try:
            body = self._client.call(operation, {"TableName": self._name, **request} if names_table else request)
            return msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            raise StorageUnavailable(f"The table {self._name} gave an answer that is none.") from error
        except AwsError as error:
            if error.kind == "ConditionalCheckFailedException":
                raise ConditionFailed(repeated=error.repeated) from error
            if error.broken:
                raise ConditionsFailed(error.broken) from error
            raise StorageUnavailable(
                f"The table {self._name} cannot be used: DynamoDB refused {operation} ({error.kind})."
            ) from error


def _put_of(write: Put) -> dict[str, object]:
    request: dict[str, object] = {"Item": write.item}
    if write.condition is not None:
        request["ConditionExpression"] = write.condition
    if write.values is not None:
        request["ExpressionAttributeValues"] = write.values
    return request


def key(pk: str, sk: str) -> NewItem:
    """Return the key attributes of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(value: float) -> Mapping[str, object]:
    """Return a number as an attribute."""
    return {"N": repr(value)}


def text(value: str) -> Mapping[str, object]:
    """Return a text as an attribute."""
    return {"S": value}


def texts(values: Sequence[str]) -> Mapping[str, object]:
    """Return texts as one attribute, in their order."""
    return {"L": [text(value) for value in values]}


def ttl(moment: datetime) -> Mapping[str, object]:
    """Return a time as the TTL attribute: whole Unix seconds, never before the moment."""
    return number(math.ceil(moment.timestamp()))
