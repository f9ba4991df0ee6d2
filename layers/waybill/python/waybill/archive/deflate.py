"""Raw deflate (RFC 1951) in runs that are made apart and joined: what a zip archive holds of a compressed content.

No run refers back to the one before, and each ends on a whole byte. So any run that does not shrink can be replaced by
stored blocks (section 3.2.4), 5 bytes for every 65,535: that is the promise on which planning relies. Written by hand,
because zlib cuts stored blocks by the fill of its buffers.
"""

import struct
from collections.abc import Iterable, Iterator

from isal import isal_zlib

from waybill.archive import streams
from waybill.archive.streams import blocks

BLOCK = streams.BLOCK
"""Bytes of content in a run."""

LEVEL = 1
"""Of ISA-L: as small as zlib's level 1 and three times as fast (reference performance, section 3)."""

_RAW = -15
_STORED_MOST = 65_535
_STORED_HEAD = struct.Struct("<BHH")


def stream(content: Iterable[bytes], *, stored: bool = False) -> Iterator[bytes]:
    """Yield a content as one deflate stream, an empty one too. Where its chunks are cut makes no difference.

    ``stored`` says that compression would be in vain. The last run is given out when the content has ended well.
    """
    whole = blocks(content, BLOCK)
    block = next(whole, b"")
    for following in whole:
        yield compress(block, last=False, stored=stored)
        block = following
    yield compress(block, last=True, stored=stored)


def compress(block: bytes, *, last: bool, stored: bool = False) -> bytes:
    """Return ``block`` as a run; ``last`` closes the stream. It is at most ``bound(len(block))`` bytes for BLOCK bytes.

    The same block gives the same bytes for one version of ISA-L on one kind of processor (intel/isa-l issue 140).
    """
    if stored:
        return _stored(block, last=last)
    deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW)
    run: bytes = deflate.compress(block) + deflate.flush(isal_zlib.Z_FINISH if last else isal_zlib.Z_SYNC_FLUSH)
    return run if len(run) <= bound(len(block)) else _stored(block, last=last)


def bound(size: int) -> int:
    """Return the most bytes that the stream of ``size`` bytes can have, whatever they are."""
    runs = max(1, -(-size // BLOCK))
    return size + _STORED_HEAD.size * (runs + size // _STORED_MOST)


def _stored(block: bytes, *, last: bool) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(block) or 1, _STORED_MOST):
        piece = block[start : start + _STORED_MOST]
        ends = last and start + _STORED_MOST >= len(block)
        pieces += (_STORED_HEAD.pack(ends, len(piece), len(piece) ^ 0xFFFF), piece)
    return b"".join(pieces)
