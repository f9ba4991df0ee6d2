"""What is said of a part, and how it is told from other files by its first bytes."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from waybill.intake.codes import PartCode
from waybill.intake.members import BadArchive

_ZIP, _GZIP, _ZSTD = b"PK", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_TAR_MAGIC = slice(257, 262)

HEAD = 512
"""Bytes that are enough to tell what a file is packed as."""


class PartSource(Protocol):
    """A file that somebody sent: its name, its size, and its bytes, read as often and from wherever it is needed."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    def open(self) -> Iterator[bytes]:
        """Yield the bytes from the first on."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on; they are within the file."""
        ...


@dataclass(frozen=True, slots=True)
class PartIdentity:
    """Which part of which export something says that it is; numbers count from 1."""

    layout: str
    group: str
    number: int
    parts: int


class Tally:
    """Sums up bytes on their way past."""

    def __init__(self) -> None:
        self.size = 0
        self.crc32 = 0
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has passed, in hexadecimal."""
        return self._sha256.hexdigest()

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield chunks, and sum them up."""
        for chunk in chunks:
            self.size += len(chunk)
            self.crc32 = zlib.crc32(chunk, self.crc32)
            self._sha256.update(chunk)
            yield chunk


def packing_of(head: bytes) -> str | None:
    """Return ``zip``, ``tar.gz``, ``tar.zst`` or ``tar`` by a file's first HEAD bytes; None if it is none of them."""
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_GZIP):
        return "tar.gz"
    if head.startswith(_ZSTD):
        return "tar.zst"
    return "tar" if head[_TAR_MAGIC] == b"ustar" else None


def not_a_part(why: str, path: str = "") -> BadArchive:
    """Return the error for an archive that Waybill has not written."""
    return BadArchive(PartCode.NOT_A_PART, f"The archive is no part of an export of Waybill's: {why}.", path)
