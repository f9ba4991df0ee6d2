"""The size and the digests of a whole part, taken while its bytes pass by."""

import msgspec

from waybill.archive.pieces import PieceDigests, PiecesSoFar
from waybill.archive.sha256 import Sha256


class _State(msgspec.Struct):
    size: int
    whole: bool
    sha256: bytes
    pieces: PiecesSoFar


class Fingerprint:
    """What tells a part from any other. ``piece_length`` is in bytes; ``state`` is what an earlier one left.

    Of bytes that did not pass by, because the store copied them, only the number is known. Then there is no SHA-256.
    """

    def __init__(self, piece_length: int, state: bytes | None = None) -> None:
        start = msgspec.msgpack.decode(state, type=_State) if state else None
        self.size = start.size if start else 0
        self._whole = start.whole if start else True
        self._sha256 = Sha256(start.sha256 if start else None)
        self._pieces = PieceDigests(piece_length, start.pieces if start else None)

    def update(self, chunk: bytes) -> None:
        """Take in more of the part."""
        self.size += len(chunk)
        if self._whole:
            self._sha256.update(chunk)
            self._pieces.update(chunk)

    def skip(self, size: int) -> None:
        """Take note of ``size`` bytes that did not pass by."""
        self.size += size
        self._whole = False

    def state(self) -> bytes:
        """Return what is needed to go on later."""
        pieces = self._pieces.so_far()
        return msgspec.msgpack.encode(_State(self.size, self._whole, self._sha256.state(), pieces))

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the part in hexadecimal, if all of it passed by."""
        return self._sha256.hexdigest() if self._whole else None

    @property
    def piece_length(self) -> int:
        """How long the part's pieces are, 0 if there are none."""
        return self._pieces.length if self._whole else 0

    @property
    def pieces(self) -> tuple[str, ...]:
        """The SHA-256 of every piece, if all of the part passed by."""
        return self._pieces.digests() if self._whole else ()
