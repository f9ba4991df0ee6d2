"""Streams that unpack gzip and Zstandard: several members or frames one behind the other, as Waybill writes them.

What comes out at once is bounded whatever goes in: gzip says how much it may give, and Zstandard, which cannot, gets so
little at a time (a block of four bytes may stand for 128 KiB) that it is 8 MiB at most.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import zstandard
from isal import isal_zlib

from waybill.intake.codes import ArchiveCode
from waybill.intake.members import Allowance, BadArchive

ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment] # the stub calls the class an instance
"""What ISA-L raises on data that it cannot unpack."""

_GZIP = 31
_GZIP_SLICE = 16 * 1024
_ZSTD_SLICE = 256
_ZSTD_WINDOW = 8 * 1024 * 1024
_MOST_OUT = 1024 * 1024


class _Unpacker(Protocol):
    """What unpacks one member or frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


_AnyUnpacker = TypeVar("_AnyUnpacker", bound=_Unpacker)


def counted(chunks: Iterable[bytes], allowance: Allowance) -> Iterator[bytes]:
    """Yield what is not packed, and count it."""
    for chunk in chunks:
        allowance.read(len(chunk))
        allowance.unpacked(len(chunk))
        yield chunk


def gunzipped(chunks: Iterable[bytes], allowance: Allowance) -> Iterator[bytes]:
    """Yield what gzip members unpack to. Raises BadArchive, also for what stands behind them."""

    def feed(unpacker: "isal_zlib.Decompress", data: bytes) -> Iterator[bytes]:
        while True:
            out = unpacker.decompress(data, _MOST_OUT)
            if out:
                yield out
            data = unpacker.unconsumed_tail
            if unpacker.eof or not (data or out):
                return

    return _unpacked(
        chunks, allowance, lambda: isal_zlib.decompressobj(_GZIP), feed, error=ISAL_ERROR, most=_GZIP_SLICE
    )


def zstd_unpacked(chunks: Iterable[bytes], allowance: Allowance) -> Iterator[bytes]:
    """Yield what Zstandard frames unpack to. Raises BadArchive, also for what stands behind them."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)

    def feed(unpacker: "zstandard.ZstdDecompressionObj", data: bytes) -> Iterator[bytes]:
        out = unpacker.decompress(data)
        if out:
            yield out

    return _unpacked(chunks, allowance, decompressor.decompressobj, feed, error=zstandard.ZstdError, most=_ZSTD_SLICE)


def _unpacked(
    chunks: Iterable[bytes],
    allowance: Allowance,
    begin: Callable[[], _AnyUnpacker],
    feed: Callable[[_AnyUnpacker, bytes], Iterator[bytes]],
    *,
    error: type[Exception],
    most: int,
) -> Iterator[bytes]:
    unpacker: _AnyUnpacker | None = None
    try:
        for piece in _slices(chunks, most):
            allowance.read(len(piece))
            data = piece
            while data:
                if unpacker is None:
                    unpacker = begin()
                for out in feed(unpacker, data):
                    allowance.unpacked(len(out))
                    yield out
                data = b""
                if unpacker.eof:
                    data = unpacker.unused_data
                    unpacker = None
    except error:
        raise BadArchive(ArchiveCode.DAMAGED, "The archive is damaged: it cannot be unpacked to its end.") from None
    if unpacker is not None:
        raise BadArchive(ArchiveCode.TRUNCATED, "The archive ends before its end. Send it again.")


def _slices(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), most):
            yield chunk[start : start + most]
