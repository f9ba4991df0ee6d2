"""What every ObjectStore promises, held against the one in memory and the one on S3."""

import hashlib
import zlib
from dataclasses import replace
from datetime import timedelta
from urllib.request import urlopen

import pytest
from tests.contract.conftest import REGION, boto, credentials
from tests.fakes import MemoryObjects

from waybill.adapters.backoff import Backoff
from waybill.adapters.s3_objects import S3Objects
from waybill.archive.spool import Spool
from waybill.domain.errors import ObjectChanged, ObjectMissing, StorageUnavailable, UploadMissing
from waybill.ports import CopySource, Download, ObjectStore

MEBIBYTE = 1024 * 1024
DOWNLOAD = Download("Anna's Daten.tar.gz", "application/gzip")
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


def test_what_lies_on_the_disk_is_put_like_what_is_in_memory(objects: ObjectStore) -> None:
    content = bytes(range(256)) * 12_000
    for key in ("whole", "piece"):
        body = Spool(content)
        if key == "whole":
            objects.put(key, body, download=DOWNLOAD)
        else:
            upload = started(objects, key)
            piece = objects.put_piece(key, upload, 1, body)
            assert (piece.size, piece.crc32) == (len(content), zlib.crc32(content))
            objects.finish_upload(key, upload, [piece], crc32=piece.crc32)
        body.close()
        assert objects.get(key) == content


def started(objects: ObjectStore, key: str = "key") -> str:
    return objects.start_upload(key, download=DOWNLOAD)


def test_pieces_become_one_object(objects: ObjectStore) -> None:
    contents = [b"a" * 5 * MEBIBYTE, b"b" * 6 * MEBIBYTE, b"c"]
    upload = started(objects)

    pieces = [objects.put_piece("key", upload, number, content) for number, content in enumerate(contents, start=1)]

    assert [(piece.number, piece.size, piece.crc32) for piece in pieces] == [
        (number, len(content), zlib.crc32(content)) for number, content in enumerate(contents, start=1)
    ]
    assert [replace(piece, crc32=None) for piece in pieces] == list(objects.uploaded("key", upload))
    assert keys(objects) == []
    objects.finish_upload("key", upload, pieces, crc32=zlib.crc32(b"".join(contents)))
    assert objects.get("key") == b"".join(contents)


def test_an_upload_may_be_finished_twice_and_then_is_gone(objects: ObjectStore) -> None:
    upload = started(objects)
    pieces = [objects.put_piece("key", upload, 1, b"all")]
    objects.finish_upload("key", upload, pieces, crc32=None)

    objects.finish_upload("key", upload, pieces, crc32=None)

    with pytest.raises(UploadMissing):
        objects.uploaded("key", upload)


def test_a_piece_that_was_put_again_counts_as_it_is_now(objects: ObjectStore) -> None:
    upload = started(objects)
    old = objects.put_piece("key", upload, 1, b"old")
    new = objects.put_piece("key", upload, 1, b"new")

    with pytest.raises(UploadMissing):
        objects.finish_upload("key", upload, [old], crc32=None)
    objects.finish_upload("key", upload, [new], crc32=None)
    assert objects.get("key") == b"new"


def test_a_piece_is_copied_from_a_pinned_version(objects: ObjectStore, bucket: str) -> None:
    content = bytes(range(256)) * 40_000
    objects.put("from/ü +%", content)
    [info] = objects.list("from/")
    upload = started(objects)

    copied = objects.copy_piece("key", upload, 1, CopySource(bucket, info.key, info.etag, 100, 6 * MEBIBYTE))

    assert (copied.number, copied.size) == (1, 6 * MEBIBYTE - 100)
    assert copied.crc32 in {None, zlib.crc32(content[100 : 6 * MEBIBYTE])}
    last = objects.put_piece("key", upload, 2, b"end")
    objects.finish_upload("key", upload, [copied, last], crc32=None)
    assert objects.get("key") == content[100 : 6 * MEBIBYTE] + b"end"


def test_a_source_that_is_gone_is_not_copied(objects: ObjectStore, bucket: str) -> None:
    upload = started(objects)

    with pytest.raises(ObjectMissing):
        objects.copy_piece("key", upload, 1, CopySource(bucket, "nothing", '"x"', 0, 1))


def test_unfinished_uploads_are_dropped(objects: ObjectStore) -> None:
    upload, other = started(objects, "exports/e1/a"), started(objects, "exports/e2/a")

    objects.abort_uploads("exports/e1/")
    objects.abort_uploads("exports/e1/")

    with pytest.raises(UploadMissing):
        objects.uploaded("exports/e1/a", upload)
    assert objects.uploaded("exports/e2/a", other) == []


