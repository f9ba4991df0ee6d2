"""Digests of a part's pieces: with them a download manager repairs what is wrong of a part and keeps the rest.

All pieces of a part have the same length but the last (RFC 5854, section 4.2.14).
"""

import hashlib

from waybill.domain.options import MEBIBYTE

SHORTEST = 16 * MEBIBYTE
"""Bytes. What is fetched anew if one byte is wrong, at a cost of four bytes of digests for a mebibyte."""

MOST = 64
"""Pieces of a part, so that the digests of ten thousand parts fit into the memory of FinishExport."""


def piece_length(bound: int) -> int:
    """Return how long the pieces of a part of at most ``bound`` bytes are: SHORTEST, doubled as often as it takes."""
    length = SHORTEST
    while length * MOST < bound:
        length *= 2
    return length


class PieceDigests:
    """The SHA-256 of every piece of a content that comes in chunks of any size. Holds no content."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._left = length
        self._digest = hashlib.sha256()
        self._done: list[str] = []

    def update(self, chunk: bytes) -> None:
        """Take in more of the content."""
        rest = memoryview(chunk)
        while len(rest) >= self._left:
            self._digest.update(rest[: self._left])
            self._done.append(self._digest.hexdigest())
            rest, self._left, self._digest = rest[self._left :], self.length, hashlib.sha256()
        self._digest.update(rest)
        self._left -= len(rest)

    def digests(self) -> tuple[str, ...]:
        """Return the digests of all pieces, the last, shorter one included."""
        last = () if self._left == self.length else (self._digest.hexdigest(),)
        return (*self._done, *last)
