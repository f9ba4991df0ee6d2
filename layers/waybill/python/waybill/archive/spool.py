"""Bytes on their way to a store that are too many for memory: on the disk, to be read as often as need be."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO

from isal import isal_zlib

from waybill.domain.options import MEBIBYTE

IN_MEMORY = MEBIBYTE
"""Up to so many bytes the disk is not used."""


class Spool:
    """Takes bytes, knows their length and CRC-32, and yields them in chunks from the start, each time it is iterated.

    It has no lock: whoever reads it must have the last word.
    """

    def __init__(self, content: bytes = b"") -> None:
        # Closed with the spool, which lives as long as somebody may send it.
        self._file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self._size = 0
        self.crc32 = 0
        self.write(content)

    def __len__(self) -> int:
        return self._size

    def write(self, content: bytes | memoryview) -> None:
        """Add bytes at the end."""
        self._file.write(content)
        self._size += len(content)
        self.crc32 = isal_zlib.crc32(content, self.crc32)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(MEBIBYTE):
            yield chunk

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