def test_an_object_that_nobody_gave_a_digest_has_none(objects: ObjectStore) -> None:
    objects.put("key", b"one")
    [info] = objects.list("key")

    assert objects.stored_digests("key", etag=info.etag).sha256 is None
    with pytest.raises(ObjectMissing):
        objects.stored_digests("nothing", etag=info.etag)
    objects.put("key", b"two")
    with pytest.raises(ObjectChanged):
        objects.stored_digests("key", etag=info.etag)


def test_a_stream_may_start_anywhere(objects: ObjectStore) -> None:
    objects.put("key", b"0123456789")

    assert b"".join(objects.stream("key", start=4)) == b"456789"


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


def test_the_folders_under_a_prefix_are_found_those_of_unfinished_uploads_too(objects: ObjectStore) -> None:
    for key in [
        "exports/e1/a",
        "exports/e1/work/b",
        "exports/e3/a&<b>",
        "exports/a file",
        "exports/ü b/c",
        "other/e4/a",
    ]:
        objects.put(key, b"x")
    for key in ["exports/e2/parts/1", "exports/e3/parts/1", "exports/a piece", "other/e5/a"]:
        objects.start_upload(key, download=DOWNLOAD)

    assert list(objects.prefixes("exports/")) == ["exports/e1/", "exports/e2/", "exports/e3/", "exports/ü b/"]
    assert list(objects.prefixes("nothing/")) == []


class TestOnS3:
    """What only the bucket shows."""

    def test_a_stored_digest_is_told(self, s3: S3Objects, bucket: str, moto_endpoint: str) -> None:
        client = boto("s3", moto_endpoint)
        client.put_object(Bucket=bucket, Key="key", Body=b"one", ChecksumAlgorithm="SHA256")
        [info] = s3.list("key")

        assert s3.stored_digests("key", etag=info.etag).sha256 == hashlib.sha256(b"one").hexdigest()

    def test_an_object_put_together_of_pieces_presents_itself(self, s3: S3Objects) -> None:
        upload = started(s3)
        s3.finish_upload("key", upload, [s3.put_piece("key", upload, 1, b"x")], crc32=None)

        with urlopen(s3.presign("key", expires_in=timedelta(minutes=5))) as answer:
            assert answer.headers["Content-Disposition"] == 'attachment; filename="Anna\'s Daten.tar.gz"'
            assert answer.headers["Content-Type"] == "application/gzip"

    def test_more_pieces_than_a_page_lists(self, s3: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("waybill.adapters.s3_rest._PAGE", 2)
        upload = started(s3)
        for number in range(1, 6):
            s3.put_piece("key", upload, number, b"x")

        assert [piece.number for piece in s3.uploaded("key", upload)] == [1, 2, 3, 4, 5]

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

        folders = [f"folders/{number}/" for number in range(13)]
        for folder in folders:
            s3.put(f"{folder}a", b"")
            s3.put(f"{folder}b", b"")

        assert list(s3.prefixes("folders/")) == sorted(folders)
        assert s3.delete_prefix("folders/") == 2 * len(folders)
        assert keys(s3, "many/") == names
        assert s3.delete_prefix("many/") == len(names)
        assert keys(s3) == []

    def test_a_presigned_link_downloads_under_its_name(self, s3: S3Objects) -> None:
        s3.put("exports/e1/part-00001.tar.gz", b"content", download=DOWNLOAD)

        with urlopen(s3.presign("exports/e1/part-00001.tar.gz", expires_in=timedelta(minutes=5))) as answer:
            assert answer.read() == b"content"
            assert answer.headers["Content-Type"] == "application/gzip"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="Anna\'s Daten.tar.gz"'

    def test_a_missing_bucket_is_named_and_no_missing_object(self, moto_endpoint: str, impatient: Backoff) -> None:
        store = S3Objects(
            "no-such-bucket", region=REGION, endpoint=moto_endpoint, credentials=credentials, backoff=impatient
        )

        for use in (
            lambda: store.get("key"),
            lambda: store.put("key", b""),
            lambda: store.start_upload("key", download=DOWNLOAD),
            lambda: list(store.list("")),
            lambda: store.delete_prefix("x/"),
        ):
            with pytest.raises(StorageUnavailable, match=r"no-such-bucket .*NoSuchBucket"):
                use()
