"""Gzip members (RFC 1952). Members written one after the other are one gzip file, so they can be made apart and joined.

Every size that planning relies on is a promise that holds for any content. Two encodings of deflate (RFC 1951) can be
counted beforehand, and ``compress`` falls back on them if ISA-L, which nearly always does far better, does not keep it:

- stored blocks: 5 bytes for every 65,535 bytes (section 3.2.4). Written here by hand, because zlib cuts stored blocks
  by the fill of its buffers.
- the fixed Huffman code with runs (section 3.2.6): 8 bits for a byte below 144, 9 bits for another, and at most 5 bytes
  for a run of up to 512 zeros, of which tar headers and paddings mostly consist. zlib's Z_RLE is never larger.
"""

import struct
import zlib

from isal import isal_zlib

from waybill.archive import streams

BLOCK = streams.BLOCK
"""Tar bytes per member."""

LEVEL = 1
"""Of ISA-L: as small as zlib's level 1 and three times as fast (reference performance, section 3)."""

MEMBER = 24
"""Bytes that a member takes apart from what is in it: 18 for gzip's head and trailer, the rest for deflate's blocks."""

ZEROS = 5
"""Bytes that a run of at most 512 zeros can take in a member."""

_GZIP = 16 + zlib.MAX_WBITS
_HEAD = bytes.fromhex("1f8b08000000000000ff")  # deflate, no name, no time, no system
_MEM_LEVEL = 9  # zlib's most: blocks of 32,767 symbols
_STORED_MOST = 65_535
_STORED_HEAD = struct.Struct("<BHH")
_TRAILER = struct.Struct("<LL")
_WHOLE_SYMBOLS = 8_192


def compress(block: bytes, *, stored: bool = False, promised: int | None = None) -> bytes:
    """Return ``block`` as one gzip member without name or time.

    The same block gives the same bytes for one version of ISA-L on one kind of processor (intel/isa-l issue 140).
    ``stored`` says that compression would be in vain. The member is never larger than ``bound(len(block))``, and never
    larger than ``promised`` if that is at least MEMBER and ``text_bound`` or ZEROS for all that the block is made of.
    """
    most = bound(len(block))
    if stored:
        return _stored(block)
    member: bytes = isal_zlib.compress(block, LEVEL, _GZIP)
    if promised is not None and len(member) > promised:
        member = min(member, _runs(block), key=len)
    return member if len(member) < most else _stored(block)


def bound(size: int) -> int:
    """Return the most bytes that ``size`` bytes can take as members of BLOCK each, whatever they are."""
    members = max(1, -(-size // BLOCK))
    return size + 18 * members + 5 * (members + size // _STORED_MOST)


def text_bound(text: bytes) -> int:
    """Return the most bytes that ``text`` can add to a member that it shares with others (fixed Huffman code)."""
    return len(text) + len(text) // _WHOLE_SYMBOLS + 1 if text.isascii() else size_bound(len(text))


def size_bound(size: int) -> int:
    """Return the most bytes that any ``size`` bytes can add to a member that they share with others."""
    return size + size // 8 + size // _WHOLE_SYMBOLS + 2


def _stored(block: bytes) -> bytes:
    pieces = [_HEAD]
    for start in range(0, len(block) or 1, _STORED_MOST):
        piece = block[start : start + _STORED_MOST]
        last = start + _STORED_MOST >= len(block)
        pieces += (_STORED_HEAD.pack(last, len(piece), len(piece) ^ 0xFFFF), piece)
    pieces.append(_trailer(block))
    return b"".join(pieces)


def _runs(block: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, _MEM_LEVEL, zlib.Z_RLE)
    return b"".join((_HEAD, deflate.compress(block), deflate.flush(), _trailer(block)))


def _trailer(block: bytes) -> bytes:
    return _TRAILER.pack(isal_zlib.crc32(block), len(block) & 0xFFFFFFFF)
