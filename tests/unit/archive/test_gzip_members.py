"""Gzip members: readable by others, the same for the same content, never larger than promised."""

import gzip
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from waybill.archive import gzip_members

NOISE = random.Random(3).randbytes(3_000_000)
sizes = st.one_of(st.integers(0, 300), st.integers(0, 200_000), st.sampled_from([65_534, 65_535, 65_536, 131_070]))


def fixed_huffman_bits(data: bytes) -> int:
    """The bits that ``data`` takes in the fixed code of RFC 1951, section 3.2.6, runs of equal bytes as matches."""
    bits = position = 0
    while position < len(data):
        literal = 8 if data[position] < 144 else 9
        bits += literal
        run = 1
        while position + run < len(data) and data[position + run] == data[position]:
            run += 1
        position += run
        run -= 1
        while run >= 3:
            match = min(run, 258)
            bits += (7 if match < 115 else 8) + _extra_bits(match) + 5
            run -= match
        bits += run * literal
    return bits


def _extra_bits(match: int) -> int:
    if match == 258:
        return 0
    return next(extra for most, extra in ((10, 0), (18, 1), (34, 2), (66, 3), (130, 4), (257, 5)) if match <= most)


@given(st.binary(max_size=5_000), st.booleans())
def test_a_member_reads_back(block: bytes, stored: bool) -> None:
    member = gzip_members.compress(block, stored=stored)
    assert gzip.decompress(member) == block
    assert member[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert gzip_members.compress(block, stored=stored) == member


@settings(deadline=None)
@given(sizes, st.booleans())
def test_a_member_of_noise_is_within_the_bound(size: int, stored: bool) -> None:
    member = gzip_members.compress(NOISE[:size], stored=stored)
    assert len(member) <= gzip_members.bound(size)
    assert gzip.decompress(member) == NOISE[:size]


def test_a_full_stored_block_is_within_the_bound() -> None:
    block = NOISE[: gzip_members.BLOCK]
    assert len(gzip_members.compress(block, stored=True)) == gzip_members.bound(gzip_members.BLOCK)


def test_the_bound_of_many_members() -> None:
    size = len(NOISE)
    members = [
        gzip_members.compress(NOISE[start : start + gzip_members.BLOCK], stored=True)
        for start in range(0, size, gzip_members.BLOCK)
    ]
    assert sum(map(len, members)) <= gzip_members.bound(size)
    assert gzip.decompress(b"".join(members)) == NOISE


def test_compression_pays() -> None:
    text = b'{"name": "Ada", "born": 1815}\n' * 1_000
    assert len(gzip_members.compress(text)) < len(text) // 20


pieces = st.lists(st.one_of(st.binary(max_size=400), st.integers(1, 512).map(bytes), st.text(max_size=50)), max_size=60)


@settings(max_examples=300)
@given(pieces)
def test_a_shared_member_keeps_what_was_promised_for_its_pieces(some: list[bytes | str]) -> None:
    runs = [piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece for piece in some]
    promised = gzip_members.MEMBER + sum(
        gzip_members.ZEROS if run and not any(run) else gzip_members.text_bound(run) for run in runs
    )
    block = b"".join(runs)
    member = gzip_members.compress(block, promised=promised)
    assert len(member) <= promised
    assert gzip.decompress(member) == block


@settings(max_examples=300)
@given(pieces)
def test_the_promise_holds_without_the_good_compressor(some: list[bytes | str]) -> None:
    runs = [piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece for piece in some]
    promised = gzip_members.MEMBER + sum(
        gzip_members.ZEROS if run and not any(run) else gzip_members.text_bound(run) for run in runs
    )
    block = b"".join(runs)
    member = gzip_members._runs(block)
    assert len(member) <= promised
    assert len(member) <= 18 + fixed_huffman_bits(block) // 8 + 4
    assert gzip.decompress(member) == block


def test_the_fallback_is_used_when_the_compressor_breaks_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    def useless(data: bytes, _level: int, _wbits: int) -> bytes:
        return zlib.compress(data, 0, 16 + zlib.MAX_WBITS)

    monkeypatch.setattr(isal_zlib, "compress", useless)
    block = b"name" + bytes(500)
    promised = gzip_members.MEMBER + gzip_members.text_bound(b"name") + gzip_members.ZEROS
    member = gzip_members.compress(block, promised=promised)
    assert len(member) <= promised
    assert gzip.decompress(member) == block


@pytest.mark.parametrize("count", [1, 2, 258, 259, 260, 261, 262, 511, 512])
def test_runs_of_zeros_cost_what_is_promised(count: int) -> None:
    assert fixed_huffman_bits(bytes(count)) <= 8 * gzip_members.ZEROS


@given(st.binary(max_size=2_000))
def test_text_costs_what_is_promised(text: bytes) -> None:
    assert fixed_huffman_bits(text) <= 8 * gzip_members.text_bound(text)
    assert gzip_members.text_bound(text) <= gzip_members.size_bound(len(text))
