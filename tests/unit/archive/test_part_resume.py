"""A part that is written by several writers, one after the other, has the bytes that one writer would have given it."""

import hashlib
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import CONTAINERS, GROUP, Export, each_format, payload
from tests.unit.archive.test_part_round_trip import example

from waybill.archive import crc32
from waybill.archive.container import Container
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.pieces import PieceDigests
from waybill.archive.sha256 import Sha256
from waybill.domain.plan import PartsHeader, StoredDigests

GIB = 1 << 30
MEBIBYTE = 1 << 20
NOISE = random.Random(11).randbytes(12 * MEBIBYTE)


def large_export(container: Container) -> Export:
    """An export with files of several blocks, some of which the store may copy."""
    export = Export(container)
    export.add_records("notes", [b'{"n":%d}\n' % number for number in range(5)])
    export.add_file("a.txt", b"text " * 700_000, mime="text/plain")
    export.add_file("b.jpg", NOISE[: 3 * MEBIBYTE], mime="image/jpeg")
    export.add_file("c.jpg", NOISE[: 10 * MEBIBYTE], mime="image/jpeg")
    export.add_file("d.txt", b"exactly two blocks" + bytes(2 * MEBIBYTE - 18), mime="text/plain")
    export.add_file("e", b"small")
    export.add_file("f.jpg", NOISE, mime="image/jpeg")
    return export


@pytest.mark.parametrize("rests", [lambda _: True, lambda point: point % 3 == 0], ids=["everywhere", "every third"])
@each_format
def test_a_part_may_rest_at_every_safe_point(container: Container, rests: Callable[[int], bool]) -> None:
    export = large_export(container)
    (part,) = export.pack(GIB)

    data, writers = export.written_with_rests(part.plan, PartsHeader(GROUP, 1, 1), rests)

    assert data == part.data
    assert writers > 4
    assert payload([part]) == export.payload


@each_format
@settings(max_examples=25, deadline=None)
@given(points=st.sets(st.integers(1, 40)), parts_size=st.sampled_from([10_240, 200_000, GIB]))
def test_wherever_it_rests_the_bytes_are_the_same(container: Container, points: set[int], parts_size: int) -> None:
    export = example(container)
    parts = export.pack(parts_size)
    for part in parts:
        header = PartsHeader(GROUP, len(parts), 1)
        data, _ = export.written_with_rests(part.plan, header, points.__contains__)
        assert data == part.data


@pytest.mark.parametrize("name", ["tar", "zip"])
def test_files_that_the_store_copies_are_where_they_belong(name: str) -> None:
    export = large_export(CONTAINERS[name])

    (part,) = export.pack(GIB)

    assert export.copied == ["data/files/c.jpg", "data/files/f.jpg"]
    assert part.packed.copied == 2
    assert part.packed.sha256 is None
    assert part.packed.pieces == ()
    assert part.packed.size == len(part.data)
    assert part.packed.crc32 == f"{zlib.crc32(part.data):08x}"
    assert payload([part]) == export.payload


@pytest.mark.parametrize("name", ["tar.gz", "tar.zst"])
def test_nothing_is_copied_into_what_is_compressed(name: str) -> None:
    export = large_export(CONTAINERS[name])

    (part,) = export.pack(GIB)

    assert export.copied == []
    assert part.packed.sha256 == hashlib.sha256(part.data).hexdigest()


def test_a_copied_tar_has_the_bytes_of_one_that_was_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = large_export(CONTAINERS["tar"]).pack(GIB)
    monkeypatch.setattr("waybill.archive.part.may_be_copied", lambda *_: False)
    streamed = large_export(CONTAINERS["tar"])

    assert [part.data for part in streamed.pack(GIB)] == [part.data for part in copied]
    assert streamed.copied == []


def test_what_shrinks_is_not_copied_into_a_zip() -> None:
    export = Export(CONTAINERS["zip"])
    export.add_file("large.txt", bytes(11 * MEBIBYTE), mime="text/plain")

    (part,) = export.pack(GIB)

    assert export.copied == []
    assert len(part.data) < MEBIBYTE


def test_a_file_whose_digest_the_store_does_not_know_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    export = large_export(CONTAINERS["tar"])
    monkeypatch.setattr(export, "stored_digests", lambda _: StoredDigests(None, 5))

    (part,) = export.pack(GIB)

    assert export.copied == []
    assert part.packed.sha256 == hashlib.sha256(part.data).hexdigest()


def test_the_end_of_a_zip_waits_for_every_checksum() -> None:
    writer = CONTAINERS["zip"].writer()
    entry = writer.copied_entry("a", 5, 0)  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="1 copied contents"):
        list(writer.end())
    with pytest.raises(RuntimeError, match="1 copied contents"):
        writer.state()
    with pytest.raises(ValueError, match="needs the CRC-32"):
        entry.header(None)
    entry.header(7)
    assert list(writer.end())


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_are_combined_without_the_bytes(first: bytes, second: bytes) -> None:
    combined = crc32.combine(zlib.crc32(first), zlib.crc32(second), len(second))
    assert combined == zlib.crc32(first + second)


def test_checksums_of_huge_runs_are_combined() -> None:
    """A content of 5 GiB of zeros, whose CRC-32 is made of its halves' again and again."""
    size, total = 1 << 20, zlib.crc32(bytes(1 << 20))
    while size < 5 << 30:
        total, size = crc32.combine(total, total, size), 2 * size
    streamed = 0
    for _ in range(size >> 24):
        streamed = zlib.crc32(bytes(1 << 24), streamed)
    assert total == streamed


@given(st.lists(st.binary(max_size=70)), st.integers(1, 40))
def test_digests_are_taken_up_again(chunks: list[bytes], length: int) -> None:
    whole = b"".join(chunks)
    sha256, pieces, fingerprint = Sha256(), PieceDigests(length), Fingerprint(length)
    for chunk in chunks:
        sha256 = Sha256(sha256.state())
        pieces = PieceDigests(length, pieces.so_far())
        fingerprint = Fingerprint(length, fingerprint.state())
        for digest in (sha256, pieces, fingerprint):
            digest.update(chunk)
    expected = [hashlib.sha256(whole[start : start + length]).hexdigest() for start in range(0, len(whole), length)]
    assert sha256.hexdigest() == fingerprint.sha256 == hashlib.sha256(whole).hexdigest()
    assert list(pieces.digests()) == list(fingerprint.pieces) == expected
    assert fingerprint.size == len(whole)
