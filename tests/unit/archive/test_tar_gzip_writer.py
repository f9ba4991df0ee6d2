"""The container tar.gz: members, boundaries, refusals."""

import gzip
import random
import zlib
from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import TAR_GZIP, unpack

from waybill.archive.errors import ContentSizeChanged
from waybill.archive.tar_members import SHARED_MOST

NOISE = random.Random(5).randbytes(2_500_000)


def members(data: bytes) -> list[bytes]:
    """What each gzip member of ``data`` holds."""
    found = []
    while data:
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        found.append(inflate.decompress(data))
        data = inflate.unused_data
    return found


def test_small_entries_share_a_member() -> None:
    writer = TAR_GZIP.writer()
    data = b"".join(chunk for number in range(100) for chunk in writer.entry(f"a/{number}", 5, 0, [b"he", b"", b"llo"]))
    assert data == b""
    data = b"".join(writer.end())
    assert len(members(data)) == 1
    assert unpack(data) == {f"a/{number}": b"hello" for number in range(100)}


def test_members_hold_at_most_a_mebibyte() -> None:
    writer = TAR_GZIP.writer()
    data = b"".join(
        chunk for number in range(60) for chunk in writer.entry(f"a/{number}", 60_000, 0, [NOISE[:60_000]])
    ) + b"".join(writer.end())
    assert max(map(len, members(data))) <= 1024 * 1024
    assert len(members(data)) == 4


def test_a_large_content_has_members_of_its_own() -> None:
    writer = TAR_GZIP.writer()
    size = SHARED_MOST + 1
    data = b"".join([*writer.entry("a", size, 0, [NOISE[:size]]), *writer.end()])
    assert members(data)[1] == NOISE[:size]


def test_a_content_that_cannot_shrink_is_stored() -> None:
    writer = TAR_GZIP.writer()
    data = b"".join([*writer.entry("a.jpg", 100, 0, [b"x" * 100], compressible=False), *writer.end()])
    assert b"x" * 100 in data
    assert unpack(data) == {"a.jpg": b"x" * 100}


def test_a_packed_content_goes_in_as_it_is() -> None:
    content = b"some record\n" * 50_000
    packed = list(TAR_GZIP.pack([content]))
    writer = TAR_GZIP.writer()
    data = b"".join(
        [
            *writer.entry("before", 1, 0, [b"b"]),
            *writer.packed_entry("records", len(content), 7, packed),
            *writer.entry("after", 1, 0, [b"a"]),
            *writer.end(),
        ]
    )
    assert b"".join(packed) in data
    assert unpack(data) == {"before": b"b", "records": content, "after": b"a"}


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 2_500_000])
def test_packing_does_not_depend_on_chunks(size: int) -> None:
    content = NOISE[:size]
    whole = b"".join(TAR_GZIP.pack([content]))
    assert whole == b"".join(TAR_GZIP.pack(content[start : start + 77_777] for start in range(0, size, 77_777)))
    assert gzip.decompress(whole) == content


@pytest.mark.parametrize("compressible", [True, False])
@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
@pytest.mark.parametrize("difference", [-1, 1, 5])
def test_a_content_of_another_size_is_refused(size: int, difference: int, compressible: bool) -> None:
    writer = TAR_GZIP.writer()
    given_out = bytearray()
    chunks = writer.entry("a/b", size, 0, [NOISE[: size + difference]], compressible=compressible)
    with pytest.raises(ContentSizeChanged) as raised:
        deque(map(given_out.extend, chunks))
    assert raised.value.path == "a/b"
    assert raised.value.code == "content_size_changed"
    assert sum(map(len, members(bytes(given_out)))) < 512 + size


def test_a_small_content_of_another_size_leaves_the_archive_as_it_was() -> None:
    writer = TAR_GZIP.writer()
    with pytest.raises(ContentSizeChanged):
        list(writer.entry("gone", 10, 0, [b"short"]))
    data = b"".join([*writer.entry("there", 2, 0, [b"ok"]), *writer.end()])
    assert unpack(data) == {"there": b"ok"}


def test_a_stream_is_not_held_in_memory() -> None:
    drawn = 0

    def endless() -> Iterator[bytes]:
        nonlocal drawn
        while True:
            drawn += 100_000
            yield NOISE[:100_000]

    for chunk in TAR_GZIP.writer().entry("a", 10**12, 0, endless(), compressible=False):
        if len(chunk) > 1_000_000:
            break
    assert drawn <= 1_100_000


entries = st.lists(
    st.tuples(
        st.sampled_from(["entry", "packed"]),
        st.one_of(st.integers(0, 2_000), st.integers(0, 150_000)),
        st.sampled_from(["noise", "zeros", "text"]),
        st.booleans(),
        st.text(st.sampled_from("aé/😀"), min_size=1, max_size=200),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(entries)
def test_no_archive_is_larger_than_its_bounds(some: list[tuple[str, int, str, bool, str]]) -> None:
    writer = TAR_GZIP.writer()
    data = bytearray()
    bound = TAR_GZIP.end_bound()
    expected = {}
    for number, (kind, size, fill, compressible, name) in enumerate(some):
        path = f"bag/{number}-{name}".rstrip("/")
        content = {"noise": NOISE[number : number + size], "zeros": bytes(size), "text": (b"text " * size)[:size]}[fill]
        expected[path] = content
        before = bound
        if kind == "packed":
            packed = b"".join(TAR_GZIP.pack([content]))
            data += b"".join(writer.packed_entry(path, size, 0, [packed]))
            bound += TAR_GZIP.packed_bound(path, size, len(packed))
        else:
            data += b"".join(writer.entry(path, size, 0, [content], compressible=compressible))
            bound += TAR_GZIP.entry_bound(path, size, compressible=compressible)
            assert not compressible or TAR_GZIP.text_bound(path, content) <= bound - before
    data += b"".join(writer.end())
    assert len(data) <= bound
    assert unpack(bytes(data)) == expected
