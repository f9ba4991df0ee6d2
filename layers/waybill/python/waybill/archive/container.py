"""What planning and packing need of an archive format, and where each format is found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from waybill.archive.tar_gzip import TAR_GZIP
from waybill.archive.tar_plain import TarPlain
from waybill.archive.tar_zstd import TAR_ZSTD
from waybill.archive.zip_archive import Zip


class EntryWriter(Protocol):
    """Writes one archive. Every iterator is drawn to its end before the next method is called."""

    def entry(
        self,
        path: str,
        size: int,
        mtime: int,
        content: Iterable[bytes],
        *,
        executable: bool = False,
        compressible: bool = True,
    ) -> Iterator[bytes]:
        """Yield what the archive grows by for one file. Raises ContentSizeChanged."""
        ...

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for one file whose content was packed by ``Container.pack``."""
        ...

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        ...

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        ...


class Container(Protocol):
    """An archive format. The bounds hold for any content: what is planned with them fits."""

    @property
    def extension(self) -> str:
        """The file name's ending, without a dot in front."""
        ...

    @property
    def media_type(self) -> str:
        """The media type of a whole archive."""
        ...

    def writer(self) -> EntryWriter:
        """Return a writer for one archive."""
        ...

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a content in the form in which ``EntryWriter.packed_entry`` takes it: no path, no time."""
        ...

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:
        """Return the most bytes that an entry can take in an archive."""
        ...

    def text_bound(self, path: str, text: bytes) -> int:
        """Return the most bytes that an entry with this compressible content can take in an archive."""
        ...

    def packed_bound(self, path: str, size: int, length: int) -> int:
        """Return the most bytes that an entry of ``size`` bytes can take that was packed into ``length`` bytes."""
        ...

    def directory_bound(self, path: str) -> int:
        """Return the most bytes that a directory can take in an archive."""
        ...

    def end_bound(self) -> int:
        """Return the most bytes that an archive has besides its entries."""
        ...


_CONTAINERS: Mapping[str, Container] = {"tar.gz": TAR_GZIP, "tar": TarPlain(), "tar.zst": TAR_ZSTD, "zip": Zip()}


def container_of(name: str) -> Container:
    """Return the container of a format that ``domain.options.FORMATS`` names."""
    return _CONTAINERS[name]
