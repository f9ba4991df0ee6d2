"""What every ObjectStore promises, held against the one in memory and the one on S3."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from urllib.request import urlopen

import pytest
from tests.contract.conftest import REGION, boto, credentials
from tests.fakes import MemoryObjects

from waybill.adapters.backoff import Backoff
from waybill.adapters.s3_objects import S3Objects
from waybill.domain.errors import ObjectChanged, ObjectMissing, StorageUnavailable
from waybill.ports import ObjectStore

MEBIBYTE = 1024 * 1024
ODD_KEYS = [
    " leading and trailing ",
    "/leading/slash",
    "a//b",
    "a/../b",
    "a/./b",
    "folder/",
    "per%20cent",
    "plus+and?question#hash&amp;",
    "pipe|tilde~brace{}\\back",
    "quote\"and'apostrophe<>",
    "tab\tbell\x07",
    "ünïcödé/名前/🧾",
]


@pytest.fixture(params=["memory", "s3"])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    return MemoryObjects() if request.param == "memory" else request.getfixturevalue("s3")


@pytest.fixture
def s3(moto_endpoint: str, bucket: str, impatient: Backoff) -> S3Objects:
    return S3Objects(bucket, region=REGION, endpoint=moto_endpoint, credentials=credentials, backoff=impatient)


def keys(objects: ObjectStore, prefix: str = "", after: str | None = None) -> list[str]:
    return [info.key for info in objects.list(prefix, after=after)]


@pytest.mark.parametrize("data", [b"", b"one", bytes(range(256)) * 20_000], ids=["empty", "small", "large"])
def test_what_was_put_comes_back(objects: ObjectStore, data: bytes) -> None:
    objects.put("exports/e1/part", data)

    assert objects.get("exports/e1/part") == data
    assert b"".join(objects.stream("exports/e1/part")) == data


def test_putting_again_replaces(objects: ObjectStore) -> None:
    objects.put("key", b"old")
    objects.put("key", b"new")

    assert objects.get("key") == b"new"


@pytest.mark.parametrize(
    "sizes",
    [[], [0], [10], [3, 0, 5], [8 * MEBIBYTE], [8 * MEBIBYTE, 1], [5 * MEBIBYTE] * 5],
    ids=["nothing", "an empty chunk", "one", "an empty one between", "one piece", "a piece and a byte", "four pieces"],
)
def test_a_stream_is_stored_in_order(objects: ObjectStore, sizes: list[int]) -> None:
    chunks = [bytes([number + 1]) * size for number, size in enumerate(sizes)]

    objects.put_stream("key", iter(chunks))

    assert objects.get("key") == b"".join(chunks)


def test_a_stream_may_come_out_of_the_same_store(objects: ObjectStore) -> None:
    content = bytes(range(256)) * 80_000
    objects.put("from", content)

    objects.put_stream("to", chain(objects.stream("from"), iter([b"and"]), objects.stream("from")))

    assert objects.get("to") == content + b"and" + content


class SourceBrokeError(Exception):
    """What the test's own iterator raises."""


@pytest.mark.parametrize("size", [0, 1, 30 * MEBIBYTE])
@pytest.mark.parametrize(
    "error", [SourceBrokeError("broke"), FileNotFoundError("no such file")], ids=["own", "builtin"]
)
def test_what_the_iterator_raises_comes_out_and_nothing_is_stored(
    objects: ObjectStore, size: int, error: Exception
) -> None:
    def breaking() -> Iterator[bytes]:
        for _ in range(0, size, MEBIBYTE):
            yield b"x" * min(size, MEBIBYTE)
        raise error

    with pytest.raises(type(error)) as caught:
        objects.put_stream("key", breaking())

    assert caught.value is error
    assert keys(objects) == []


