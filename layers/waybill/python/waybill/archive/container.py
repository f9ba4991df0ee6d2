"""What planning and packing need of an archive format, and where each format is found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from waybill.archive.bare import Bare
from waybill.archive.copied import CopiedEntry
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

    def state(self) -> bytes:
        """Return what another writer needs to go on from here, in another process.

        It may be asked between two entries, and while ``entry`` or ``rest_of_entry`` yields the content of one that
        takes several blocks; in both cases before the next thing is drawn.
        """
        ...

    def rest_of_entry(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rest of the entry that was under way when the state was asked for; nothing if none was.

        ``content`` is what is left of its content. It is not counted again.
        """
        ...


@runtime_checkable
class CopyingWriter(Protocol):
    """A writer into whose archive contents may be copied by somebody else, so that it writes what is around them."""

    def takes_copy(self, *, compressible: bool) -> bool:
        """Whether such a content may be copied, because it goes into the archive as it is."""
        ...

    def copied_entry(self, path: str, size: int, mtime: int, *, executable: bool = False) -> CopiedEntry:
        """Return what stands around a copied content. The next entry may be begun before its CRC is known."""
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

    def writer(self, state: bytes | None = None) -> EntryWriter:
        """Return a writer for one archive, or one that goes on from where another was (``EntryWriter.state``)."""
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


_CONTAINERS: Mapping[str, Container] = {
    "tar.gz": TAR_GZIP,
    "tar": TarPlain(),
    "tar.zst": TAR_ZSTD,
    "zip": Zip(),
    "json": Bare("json", "application/json"),
    "csv": Bare("csv", "text/csv; charset=utf-8"),
}


def container_of(name: str) -> Container:
    """Return the container of a format that ``domain.options.FORMATS`` names."""
    return _CONTAINERS[name]
