"""A part is put together of pieces that the store takes, whatever is written and copied into it."""

import random
import zlib
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import MemoryObjects, etag_of

from waybill.archive.copied import CopiedEntry
from waybill.archive.errors import ContentLost
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.part import Copy
from waybill.domain.errors import ObjectDenied, PartTooLarge, StorageUnavailable
from waybill.domain.plan import FileEntry, FileReference
from waybill.ports import Download
from waybill.services import part_upload
from waybill.services.part_upload import PartUpload, UploadState

KEY = "exports/e/parts/part-00001.tar"
DOWNLOAD = Download("part.tar", "application/x-tar")
LEAST, NORMAL = 50, 200
NOISE = random.Random(2).randbytes(5_000)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces as S3 has them, only a hundred thousand times smaller."""
    monkeypatch.setattr(part_upload, "LEAST_PIECE", LEAST)
    monkeypatch.setattr(part_upload, "PIECE", NORMAL)
    monkeypatch.setattr(part_upload, "LARGEST_COPY", 1_000)
    monkeypatch.setattr(part_upload, "_MOST_TAIL", 10)


class Store:
    """A bucket of archives and one of files."""

    def __init__(self, *, bound: int = 1) -> None:
        self.bound = bound
        self.files = MemoryObjects()
        self.archives = MemoryObjects()
        self.archives.least_piece = LEAST
        self.archives.elsewhere = lambda bucket: self.files
        self.headers: list[int | None] = []

    def upload(self, state: UploadState | None = None) -> PartUpload:
        return PartUpload(
            self.archives,
            KEY,
            DOWNLOAD,
            bound=self.bound,
            section_key=lambda piece: f"exports/e/work/sections/{piece}",
            fingerprint=Fingerprint(64, state.fingerprint if state else None),
            bucket_of=lambda file: "files",
            read_head=lambda file, size: self.files.stream_range(file.reference.key, 0, size, etag=file.reference.etag),
            state=state,
        )

    def copy_of(self, content: bytes, *, crc32: bool = False, needs_crc32: bool = True) -> Copy:
        key = f"file-{len(self.files.objects)}"
        self.files.put(key, content)
        reference = FileReference(key, key, "", key, len(content), etag_of(content))

        def header(told: int | None) -> bytes:
            self.headers.append(told)
            return b"<header>"

        entry = CopiedEntry(len(b"<header>"), header, b"", needs_crc32=needs_crc32)
        return Copy(FileEntry(key, "files", reference), entry, zlib.crc32(content) if crc32 else None)

    def finish(self, upload: PartUpload) -> bytes:
        last = upload.last()
        if last is not None:
            self.archives.finish_upload(KEY, last.upload, last.pieces, crc32=upload.crc32)
        return self.archives.objects[KEY]


@pytest.fixture
def store() -> Store:
    return Store()


def copy_and_settle(upload: PartUpload, step: Copy) -> None:
    """What goes wrong with a copy is raised at once or when it is waited for."""
    upload.copy(step)
    upload.settle()


@pytest.mark.parametrize("size", [0, 1, NORMAL - 1, NORMAL])
def test_little_is_one_request(store: Store, size: int) -> None:
    with store.upload() as upload:
        upload.write(NOISE[:size])
        assert store.finish(upload) == NOISE[:size]
        assert upload.crc32 == zlib.crc32(NOISE[:size])
    assert store.archives.puts == [KEY]
    assert store.archives.uploads == {}
    assert store.archives.downloads[KEY] == DOWNLOAD


def test_much_is_pieces_of_one_size(store: Store) -> None:
    with store.upload() as upload:
        for start in range(0, 1_000, 30):
            upload.write(NOISE[start : min(start + 30, 1_000)])
        assert store.finish(upload) == NOISE[:1_000]
        last = upload.last()
    assert last is not None
    assert [piece.size for piece in last.pieces] == [NORMAL] * 5


def test_a_copied_content_goes_by_us(store: Store) -> None:
    content = NOISE[:800]
    with store.upload() as upload:
        upload.write(b"a" * 60)
        upload.copy(store.copy_of(content))
        upload.write(b"b" * 3)
        assert store.finish(upload) == b"a" * 60 + b"<header>" + content + b"b" * 3
        assert upload.fingerprint.size == 60 + 8 + 800 + 3
        assert upload.fingerprint.sha256 is None
        assert upload.crc32 == zlib.crc32(store.archives.objects[KEY])
    assert store.headers == [zlib.crc32(content)]
    assert store.files.gets == ["file-0"]  # by the store itself, when it copied


def test_where_too_little_is_written_the_head_of_the_content_fills_up(store: Store) -> None:
    with store.upload() as upload:
        upload.copy(store.copy_of(NOISE[:800]))
        store.finish(upload)
    ((_, number, source),) = store.archives.copies
    assert (number, source.start, source.end) == (2, LEAST - len(b"<header>"), 800)
    assert store.archives.puts == [f"{KEY}#1", KEY]


def test_what_is_too_large_for_one_copy_is_several(store: Store) -> None:
    with store.upload() as upload:
        upload.copy(store.copy_of(NOISE[:3_500]))
        assert store.finish(upload) == b"<header>" + NOISE[:3_500]
    ranges = sorted((source.start, source.end) for _, _, source in store.archives.copies)
    assert len(ranges) == 4
    assert all(end - start <= 1_000 for start, end in ranges)
    assert [start for start, _ in ranges[1:]] == [end for _, end in ranges[:-1]]


def test_a_checksum_that_the_store_knows_is_not_waited_for(store: Store) -> None:
    with store.upload() as upload:
        upload.copy(store.copy_of(NOISE[:500], crc32=True))
        store.finish(upload)
    assert store.headers == [zlib.crc32(NOISE[:500])]


def test_a_checksum_that_the_store_does_not_tell_is_read(store: Store) -> None:
    store.archives.tells_crc32 = False
    with store.upload() as upload:
        upload.copy(store.copy_of(NOISE[:500]))
        upload.copy(store.copy_of(NOISE[:600], needs_crc32=False))
        store.finish(upload)
        assert upload.crc32 is None
    assert sorted(store.headers, key=str) == sorted([zlib.crc32(NOISE[:500]), None], key=str)


def test_a_content_that_is_gone_is_named(store: Store) -> None:
    for make in (
        store.files.objects.clear,
        lambda: store.files.objects.update(dict.fromkeys(store.files.objects, b"other")),
        lambda: store.files.fail_on.update({key: ObjectDenied("no") for key in store.files.objects}),
    ):
        step = store.copy_of(NOISE[:500])
        make()
        with store.upload() as upload, pytest.raises(ContentLost) as lost:
            copy_and_settle(upload, step)
        assert lost.value.path == step.file.path


def test_what_the_archives_bucket_refuses_is_no_loss_of_a_file(store: Store) -> None:
    store.archives.fail_on[f"{KEY}#2"] = StorageUnavailable("down")
    with store.upload() as upload, pytest.raises(StorageUnavailable, match="down"):
        copy_and_settle(upload, store.copy_of(NOISE[:500]))


def test_more_pieces_than_there_may_be_are_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_upload, "MOST_PIECES", 3)
    with store.upload() as upload, pytest.raises(PartTooLarge):
        upload.write(NOISE[: 5 * NORMAL])


def test_a_very_large_part_is_written_in_sections() -> None:
    store = Store(bound=10**18)
    with store.upload() as upload:
        upload.write(NOISE[:2_500])
        upload.copy(store.copy_of(NOISE[:300]))
        upload.write(NOISE[:900])
        assert store.finish(upload) == NOISE[:2_500] + b"<header>" + NOISE[:300] + NOISE[:900]
        assert upload.crc32 == zlib.crc32(store.archives.objects[KEY])
    copied = [source for _, _, source in store.archives.copies]
    assert [source.key.rpartition("/")[0] for source in copied if source.bucket is None] == [
        "exports/e/work/sections"
    ] * len([source for source in copied if source.bucket is None])
    assert len([source for source in copied if source.bucket is None]) >= 5
    assert all(source.end - source.start <= 1_000 for source in copied)


runs = st.lists(
    st.one_of(st.tuples(st.just("write"), st.integers(0, 400)), st.tuples(st.just("copy"), st.integers(100, 2_500))),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(runs=runs, rest_after=st.sets(st.integers(0, 12)), tells=st.booleans(), bound=st.sampled_from([1, 10**18]))
def test_whatever_is_written_and_copied_is_there_in_order(
    runs: Sequence[tuple[str, int]], rest_after: set[int], tells: bool, bound: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_upload, "LEAST_PIECE", LEAST)
        patch.setattr(part_upload, "PIECE", NORMAL)
        patch.setattr(part_upload, "LARGEST_COPY", 1_000)
        patch.setattr(part_upload, "_MOST_TAIL", 10)
        store, expected = Store(bound=bound), bytearray()
        store.archives.tells_crc32 = tells
        with ExitStack() as opened:
            upload = opened.enter_context(store.upload())
            for position, (kind, size) in enumerate(runs):
                content = NOISE[position : position + size]
                if kind == "write":
                    upload.write(content)
                    expected += content
                else:
                    upload.copy(store.copy_of(content))
                    expected += b"<header>" + content
                if position in rest_after and upload.can_rest:
                    upload = opened.enter_context(store.upload(upload.rest()))
            assert store.finish(upload) == bytes(expected)
            assert upload.fingerprint.size == len(expected)
