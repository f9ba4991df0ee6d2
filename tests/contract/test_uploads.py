"""The two ports of uploads: in memory, and on DynamoDB and S3 (moto)."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.contract.conftest import REGION, boto, credentials
from tests.fake_uploads import MemoryUploadParts, MemoryUploads
from tests.fakes import FakeClock, MemoryObjects

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.dynamodb_uploads import DynamoDbUploads
from waybill.adapters.s3_objects import S3Objects
from waybill.adapters.s3_uploads import S3Uploads
from waybill.domain.errors import UploadMissing, UploadNotFound
from waybill.domain.plan import Piece
from waybill.domain.upload import LEAST_PART, Upload, UploadState, new_upload
from waybill.domain.upload_keys import upload_object
from waybill.ports import ObjectStore, UploadParts, UploadStore

HOUR = timedelta(hours=1)
LARGE = 2 * LEAST_PART + 1


@pytest.fixture(params=["memory", "dynamodb"])
def uploads(request: pytest.FixtureRequest) -> UploadStore:
    if request.param == "memory":
        return MemoryUploads()
    dynamodb: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbUploads(dynamodb, request.getfixturevalue("table"))


@dataclass
class Store:
    """Where uploads go, what a client does with a URL, and what is in the bucket then."""

    parts: UploadParts
    send: Callable[[str, bytes], int]
    objects: ObjectStore

    def upload(self, upload: Upload, *numbers: int) -> None:
        for number in numbers:
            data = b"%d" % number * upload.part(number).size
            assert self.send(self.parts.url(upload, number, expires_in=HOUR), data) == 200


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> Store:
    if request.param == "memory":
        objects = MemoryObjects()
        memory = MemoryUploadParts(objects)
        return Store(memory, memory.send, objects)
    endpoint: str = request.getfixturevalue("moto_endpoint")
    bucket: str = request.getfixturevalue("bucket")
    impatient: Backoff = request.getfixturevalue("impatient")
    at = S3Uploads(bucket, region=REGION, endpoint=endpoint, credentials=credentials, clock=clock, backoff=impatient)
    content = S3Objects(bucket, region=REGION, endpoint=endpoint, credentials=credentials, backoff=impatient)
    return Store(at, put, content)


def put(url: str, data: bytes) -> int:
    """Do what a client does."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("PUT", f"{parts.path}?{parts.query}", data)
    with connection.getresponse() as response:
        response.read()
        return response.status


def new(clock: FakeClock, size: int = 5) -> Upload:
    return new_upload("alice", "contacts.json", size, clock(), most=1 << 40)


# ---------------------------------------------------------------- Records


def test_what_is_stored_comes_back(uploads: UploadStore, clock: FakeClock) -> None:
    upload = replace(new(clock, LARGE), multipart="2~x/y+z", name="Zoë's “file”.json")
    uploads.put(upload)
    assert uploads.get("alice", upload.id) == upload

    uploads.put(upload.completed())
    assert uploads.get("alice", upload.id).state is UploadState.COMPLETE


def test_a_tenant_sees_its_own_uploads(uploads: UploadStore, clock: FakeClock) -> None:
    own = sorted([new(clock), new(clock)], key=lambda upload: upload.id)
    other = replace(new(clock), tenant="mallory")
    for upload in [*own, other]:
        uploads.put(upload)

    assert list(uploads.list("alice")) == own
    with pytest.raises(UploadNotFound):
        uploads.get("alice", other.id)


@pytest.mark.parametrize("upload_id", ["", "x", "0" * 32, "../" + "0" * 29])
def test_what_is_no_upload_is_not_found(uploads: UploadStore, upload_id: str) -> None:
    with pytest.raises(UploadNotFound):
        uploads.get("alice", upload_id)


def test_a_record_is_removed_and_may_be_again(uploads: UploadStore, clock: FakeClock) -> None:
    upload = new(clock)
    uploads.put(upload)
    uploads.delete("alice", upload.id)
    uploads.delete("alice", upload.id)

    assert list(uploads.list("alice")) == []


# ---------------------------------------------------------------- Parts


def test_a_small_file_is_there_once_it_was_sent(store: Store, clock: FakeClock) -> None:
    upload = new(clock)
    assert store.parts.there(upload) == []
    store.upload(upload, 1)

    assert [(piece.number, piece.size) for piece in store.parts.there(upload)] == [(1, 5)]
    assert store.objects.get(upload_object(upload.id)) == b"11111"


def test_parts_are_put_together_in_their_order_whenever_they_came(store: Store, clock: FakeClock) -> None:
    upload = new(clock, LARGE)
    upload = replace(upload, multipart=store.parts.begin(upload))
    assert store.parts.there(upload) == []
    store.upload(upload, 3, 1)
    assert [(piece.number, piece.size) for piece in store.parts.there(upload)] == [(1, LEAST_PART), (3, 1)]
    store.upload(upload, 2, 1)
    there = store.parts.there(upload)
    assert upload.missing(there) == []

    store.parts.finish(upload, there)
    store.parts.finish(upload, there)

    content = store.objects.get(upload_object(upload.id))
    assert (len(content), content[:1], content[LEAST_PART : LEAST_PART + 1], content[-1:]) == (LARGE, b"1", b"2", b"3")
    assert upload.missing(store.parts.there(upload)) == []


def test_parts_that_were_replaced_meanwhile_are_not_put_together(store: Store, clock: FakeClock) -> None:
    upload = new(clock, LARGE)
    upload = replace(upload, multipart=store.parts.begin(upload))
    store.upload(upload, 1, 2, 3)
    there = [*store.parts.there(upload)[:2], Piece(3, 1, "00000000000000000000000000000000")]

    with pytest.raises(UploadMissing):
        store.parts.finish(upload, there)


@pytest.mark.parametrize("size", [5, LARGE])
def test_removing_leaves_nothing_and_may_be_repeated(store: Store, clock: FakeClock, size: int) -> None:
    upload = new(clock, size)
    if size == LARGE:
        upload = replace(upload, multipart=store.parts.begin(upload))
    store.upload(upload, 1)
    store.parts.remove(upload)
    store.parts.remove(upload)

    assert store.parts.there(upload) == []
    assert list(store.objects.list("uploads/")) == []
    assert list(store.objects.prefixes("uploads/")) == []


def test_the_length_of_a_part_is_signed(moto_endpoint: str, bucket: str, clock: FakeClock) -> None:
    at = S3Uploads(bucket, region=REGION, endpoint=moto_endpoint, credentials=credentials, clock=clock)
    upload = replace(new(clock, LARGE), multipart="upload-1")
    query = parse_qs(urlsplit(at.url(upload, 3, expires_in=HOUR)).query)

    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert (query["partNumber"], query["uploadId"], query["X-Amz-Expires"]) == (["3"], ["upload-1"], ["3600"])


def test_a_finished_upload_has_no_unfinished_one_beside_it(moto_endpoint: str, bucket: str, clock: FakeClock) -> None:
    at = S3Uploads(bucket, region=REGION, endpoint=moto_endpoint, credentials=credentials, clock=clock)
    upload = new(clock, LARGE)
    upload = replace(upload, multipart=at.begin(upload))
    for number in (1, 2, 3):
        put(at.url(upload, number, expires_in=HOUR), b"x" * upload.part(number).size)
    at.finish(upload, at.there(upload))

    assert "Uploads" not in boto("s3", moto_endpoint).list_multipart_uploads(Bucket=bucket)
