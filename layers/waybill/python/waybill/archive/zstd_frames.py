"""Zstandard frames (RFC 8878). Frames written one after the other are one file, so they can be made apart and joined.

Every size that planning relies on is a promise that holds for any content. A frame of raw and run-length blocks
(section 3.1.1.2.2) can be counted beforehand, and ``compress`` falls back on it if libzstd, which nearly always does
far better, does not keep a promise. In such a frame every block has a head of 3 bytes; a run of zeros is one byte more.
"""

import re
import threading
from collections.abc import Iterator
from functools import cache

from waybill.archive import streams

BLOCK = streams.BLOCK
"""Tar bytes per frame."""

LEVEL = 3
"""A tenth smaller than level 1 at three quarters of its speed; levels above lose more speed than they gain."""

_STORING_LEVEL = -5
"""Gives up on what does not shrink at 3 GB/s, and still adds the checksum."""

_MOST_IN_BLOCK = 128 * 1024  # RFC 8878, section 3.1.1.2.4
_MAGIC = bytes.fromhex("28b52ffd")
_SINGLE_SEGMENT_SIZE_IN_4_BYTES = b"\xa0"  # RFC 8878, section 3.1.1.1.1: no window, no checksum
_RAW, _RUN = 0, 1
_LAST_BLOCK = bytes.fromhex("010000")  # raw and empty
_HEAD = 9
_BLOCK_HEAD = 3

_SHORTEST_RUN = 8
_SHORTEST_ZEROS = bytes(_SHORTEST_RUN)
_ZEROS = re.compile(_SHORTEST_ZEROS + rb"\0*")

ZEROS = _BLOCK_HEAD + 1 + _BLOCK_HEAD
"""Bytes that a run of zeros can take in a frame: a block for the run, and the head of the block that goes on after."""

MEMBER = _HEAD + _BLOCK_HEAD + _BLOCK_HEAD * (BLOCK // _MOST_IN_BLOCK) + len(_LAST_BLOCK)
"""Bytes that a frame takes apart from what is in it."""


def compress(block: bytes, *, stored: bool = False, promised: int | None = None) -> bytes:
    """Return ``block`` as one frame, with its size and a checksum in it where libzstd makes it.

    The same block gives the same bytes for one version of libzstd. ``stored`` says that compression would be in vain.
    The frame is never larger than ``bound(len(block))``, and never larger than ``promised`` if that is at least MEMBER
    and ``text_bound`` or ZEROS for all that the block is made of.
    """
    compressors = _compressors()
    frame = (compressors.storing if stored else compressors.packing).compress(block)
    most = bound(len(block)) if promised is None else min(promised, bound(len(block)))
    return frame if len(frame) <= most else _simple_frame(block)


def bound(size: int) -> int:
    """Return the most bytes that ``size`` bytes can take as frames of BLOCK each, whatever they are."""
    frames = max(1, -(-size // BLOCK))
    return size + frames * (_HEAD + len(_LAST_BLOCK)) + _BLOCK_HEAD * (frames + size // _MOST_IN_BLOCK)


def text_bound(text: bytes) -> int:
    """Return the most bytes that ``text`` can add to a frame that it shares with others."""
    if _SHORTEST_ZEROS not in text:  # thirty times as fast as the search
        return len(text)
    runs = _ZEROS.findall(text)
    return len(text) - sum(map(len, runs)) + ZEROS * len(runs)


def size_bound(size: int) -> int:
    """Return the most bytes that any ``size`` bytes can add to a frame that they share with others.

    A run of zeros becomes a block of its own only where that takes less than the zeros.
    """
    return size


def _simple_frame(block: bytes) -> bytes:
    """Return a frame of raw blocks and runs of zeros, of at most BLOCK bytes, ended by an empty block."""
    head = _MAGIC + _SINGLE_SEGMENT_SIZE_IN_4_BYTES + len(block).to_bytes(4, "little")
    return b"".join((head, *_simple_blocks(block), _LAST_BLOCK))


def _simple_blocks(block: bytes) -> Iterator[bytes]:
    position = 0
    for run in _ZEROS.finditer(block):
        yield from _raw_blocks(block[position : run.start()])
        for size in _lengths(run.end() - run.start()):
            yield _block_head(_RUN, size) + b"\0"
        position = run.end()
    yield from _raw_blocks(block[position:])


def _raw_blocks(data: bytes) -> Iterator[bytes]:
    position = 0
    for size in _lengths(len(data)):
        yield _block_head(_RAW, size) + data[position : position + size]
        position += size


def _lengths(size: int) -> Iterator[int]:
    for start in range(0, size, _MOST_IN_BLOCK):
        yield min(_MOST_IN_BLOCK, size - start)


def _block_head(kind: int, size: int) -> bytes:
    return (size << 3 | kind << 1).to_bytes(_BLOCK_HEAD, "little")


class _Compressors(threading.local):
    """The compressors of one thread; they are large, and not to be shared between threads."""

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - takes 20 ms; loaded only when something is packed in this format

        self.packing = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self.storing = zstandard.ZstdCompressor(level=_STORING_LEVEL, write_checksum=True)


@cache
def _compressors() -> _Compressors:
    return _Compressors()
