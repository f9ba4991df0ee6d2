"""Zstandard frames: they join, and none is larger than promised."""

import random
import re

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from waybill.archive import zstd_frames

NOISE = random.Random(3).randbytes(2_500_000)

runs = st.lists(
    st.one_of(st.binary(max_size=300), st.integers(0, 600).map(bytes), st.just(b"text " * 40)), min_size=1, max_size=40
)


def read(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


@settings(max_examples=200, deadline=None)
@given(runs, st.booleans())
def test_frames_give_back_what_went_in(some: list[bytes], stored: bool) -> None:
    frames = [zstd_frames.compress(block, stored=stored) for block in some]
    assert read(b"".join(frames)) == b"".join(some)
    assert frames == [zstd_frames.compress(block, stored=stored) for block in some]


@settings(max_examples=300, deadline=None)
@given(runs)
def test_a_frame_that_can_be_counted_beforehand_keeps_every_promise(some: list[bytes]) -> None:
    block = b"".join(some)
    promised = zstd_frames.MEMBER + sum(
        min(zstd_frames.ZEROS, zstd_frames.text_bound(run)) if not any(run) else zstd_frames.text_bound(run)
        for run in some
    )
    frame = zstd_frames._simple_frame(block)
    assert read(frame) == block
    assert len(frame) <= min(promised, zstd_frames.bound(len(block)))
    assert len(zstd_frames.compress(block, promised=promised)) <= promised


@pytest.mark.parametrize("zeros", [0, 1, 7, 8, 511, 512, 1_024])
def test_a_run_of_zeros_costs_what_is_promised(zeros: int) -> None:
    assert zstd_frames.text_bound(bytes(zeros)) <= zstd_frames.ZEROS
    around = len(zstd_frames._simple_frame(b"a" * 20 + bytes(zeros) + b"b" * 20))
    assert around <= zstd_frames.MEMBER + 40 + zstd_frames.ZEROS


@pytest.mark.parametrize("size", [0, 1, 131_071, 131_072, 131_073, zstd_frames.BLOCK])
@pytest.mark.parametrize("fill", ["noise", "zeros", "mixed"])
def test_the_simple_frame_of_any_size_is_within_its_bound(size: int, fill: str) -> None:
    mixed = re.sub(rb"[\x00-\x07]", bytes(9), NOISE)
    block = {"noise": NOISE, "zeros": bytes(size), "mixed": mixed}[fill][:size]
    frame = zstd_frames._simple_frame(block)
    assert read(frame) == block
    assert len(frame) <= zstd_frames.bound(size)
    assert len(frame) <= zstd_frames.MEMBER + zstd_frames.text_bound(block)
    assert zstd_frames.text_bound(block) <= zstd_frames.size_bound(size)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("size", [0, 1, zstd_frames.BLOCK - 1, zstd_frames.BLOCK, zstd_frames.BLOCK + 1, 2_500_000])
def test_noise_is_within_the_bound(size: int, stored: bool) -> None:
    starts = range(0, size, zstd_frames.BLOCK) or [0]
    frames = [zstd_frames.compress(NOISE[start:size][: zstd_frames.BLOCK], stored=stored) for start in starts]
    assert sum(map(len, frames)) <= zstd_frames.bound(size)


def test_damage_is_noticed() -> None:
    frame = bytearray(zstd_frames.compress(NOISE[:1_000], stored=True))
    frame[500] ^= 1
    with pytest.raises(zstandard.ZstdError):
        read(bytes(frame))
