"""Digests of a part's pieces: with them a download manager repairs what is wrong of a part and keeps the rest.

All pieces of a part have the same length but the last (RFC 5854, section 4.2.14).
"""

from dataclasses import dataclass

from waybill.archive.sha256 import Sha256
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


@dataclass(frozen=True, slots=True)
class PiecesSoFar:
    """Pieces that are not all digested yet: ``left`` bytes are missing of the one that ``digest`` is the state of."""

    left: int
    digest: bytes
    done: tuple[str, ...]


class PieceDigests:
    """The SHA-256 of every piece of a content that comes in chunks of any size. Holds no content."""

    def __init__(self, length: int, so_far: PiecesSoFar | None = None) -> None:
        self.length = length
        self._left = so_far.left if so_far else length
        self._digest = Sha256(so_far.digest if so_far else None)
        self._done = list(so_far.done) if so_far else []

    def update(self, chunk: bytes) -> None:
        """Take in more of the content."""
        while len(chunk) >= self._left:
            self._digest.update(chunk[: self._left])
            self._done.append(self._digest.hexdigest())
            chunk, self._left, self._digest = chunk[self._left :], self.length, Sha256()
        self._digest.update(chunk)
        self._left -= len(chunk)

    def so_far(self) -> PiecesSoFar:
        """Return what is needed to go on later."""
        return PiecesSoFar(self._left, self._digest.state(), tuple(self._done))

    def digests(self) -> tuple[str, ...]:
        """Return the digests of all pieces, the last, shorter one included."""
        last = () if self._left == self.length else (self._digest.hexdigest(),)
        return (*self._done, *last)
