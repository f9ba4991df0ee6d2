"""What every Source promises, held against the one in memory and those on DynamoDB and S3."""

import base64
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials
from tests.fakes import FakeBudget, MemorySource

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.s3_objects import S3Objects
from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.estimate import Amount
from waybill.domain.plan import Shard
from waybill.ports import Source, SourceItem
from waybill.sources.dynamodb import TableRecords
from waybill.sources.registry import CatalogSources

CONTACTS = "io.cozy.contacts"
IDS = [f"{number * 7919 % 4096:03x}" for number in range(120)]

MakeSource = Callable[[dict[str, dict[str, Any]]], Source]


def documents(table: str, **changes: Any) -> TableSource:
    """The Documents table: records as JSON text."""
    settings: dict[str, Any] = {
        "table": table,
        "partition_key": "pk",
        "partition_value": "{tenant}#{doctype}",
        "sort_key": "sk",
        "body_attribute": "body",
        "updated_at_attribute": "updated_at",
    }
    return TableSource(**settings | changes)


def put_records(endpoint: str, table: str, records: dict[str, dict[str, Any]], partition: str) -> None:
    client = boto("dynamodb", endpoint)
    for key, record in records.items():
        client.put_item(
            TableName=table,
            Item={
                "pk": {"S": partition},
                "sk": {"S": key},
                "body": {"S": json.dumps(record)},
                "updated_at": {"S": "2026-01-02T03:04:05Z"},
            },
        )


def put_many(endpoint: str, table: str, records: dict[str, dict[str, Any]], partition: str) -> None:
    """Store records 25 at once."""
    client = boto("dynamodb", endpoint)
    items = [
        {"pk": {"S": partition}, "sk": {"S": key}, "body": {"S": json.dumps(each)}} for key, each in records.items()
    ]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        client.batch_write_item(RequestItems={table: puts})


@pytest.fixture(params=["memory", "dynamodb"])
def make(request: pytest.FixtureRequest, moto_endpoint: str) -> MakeSource:
    """Makes a source in four shards that holds the given records of the tenant anna."""
    if request.param == "memory":

        def in_memory(records: dict[str, dict[str, Any]]) -> Source:
            items = [
                SourceItem(key=key, line=json.dumps(record).encode(), updated_at=1_767_323_045)
                for key, record in records.items()
            ]
            return MemorySource(CONTACTS, items, tenant="anna", cut_at=["400", "800", "c00"] if items else [])

        return in_memory

    table: str = request.getfixturevalue("table")
    client: AwsJsonClient = request.getfixturevalue("dynamodb")

    def on_dynamodb(records: dict[str, dict[str, Any]]) -> Source:
        put_records(moto_endpoint, table, records, f"anna#{CONTACTS}")
        return TableRecords(Doctype(CONTACTS, documents(table), "{}", shards=4), client)

    return on_dynamodb


def everything(source: Source, tenant: str = "anna") -> list[SourceItem]:
    """All items, shard by shard, as an export reads them."""
    return [
        item
        for shard in source.shards(tenant=tenant, start=0)
        for item in source.read(tenant=tenant, shard=shard, after=None)
    ]


def test_every_record_comes_once_and_in_the_order_of_the_keys(make: MakeSource) -> None:
    source = make({key: {"id": key, "name": f"Ünal {key}"} for key in IDS})

    items = everything(source)

    assert [item.key for item in items] == sorted(IDS)
    assert json.loads(items[0].line or b"") == {"id": "000", "name": "Ünal 000"}
    assert {item.updated_at for item in items} == {1_767_323_045}
    assert all(item.gap is None and item.file is None and item.directory is None for item in items)


def test_shards_are_numbered_and_cover_every_key(make: MakeSource) -> None:
    shards = make({key: {"id": key} for key in IDS}).shards(tenant="anna", start=5)

    assert [shard.number for shard in shards] == list(range(5, 5 + len(shards)))
    assert [shard.index for shard in shards] == list(range(1, 1 + len(shards)))
    assert shards[0].first is None
    assert shards[-1].last is None
    assert all(one.last == next_one.first for one, next_one in pairwise(shards))


