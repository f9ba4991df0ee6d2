"""A file on the function's disk as the body of an object."""

import functools
from collections.abc import Iterator
from pathlib import Path

from isal import isal_zlib

from waybill.domain.options import MEBIBYTE


class FileBody:
    """``ports.Body`` of a file that does not change meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    @functools.cached_property
    def crc32(self) -> int:
        """The CRC-32 of all of it."""
        crc32 = 0
        for chunk in self:
            crc32 = isal_zlib.crc32(chunk, crc32)
        return crc32

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(MEBIBYTE):
                yield chunk
