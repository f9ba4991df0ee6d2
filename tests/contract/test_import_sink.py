"""What the target of imports promises, held against the one in memory and that on DynamoDB and S3."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.fake_sink import MemorySink
from tests.fakes import MemoryObjects

from waybill.adapters import s3_contents
from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.catalog_sink import CatalogSink
from waybill.adapters.clock import system_clock
from waybill.adapters.s3_contents import S3Contents
from waybill.adapters.s3_objects import S3Objects
from waybill.adapters.s3_rest import S3Rest
from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.errors import CatalogError, ObjectMissing, StorageUnavailable
from waybill.ports import NewContent, NewRecord, ObjectStore, OldRecord, Refusal, Sink

TENANT = "anna"
IMPORT = "01a20d88e1c28759ed834ec103da4f36"
OTHER_IMPORT = "01a20d88e1c28759ed834ec103da4f37"
DATE = "2026-03-01T12:00:00+00:00"


@dataclass
class Product:
    """A target, and the product that uses it too."""

    sink: Sink
    archives: ObjectStore
    put: Callable[..., None]
    put_file: Callable[[str, bytes], None]
    file: Callable[[str], bytes | None]


def catalog(table: str, files: str) -> Catalog:
    source = TableSource(
        table, "pk", "{tenant}#{doctype}", "sk", body_attribute="body", updated_at_attribute="updated_at"
    )
    only_exported = TableSource(table, "pk", "{tenant}#{doctype}", "sk")
    return Catalog(
        {
            "users": Doctype("users", source, "{}"),
            "notes": Doctype("notes", source, "{}"),
            "files": Doctype("files", FilesSource(source, files, "{tenant}/"), "{}"),
            "logs": Doctype("logs", only_exported, "{}"),
        }
    )


def in_memory() -> Product:
    archives = MemoryObjects()
    sink = MemorySink(catalog("documents", "files"), archives)

    def put(doctype: str, key: str, record: dict[str, Any], **others: str) -> None:
        sink.put(TENANT, doctype, key, record, **others)

    def put_file(key: str, content: bytes) -> None:
        sink.put_file(TENANT, key, content)

    return Product(sink, archives, put, put_file, lambda key: sink.files.objects.get(f"{TENANT}/{key}"))


def contents_in(bucket: str, endpoint: str, impatient: Backoff) -> S3Contents:
    rest = S3Rest(
        bucket,
        region=REGION,
        endpoint=endpoint,
        credentials=credentials,
        clock=system_clock,
        backoff=impatient,
        timeout=20,
    )
    return S3Contents(rest)


def on_aws(endpoint: str, table: str, bucket: str, dynamodb: AwsJsonClient, impatient: Backoff) -> Product:
    files, s3, client = new_name(), boto("s3", endpoint), boto("dynamodb", endpoint)
    s3.create_bucket(Bucket=files, CreateBucketConfiguration={"LocationConstraint": REGION})

    def contents(name: str) -> S3Contents:
        return contents_in(name, endpoint, impatient)

    def put(doctype: str, key: str, record: dict[str, Any], **others: str) -> None:
        item = {"pk": {"S": f"{TENANT}#{doctype}"}, "sk": {"S": key}, "body": {"S": json.dumps(record)}}
        more = {name: {"S": value} for name, value in others.items()}
        client.put_item(TableName=table, Item=item | {"updated_at": {"S": DATE}} | more)

    def put_file(key: str, content: bytes) -> None:
        s3.put_object(Bucket=files, Key=f"{TENANT}/{key}", Body=content, ContentType="text/plain")

    def file(key: str) -> bytes | None:
        try:
            return bytes(s3.get_object(Bucket=files, Key=f"{TENANT}/{key}")["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None

    sink = CatalogSink(catalog(table, files), tables=dynamodb, contents=contents, archives=bucket)
    archives = S3Objects(bucket, region=REGION, endpoint=endpoint, credentials=credentials, backoff=impatient)
    return Product(sink, archives, put, put_file, file)


@pytest.fixture(params=["memory", "aws"])
def product(request: pytest.FixtureRequest, impatient: Backoff) -> Product:
    if request.param == "memory":
        return in_memory()
    endpoint = request.getfixturevalue("moto_endpoint")
    table, bucket = request.getfixturevalue("table"), request.getfixturevalue("bucket")
    return on_aws(endpoint, table, bucket, request.getfixturevalue("dynamodb"), impatient)


def note(key: str, text: str = "", **changes: Any) -> NewRecord:
    return NewRecord(key, json.dumps({"_id": key, "text": text}), DATE, **changes)


def user(key: str, token: str) -> NewRecord:
    body = json.dumps({"Email": key, "AuthenticationToken": token})
    return NewRecord(key, body, DATE, unique=[("AuthenticationToken", token)])


def test_what_is_written_stands_there_and_bears_its_import(product: Product) -> None:
    assert product.sink.write(TENANT, "notes", IMPORT, [note("a", "é\n"), note("b")]) == {}

    found = product.sink.standing(TENANT, "notes", ["a", "b", "c"])

    assert set(found) == {"a", "b"}
    assert json.loads(found["a"].body) == {"_id": "a", "text": "é\n"}
    assert (found["a"].import_id, found["a"].intact) == (IMPORT, True)
    assert product.sink.stood(TENANT, "notes", found["a"].item) == found["a"]
    assert product.sink.existing(TENANT, "notes", ["c", "b"]) == {"b"}
    assert product.sink.existing("bob", "notes", ["a"]) == set()


def test_a_product_s_own_record_bears_no_import(product: Product) -> None:
    product.put("notes", "a", {"_id": "a"})

    found = product.sink.standing(TENANT, "notes", ["a"])["a"]

    assert (found.import_id, found.intact) == ("", False)


def test_a_hundred_records_are_one_write(product: Product) -> None:
    records = [note(f"{number:03}", "x" * 1_000) for number in range(100)]

    assert product.sink.write(TENANT, "notes", IMPORT, records) == {}
    assert [key for key, _ in product.sink.records(TENANT, "notes", after="097")] == ["098", "099"]
    assert len(list(product.sink.records(TENANT, "notes"))) == 100
    assert len(product.sink.existing(TENANT, "notes", [record.key for record in records])) == 100


def test_a_record_that_stands_there_is_never_overwritten_and_nothing_else_is_written(product: Product) -> None:
    product.put("notes", "b", {"_id": "b", "text": "the product's"})

    refused = product.sink.write(TENANT, "notes", IMPORT, [note("a"), note("b"), note("c")])

    assert refused == {1: Refusal.NOT_AS_NOTED}
    assert product.sink.existing(TENANT, "notes", ["a", "b", "c"]) == {"b"}


def test_a_record_is_replaced_only_as_it_was_noted_and_keeps_what_is_not_the_record(product: Product) -> None:
    product.put("notes", "a", {"_id": "a", "text": "old"}, shard="7")
    noted = product.sink.standing(TENANT, "notes", ["a"])["a"]
    product.put("notes", "a", {"_id": "a", "text": "newer"}, shard="7")
    now = product.sink.standing(TENANT, "notes", ["a"])["a"]

    refused = product.sink.write(TENANT, "notes", IMPORT, [note("a", "ours", instead_of=noted)])

    assert refused == {0: Refusal.NOT_AS_NOTED}
    assert product.sink.write(TENANT, "notes", IMPORT, [note("a", "ours", instead_of=now)]) == {}
    written = product.sink.standing(TENANT, "notes", ["a"])["a"]
    assert json.loads(written.body)["text"] == "ours"
    assert b"shard" in written.item
    assert (written.import_id, written.intact) == (IMPORT, True)


def test_a_record_that_is_gone_is_not_replaced(product: Product) -> None:
    product.put("notes", "b", {"_id": "b"})
    noted = product.sink.standing(TENANT, "notes", ["b"])["b"]

    assert product.sink.write(TENANT, "notes", IMPORT, [note("a", instead_of=noted)]) == {0: Refusal.NOT_AS_NOTED}


def test_a_unique_value_has_one_holder(product: Product) -> None:
    assert product.sink.write(TENANT, "users", IMPORT, [user("ada", "secret")]) == {}

    refused = product.sink.write(TENANT, "users", OTHER_IMPORT, [user("cy", "else"), user("bob", "secret")])

    assert refused == {1: Refusal.TAKEN}
    assert [key for key, _ in product.sink.records(TENANT, "users")] == ["ada"]
    assert product.sink.write("bob", "users", IMPORT, [user("bob", "secret")]) == {}


def test_a_value_that_its_holder_has_no_more_may_be_taken(product: Product) -> None:
    product.sink.write(TENANT, "users", IMPORT, [user("ada", "secret")])
    product.put("users", "ada", {"Email": "ada", "AuthenticationToken": "another"})

    assert product.sink.write(TENANT, "users", OTHER_IMPORT, [user("bob", "secret")]) == {}
    assert product.sink.write(TENANT, "users", OTHER_IMPORT, [user("cy", "secret")]) == {0: Refusal.TAKEN}


def test_a_record_may_be_replaced_with_the_value_it_has(product: Product) -> None:
    product.sink.write(TENANT, "users", IMPORT, [user("ada", "secret")])
    now = product.sink.standing(TENANT, "users", ["ada"])["ada"]
    body = json.dumps({"Email": "ada", "AuthenticationToken": "secret", "Name": "Ada"})
    again = NewRecord("ada", body, DATE, now, [("AuthenticationToken", "secret")])

    assert product.sink.write(TENANT, "users", OTHER_IMPORT, [again]) == {}


def test_what_was_written_is_taken_back_and_what_it_replaced_comes_back(product: Product) -> None:
    product.put("notes", "b", {"_id": "b", "text": "old"}, shard="7")
    before = product.sink.standing(TENANT, "notes", ["b"])["b"]
    product.sink.write(TENANT, "notes", IMPORT, [note("a"), note("b", "new", instead_of=before)])
    now = product.sink.standing(TENANT, "notes", ["a", "b"])

    changed = product.sink.take_back(
        TENANT, "notes", IMPORT, [OldRecord("a", now["a"]), OldRecord("b", now["b"], before.item)]
    )

    assert changed == set()
    found = product.sink.standing(TENANT, "notes", ["a", "b"])
    assert set(found) == {"b"}
    assert json.loads(found["b"].body) == {"_id": "b", "text": "old"}
    assert b"shard" in found["b"].item


def test_nothing_is_taken_back_if_one_of_the_records_has_changed(product: Product) -> None:
    product.sink.write(TENANT, "notes", IMPORT, [note("a"), note("b")])
    now = product.sink.standing(TENANT, "notes", ["a", "b"])
    product.put("notes", "b", {"_id": "b", "text": "changed"})

    changed = product.sink.take_back(TENANT, "notes", IMPORT, [OldRecord("a", now["a"]), OldRecord("b", now["b"])])

    assert changed == {1}
    assert product.sink.existing(TENANT, "notes", ["a", "b"]) == {"a", "b"}


def test_taking_back_a_record_frees_its_values(product: Product) -> None:
    product.sink.write(TENANT, "users", IMPORT, [user("ada", "secret")])
    now = product.sink.standing(TENANT, "users", ["ada"])["ada"]

    product.sink.take_back(TENANT, "users", IMPORT, [OldRecord("ada", now, None, [("AuthenticationToken", "secret")])])

    assert list(product.sink.records(TENANT, "users")) == []
    assert product.sink.write(TENANT, "users", OTHER_IMPORT, [user("bob", "secret")]) == {}


def test_a_content_is_copied_and_bears_its_import(product: Product) -> None:
    product.archives.put("imports/1/work/contents/000000001", b"hello")

    assert product.sink.content_of(TENANT, "files", "a/ü 1") is None
    content = NewContent("a/ü 1", "imports/1/work/contents/000000001", 5, "text/plain")
    product.sink.put_content(TENANT, "files", IMPORT, content)

    assert product.sink.content_of(TENANT, "files", "a/ü 1") == IMPORT
    assert product.file("a/ü 1") == b"hello"


def test_a_content_that_is_kept_comes_back(product: Product) -> None:
    product.put_file("a", b"old")
    product.archives.put("new", b"newer")

    assert product.sink.content_of(TENANT, "files", "a") == ""
    product.sink.keep_content(TENANT, "files", "a", "imports/1/kept/a")
    product.sink.put_content(TENANT, "files", IMPORT, NewContent("a", "new", 5))
    assert product.file("a") == b"newer"
    product.sink.restore_content(TENANT, "files", "a", "imports/1/kept/a")

    assert product.file("a") == b"old"
    assert product.sink.content_of(TENANT, "files", "a") == ""


def test_a_content_that_is_not_there_is_neither_kept_nor_restored(product: Product) -> None:
    with pytest.raises(ObjectMissing):
        product.sink.keep_content(TENANT, "files", "a", "kept")
    with pytest.raises(ObjectMissing):
        product.sink.restore_content(TENANT, "files", "a", "kept")


def test_a_content_is_removed_and_may_be_removed_again(product: Product) -> None:
    product.put_file("a", b"old")

    product.sink.remove_content(TENANT, "files", "a")
    product.sink.remove_content(TENANT, "files", "a")

    assert product.file("a") is None


def test_keys_leave_room_for_the_tenant_in_the_bucket(product: Product) -> None:
    assert product.sink.most_key_bytes(TENANT, "files") == 1_024 - len("anna/")


def test_a_doctype_that_is_only_exported_is_not_written(product: Product) -> None:
    with pytest.raises(CatalogError, match="logs cannot be imported"):
        product.sink.write(TENANT, "logs", IMPORT, [note("a")])
    with pytest.raises(CatalogError):
        product.sink.existing(TENANT, "unknown", ["a"])


def test_a_tenant_whose_name_could_be_another_s_folder_is_refused(
    moto_endpoint: str, table: str, bucket: str, dynamodb: AwsJsonClient, impatient: Backoff
) -> None:
    sink = on_aws(moto_endpoint, table, bucket, dynamodb, impatient).sink

    with pytest.raises(StorageUnavailable, match="could not be told from another tenant's"):
        sink.content_of("an/na", "files", "a")


def test_a_large_content_is_copied_in_pieces(
    monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, bucket: str, impatient: Backoff
) -> None:
    monkeypatch.setattr(s3_contents, "COPIED_AT_ONCE", 5 * 2**20)
    content = bytes(range(256)) * (48 * 2**10)
    s3 = boto("s3", moto_endpoint)
    s3.put_object(Bucket=bucket, Key="source", Body=content)
    contents = contents_in(bucket, moto_endpoint, impatient)

    contents.put("copied", (bucket, "source"), len(content), import_id=IMPORT, media_type="text/plain")

    found = s3.get_object(Bucket=bucket, Key="copied")
    assert found["Body"].read() == content
    assert found["ETag"].endswith('-3"')
    assert (found["ContentType"], found["Metadata"]) == ("text/plain", {"waybill-import": IMPORT})


def test_a_copy_in_pieces_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, bucket: str, impatient: Backoff
) -> None:
    monkeypatch.setattr(s3_contents, "COPIED_AT_ONCE", 5 * 2**20)
    s3 = boto("s3", moto_endpoint)

    with pytest.raises(ObjectMissing):
        contents_in(bucket, moto_endpoint, impatient).put(
            "copied", (bucket, "missing"), 12 * 2**20, import_id=IMPORT, media_type=""
        )

    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
