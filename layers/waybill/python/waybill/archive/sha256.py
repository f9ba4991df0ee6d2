"""SHA-256 (FIPS 180-4) whose state can be put aside and taken up again, by another call or on another machine.

A part or a file may take longer than one call has. The standard library's digests cannot be stored.
"""

from rehashes import PySha256


class Sha256:
    """A digest in the making. ``state`` is what an earlier one left; without it a new one is begun."""

    def __init__(self, state: bytes | None = None) -> None:
        self._digest = PySha256() if state is None else PySha256.deserialize(state)

    def update(self, chunk: bytes) -> None:
        """Take in more of the content."""
        self._digest.update(chunk)

    def state(self) -> bytes:
        """Return what is needed to go on later."""
        return bytes(self._digest.serialize())

    def hexdigest(self) -> str:
        """Return the digest of what was taken in so far, in hexadecimal."""
        return str(PySha256.deserialize(self._digest.serialize()).finalize())