def test_an_upload_that_breaks_leaves_what_was_there(objects: ObjectStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"new"
        raise SourceBrokeError

    objects.put("key", b"old")

    with pytest.raises(SourceBrokeError):
        objects.put_stream("key", breaking())

    assert objects.get("key") == b"old"


def test_a_range_is_cut_out(objects: ObjectStore) -> None:
    objects.put("key", b"0123456789")

    assert b"".join(objects.stream_range("key", 0, 10)) == b"0123456789"
    assert b"".join(objects.stream_range("key", 3, 4)) == b"3456"
    assert b"".join(objects.stream_range("key", 9, 1)) == b"9"


def test_a_range_that_is_not_there_is_an_error_and_not_short(objects: ObjectStore) -> None:
    objects.put("key", b"0123456789")

    with pytest.raises(StorageUnavailable):
        b"".join(objects.stream_range("key", 8, 3))


def test_a_missing_object_is_named(objects: ObjectStore) -> None:
    with pytest.raises(ObjectMissing, match="key"):
        objects.get("some/key")
    with pytest.raises(ObjectMissing, match="key"):
        b"".join(objects.stream_range("some/key", 0, 1))
    with pytest.raises(ObjectMissing, match="key"):
        next(objects.stream("some/key"))


def test_a_pinned_version_is_read_and_no_other(objects: ObjectStore) -> None:
    objects.put("key", b"one")
    [one] = objects.list("key")
    assert b"".join(objects.stream("key", etag=one.etag)) == b"one"

    objects.put("key", b"two")

    with pytest.raises(ObjectChanged, match="key"):
        next(objects.stream("key", etag=one.etag))


def test_a_listing_is_sorted_by_the_bytes_of_the_keys(objects: ObjectStore) -> None:
    names = ["t/b", "t/a/z", "t/a", "t/B", "t/\U0001f9fe", "t/\uffff", "t/é", "u/a", "t"]
    for name in names:
        objects.put(name, name.encode())

    assert keys(objects, "t/") == sorted((name for name in names if name.startswith("t/")), key=str.encode)
    assert keys(objects, "t/a") == ["t/a", "t/a/z"]
    assert keys(objects, "t/", after="t/a") == keys(objects, "t/")[2:]
    assert keys(objects, "t/", after="t/aa") == keys(objects, "t/")[3:]
    assert keys(objects, "none/") == []


def test_a_listing_gives_size_and_version(objects: ObjectStore) -> None:
    objects.put("key", b"one")

    [info] = objects.list("")

    assert (info.key, info.size, info.etag) == ("key", 3, '"f97c5d29941bfb1b2fdab0874906ab82"')


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_is_no_path(objects: ObjectStore, key: str, moto_endpoint: str, bucket: str) -> None:
    """Products name their files as they like: what is in the bucket can be listed and read."""
    if isinstance(objects, MemoryObjects):
        objects.put(key, b"content")
    else:
        boto("s3", moto_endpoint).put_object(Bucket=bucket, Key=key, Body=b"content")

    [info] = objects.list("")

    assert info.key == key
    assert b"".join(objects.stream(key, etag=info.etag)) == b"content"
    assert b"".join(objects.stream_range(key, 3, 2)) == b"te"
    with pytest.raises(ObjectChanged):
        next(objects.stream(key, etag='"other"'))
    assert keys(objects, key, after=key[:-1]) == [key]


def test_everything_under_a_prefix_is_removed_and_nothing_else(objects: ObjectStore) -> None:
    for key in ["exports/e1/a", "exports/e1/work/b&<c>", "exports/e10/a", "exports/e1"]:
        objects.put(key, b"x")

    assert objects.delete_prefix("exports/e1/") == 2
    assert objects.delete_prefix("exports/e1/") == 0
    assert keys(objects) == ["exports/e1", "exports/e10/a"]


class TestOnS3:
    """What only the bucket shows."""

    def test_a_broken_stream_leaves_no_unfinished_upload(self, s3: S3Objects, bucket: str, moto_endpoint: str) -> None:
        def breaking() -> Iterator[bytes]:
            for _ in range(40):
                yield b"x" * MEBIBYTE
            raise SourceBrokeError

        with pytest.raises(SourceBrokeError):
            s3.put_stream("key", breaking())

        assert "Uploads" not in boto("s3", moto_endpoint).list_multipart_uploads(Bucket=bucket)

    def test_a_small_stream_is_one_request(self, s3: S3Objects, bucket: str, moto_endpoint: str) -> None:
        s3.put_stream("key", iter([b"a", b"b"]))

        assert "-" not in boto("s3", moto_endpoint).head_object(Bucket=bucket, Key="key")["ETag"]

    def test_unfinished_uploads_under_a_prefix_are_aborted(
        self, s3: S3Objects, bucket: str, moto_endpoint: str
    ) -> None:
        client = boto("s3", moto_endpoint)
        for key in ["exports/e1/a", "exports/e1/ü b", "exports/e2/a"]:
            client.create_multipart_upload(Bucket=bucket, Key=key)

        assert s3.delete_prefix("exports/e1/") == 0

        left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert [upload["Key"] for upload in left] == ["exports/e2/a"]

    def test_listings_and_removals_longer_than_a_page(
        self, s3: S3Objects, bucket: str, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.adapters.s3_rest._PAGE", 5)
        monkeypatch.setattr("waybill.adapters.s3_objects._DELETE_BATCH", 5)
        names = [f"many/{number:05}" for number in range(13)]
        for name in names:
            s3.put(name, b"")

        assert keys(s3, "many/") == names
        assert s3.delete_prefix("many/") == len(names)
        assert keys(s3) == []

    def test_a_presigned_link_downloads_under_its_name(self, s3: S3Objects) -> None:
        s3.put("exports/e1/part-00001.tar.gz", b"content")

        url = s3.presign(
            "exports/e1/part-00001.tar.gz", expires_in=timedelta(minutes=5), filename="Anna's Daten.tar.gz"
        )

        with urlopen(url) as answer:
            assert answer.read() == b"content"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="Anna\'s Daten.tar.gz"'

    def test_a_missing_bucket_is_named_and_no_missing_object(self, moto_endpoint: str, impatient: Backoff) -> None:
        store = S3Objects(
            "no-such-bucket", region=REGION, endpoint=moto_endpoint, credentials=credentials, backoff=impatient
        )

        for use in (
            lambda: store.get("key"),
            lambda: store.put("key", b""),
            lambda: store.put_stream("key", iter([b"x" * 9 * MEBIBYTE])),
            lambda: list(store.list("")),
            lambda: store.delete_prefix("x/"),
        ):
            with pytest.raises(StorageUnavailable, match=r"no-such-bucket .*NoSuchBucket"):
                use()
