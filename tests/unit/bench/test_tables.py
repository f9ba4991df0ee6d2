"""The stand-in for DynamoDB gives every record once, in order, over pages of about 1 MB."""

from collections.abc import Mapping

import msgspec
from bench.ours.tables import Used, _Documents, _Jobs, file_name

from waybill.domain.catalog import Doctype, TableSource
from waybill.domain.plan import Shard
from waybill.sources.dynamodb import TableRecords

TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body")


class Client:
    def __init__(self) -> None:
        self.documents = _Documents()
        self.sizes: list[int] = []

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        answer = self.documents.query(msgspec.json.decode(msgspec.json.encode(payload)))
        self.sizes.append(len(answer))
        return answer


def test_pages_hold_every_record_once_in_order() -> None:
    client = Client()
    source = TableRecords(Doctype("io.cozy.contacts", TABLE, "{}"), client)
    keys = [item.key for item in source.read(tenant="r5000-f0", shard=Shard(0, "io.cozy.contacts"), after=None)]
    assert keys == [file_name(position) for position in range(5000)]
    assert len(client.sizes) > 1
    assert max(client.sizes) < 1_010_000


def test_shards_together_hold_every_record_once() -> None:
    source = TableRecords(Doctype("io.cozy.contacts", TABLE, "{}", shards=4), Client())
    shards = source.shards(tenant="r5000-f0", start=0)
    keys = [item.key for shard in shards for item in source.read(tenant="r5000-f0", shard=shard, after=None)]
    assert len(shards) == 4
    assert keys == [file_name(position) for position in range(5000)]


def test_capacity_is_counted_as_dynamodb_does() -> None:
    used = Used()
    used.count("PutItem", {"Item": {"pk": {"S": "a" * 1024}}}, b"{}")
    used.count("GetItem", {"ConsistentRead": True}, b"x" * 4097)
    used.count("Query", {}, b"x" * 4096)
    used.count("Sign", {}, b"{}")
    used.count("TransactWriteItems", {"TransactItems": [{"Put": {"Item": {}}}, {"Delete": {"Key": {}}}]}, b"{}")
    assert used.take() == {"write_units": 6, "read_units": 2.5, "signatures": 1}


def test_a_transaction_is_what_its_writes_are() -> None:
    jobs, item = _Jobs(), {"pk": {"S": "t"}, "sk": {"S": "export#1"}}
    jobs.answer("TransactWriteItems", {"TransactItems": [{"Put": {"Item": item}}]})
    between = {":pk": {"S": "t"}, ":first": {"S": "export#"}, ":last": {"S": "export#~"}}
    assert jobs.answer("Query", {"ExpressionAttributeValues": between}) == {"Items": [item]}
    jobs.answer("TransactWriteItems", {"TransactItems": [{"Delete": {"Key": item}}]})
    assert jobs.answer("GetItem", {"Key": item}) == {}
    used = Used()
    assert used.take() == {"write_units": 0, "read_units": 0, "signatures": 0}