def test_reading_goes_on_behind_any_key(make: MakeSource) -> None:
    source = make({key: {"id": key} for key in IDS})
    for shard in source.shards(tenant="anna", start=0):
        whole = list(source.read(tenant="anna", shard=shard, after=None))
        for position in (0, len(whole) // 2, len(whole) - 1):
            rest = list(source.read(tenant="anna", shard=shard, after=whole[position].key))
            assert rest == whole[position + 1 :]


def test_a_shard_ends_before_its_last_key(make: MakeSource) -> None:
    source = make({key: {"id": key} for key in ("a", "b", "c", "d")})
    shard = Shard(number=0, doctype=CONTACTS, first="b", last="d")

    assert [item.key for item in source.read(tenant="anna", shard=shard, after=None)] == ["b", "c"]
    assert [item.key for item in source.read(tenant="anna", shard=shard, after="b")] == ["c"]
    assert list(source.read(tenant="anna", shard=shard, after="c")) == []


def test_nothing_is_one_empty_shard(make: MakeSource) -> None:
    source = make({})

    [shard] = source.shards(tenant="anna", start=0)

    assert (shard.first, shard.last) == (None, None)
    assert list(source.read(tenant="anna", shard=shard, after=None)) == []


def test_another_tenant_has_records_of_its_own(make: MakeSource) -> None:
    source = make({key: {"id": key} for key in IDS})

    assert everything(source, "bert") == []
    assert everything(source, "ann") == []


def test_a_small_set_is_counted_to_the_byte_and_handed_out(make: MakeSource) -> None:
    source = make({key: {"id": key, "name": f"Ünal {key}"} for key in IDS})

    measure = source.measure(tenant="anna", pages=20, budget=FakeBudget())

    assert (measure.exact, measure.pages) == (True, 1)
    assert list(measure.items) == everything(source)
    assert measure.amount == measure.read
    assert measure.amount == Amount(120, sum(len(item.line or b"") + 1 for item in measure.items))


def test_nothing_is_counted_as_nothing(make: MakeSource) -> None:
    for tenant in ("anna", "bert"):
        measure = make({}).measure(tenant=tenant, pages=1, budget=FakeBudget())

        assert (measure.exact, measure.amount, list(measure.items)) == (True, Amount(), [])


class TestOnDynamoDb:
    """What only a table shows."""

    def test_a_large_set_is_extrapolated_from_a_page_and_samples(
        self, dynamodb: AwsJsonClient, table: str, moto_endpoint: str
    ) -> None:
        keys = [f"{number * 7919 % 4096:03x}{number:04x}" for number in range(3_000)]
        put_many(moto_endpoint, table, {key: {"text": "x" * 700} for key in keys}, f"anna#{CONTACTS}")
        source = TableRecords(Doctype(CONTACTS, documents(table), "{}", shards=4), dynamodb)

        page = source.measure(tenant="anna", pages=1, budget=FakeBudget())
        whole = source.measure(tenant="anna", pages=20, budget=FakeBudget())

        assert (page.exact, page.pages, whole.exact) == (False, 1, True)
        assert whole.amount == Amount(3_000, 3_000 * (len('{"text": ""}') + 700 + 1))
        assert page.read.records == len(page.items) < 2_000
        assert page.amount.records == pytest.approx(3_000, rel=0.1)
        assert page.amount.record_bytes == pytest.approx(whole.amount.record_bytes, rel=0.1)

    def test_a_set_of_several_pages_is_cut_and_read_whole(
        self, dynamodb: AwsJsonClient, table: str, moto_endpoint: str
    ) -> None:
        put_records(moto_endpoint, table, {key: {"text": key * 10_000} for key in IDS}, f"anna#{CONTACTS}")
        source = TableRecords(Doctype(CONTACTS, documents(table), "{}", shards=4), dynamodb)

        shards = source.shards(tenant="anna", start=0)
        counts = [sum(1 for _ in source.read(tenant="anna", shard=shard, after=None)) for shard in shards]

        assert len(counts) == 4
        assert sum(counts) == len(IDS)
        assert min(counts) > len(IDS) / 4 * 0.6

    def test_ordinary_attributes_become_exact_json(
        self, dynamodb: AwsJsonClient, table: str, moto_endpoint: str
    ) -> None:
        item = {
            "pk": {"S": "anna"},
            "sk": {"S": "user#1"},
            "balance": {"N": "12345678901234567890123456789.000000001"},
            "tags": {"SS": ["b", "a"]},
            "scores": {"NS": ["10", "9", "-1.5"]},
            "picture": {"B": b"\x00\xff"},
            "address": {"M": {"zip": {"S": "10115"}, "city": {"S": "Zürich"}, "flat": {"NULL": True}}},
            "flags": {"L": [{"BOOL": True}, {"N": "1"}]},
            "password_hash": {"S": "secret"},
        }
        boto("dynamodb", moto_endpoint).put_item(TableName=table, Item=item)
        source = TableRecords(
            Doctype(
                "users",
                documents(table, partition_value="{tenant}", sort_prefix="user#", body_attribute=None),
                "{}",
                leave_out=("password_hash", "pk"),
            ),
            dynamodb,
        )

        [read] = everything(source)

        assert read.line is not None
        assert read.line.decode() == (
            '{"address":{"city":"Zürich","flat":null,"zip":"10115"},"balance":12345678901234567890123456789.000000001,'
            f'"flags":[true,1],"picture":"{base64.b64encode(bytes([0, 255])).decode()}","scores":[-1.5,9,10],'
            '"sk":"user#1","tags":["a","b"]}'
        )

    def test_a_prefix_keeps_neighbours_out(self, dynamodb: AwsJsonClient, table: str, moto_endpoint: str) -> None:
        ids = ["order#9", "user#1", "user#2", "user#3", "user$", "visit#1"]
        put_records(moto_endpoint, table, {key: {"id": key} for key in ids}, f"anna#{CONTACTS}")
        source = TableRecords(Doctype(CONTACTS, documents(table, sort_prefix="user#"), "{}", shards=3), dynamodb)
        [shard] = source.shards(tenant="anna", start=0)

        assert [item.key for item in everything(source)] == ["user#1", "user#2", "user#3"]
        assert [item.key for item in source.read(tenant="anna", shard=shard, after="user#1")] == ["user#2", "user#3"]

    def test_an_index_may_repeat_its_sort_keys(self, dynamodb: AwsJsonClient, moto_endpoint: str) -> None:
        client = boto("dynamodb", moto_endpoint)
        table = "orders-by-day"
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("order", "customer", "day")
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-customer",
                    "KeySchema": [
                        {"AttributeName": "customer", "KeyType": "HASH"},
                        {"AttributeName": "day", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        for number in (3, 1, 4, 2, 5):
            order = {
                "order": {"S": f"o{number}"},
                "customer": {"S": "anna"},
                "day": {"S": f"2026-01-0{number // 4 + 1}"},
            }
            client.put_item(TableName=table, Item=order)
        by_customer = TableSource(
            table=table,
            index="by-customer",
            partition_key="customer",
            partition_value="{tenant}",
            sort_key="day",
            id_attribute="order",
        )
        source = TableRecords(Doctype("orders", by_customer, "{}"), dynamodb)

        items = everything(source)

        assert [json.loads(item.line or b"")["order"] for item in items] == ["o1", "o2", "o3", "o4", "o5"]
        [shard] = source.shards(tenant="anna", start=0)
        for position, item in enumerate(items):
            assert list(source.read(tenant="anna", shard=shard, after=item.key)) == items[position + 1 :]

    def test_a_number_may_be_the_sort_key(self, dynamodb: AwsJsonClient, moto_endpoint: str) -> None:
        client = boto("dynamodb", moto_endpoint)
        client.create_table(
            TableName="measurements",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "device", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
        )
        for at in ("2", "10", "-1", "1.5"):
            client.put_item(TableName="measurements", Item={"device": {"S": "anna"}, "at": {"N": at}})
        by_time = TableSource("measurements", "device", "{tenant}", "at", sort_key_type="N")
        source = TableRecords(Doctype("measurements", by_time, "{}", shards=8), dynamodb)
        [shard] = source.shards(tenant="anna", start=0)

        assert [item.key for item in everything(source)] == ["-1", "1.5", "2", "10"]
        assert [item.key for item in source.read(tenant="anna", shard=shard, after="1.5")] == ["2", "10"]

    def test_a_missing_table_is_named(self, dynamodb: AwsJsonClient) -> None:
        source = TableRecords(Doctype(CONTACTS, documents("no-such-table"), "{}"), dynamodb)

        with pytest.raises(SourceUnavailable, match=r"io\.cozy\.contacts .*no-such-table.*ResourceNotFoundException"):
            everything(source)


FILES = "io.cozy.files"


def a_file(key: str, **fields: Any) -> dict[str, Any]:
    return {"type": "file", "name": f"{key}.txt", "dir_id": "d", "updated_at": "2026-01-01T00:00:00.5+01:00", **fields}


class TestFilesOnS3:
    """A files index in a table, joined with the listing of a bucket."""

    @pytest.fixture
    def source(
        self, dynamodb: AwsJsonClient, table: str, bucket: str, moto_endpoint: str, impatient: Backoff
    ) -> Source:
        catalog = Catalog({FILES: Doctype(FILES, FilesSource(documents(table), bucket, "{tenant}/"), "{}", shards=2)})

        def store(name: str) -> S3Objects:
            return S3Objects(name, region=REGION, endpoint=moto_endpoint, credentials=credentials, backoff=impatient)

        return CatalogSources(catalog, tables=dynamodb, bucket=store).of(FILES)

    @pytest.fixture
    def put_objects(self, bucket: str, moto_endpoint: str) -> Callable[..., None]:
        def put(**objects: bytes) -> None:
            for key, data in objects.items():
                boto("s3", moto_endpoint).put_object(Bucket=bucket, Key=f"anna/{key}", Body=data)

        return put

    def test_a_file_has_its_objects_size_and_version(
        self, source: Source, table: str, moto_endpoint: str, put_objects: Callable[..., None]
    ) -> None:
        records = {"f1": a_file("f1", mime="text/plain", executable=True, size="999")}
        put_records(moto_endpoint, table, records, f"anna#{FILES}")
        put_objects(f1=b"content")

        [item] = everything(source)

        assert item.gap is None
        assert item.file_gap is None
        assert item.file is not None
        assert (item.file.id, item.file.name, item.file.directory, item.file.key) == ("f1", "f1.txt", "d", "anna/f1")
        assert (item.file.size, item.file.etag) == (7, '"9a0364b9e99bb480dd25e1f0284c8555"')
        assert (item.file.mime, item.file.executable, item.file.updated_at) == ("text/plain", True, 1_767_222_000)

    def test_files_are_measured_with_the_sizes_of_their_objects(
        self, source: Source, table: str, moto_endpoint: str, put_objects: Callable[..., None]
    ) -> None:
        records = {"a": a_file("a", mime="image/jpeg"), "b": a_file("b"), "c": a_file("c"), "d": {"type": "directory"}}
        put_records(moto_endpoint, table, records, f"anna#{FILES}")
        put_objects(a=b"12345", b=b"123", x=b"no record")

        measure = source.measure(tenant="anna", pages=1, budget=FakeBudget())

        assert measure.exact
        assert list(measure.items) == everything(source)
        assert (measure.amount.records, measure.amount.files) == (4, 2)
        assert (measure.amount.file_bytes, measure.amount.shrinking_bytes) == (8, 3)

    def test_directories_and_other_records_are_told_from_files(
        self, source: Source, table: str, moto_endpoint: str
    ) -> None:
        records = {"d1": {"type": "directory", "path": "/Photos"}, "x1": {"type": "shortcut"}, "y1": {"no": "type"}}
        put_records(moto_endpoint, table, records, f"anna#{FILES}")

        directory, shortcut, untyped = everything(source)

        assert directory.directory is not None
        assert (directory.directory.id, directory.directory.path) == ("d1", "/Photos")
        for item in (shortcut, untyped):
            assert item.line is not None
            assert (item.file, item.directory, item.gap, item.file_gap) == (None, None, None, None)

    def test_whatever_lacks_its_other_half_is_named(
        self, source: Source, table: str, moto_endpoint: str, put_objects: Callable[..., None]
    ) -> None:
        records = {key: a_file(key) for key in ("f2", "f4", "f6")}
        put_records(moto_endpoint, table, records, f"anna#{FILES}")
        put_objects(f1=b"", f2=b"", f3=b"", f6=b"", f7=b"")

        items = everything(source)

        assert [item.key for item in items] == ["f1", "f2", "f3", "f4", "f6", "f7"]
        gaps = {item.key: item.gap or item.file_gap for item in items}
        assert {key: gap and (gap.kind, gap.code, gap.outcome.value) for key, gap in gaps.items()} == {
            "f1": ("file", "file_without_record", "skipped"),
            "f2": None,
            "f3": ("file", "file_without_record", "skipped"),
            "f4": ("file", "file_missing", "failed"),
            "f6": None,
            "f7": ("file", "file_without_record", "skipped"),
        }
        assert [item.key for item in items if item.line is not None] == ["f2", "f4", "f6"]

    def test_shards_and_checkpoints_cut_both_sides_alike(
        self, source: Source, table: str, moto_endpoint: str, put_objects: Callable[..., None]
    ) -> None:
        put_records(moto_endpoint, table, {key: a_file(key) for key in ("b", "c", "e", "f")}, f"anna#{FILES}")
        put_objects(a=b"", b=b"", d=b"", e=b"", g=b"")
        whole = everything(source)
        low, high = Shard(0, FILES, None, "d"), Shard(1, FILES, "d", None)

        for shard, expected in ((low, whole[:3]), (high, whole[3:])):
            assert list(source.read(tenant="anna", shard=shard, after=None)) == expected
            for position, item in enumerate(expected):
                assert list(source.read(tenant="anna", shard=shard, after=item.key)) == expected[position + 1 :]

    def test_a_record_that_cannot_be_read_takes_its_file_with_it(
        self, source: Source, table: str, moto_endpoint: str, put_objects: Callable[..., None]
    ) -> None:
        boto("dynamodb", moto_endpoint).put_item(
            TableName=table, Item={"pk": {"S": f"anna#{FILES}"}, "sk": {"S": "f1"}, "body": {"S": "{secret"}}
        )
        put_objects(f1=b"")

        [item] = everything(source)

        assert item.gap is not None
        assert item.file_gap is not None
        assert (item.gap.kind, item.gap.code) == ("record", "invalid_json")
        assert (item.file_gap.kind, item.file_gap.code) == ("file", "file_record_unreadable")
        assert "secret" not in item.gap.reason

    def test_no_tenant_sees_into_another_ones_files(self, source: Source, put_objects: Callable[..., None]) -> None:
        put_objects(**{"b/f1": b"of the tenant anna/b"})

        with pytest.raises(SourceUnavailable, match="'/'"):
            everything(source, "anna/b")
        assert everything(source, "ann") == []

    def test_an_unknown_doctype_is_the_catalogs_error(self, dynamodb: AwsJsonClient) -> None:
        with pytest.raises(CatalogError, match="none"):
            CatalogSources(Catalog({}), tables=dynamodb, bucket=pytest.fail).of("none")
