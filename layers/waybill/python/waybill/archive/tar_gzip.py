"""The container tar.gz: a tar archive as a row of gzip members.

Because members can be joined, a content may be packed beforehand, elsewhere, and put into the archive as it is. Only
what depends on the archive, the header with its path, is made when the archive is written. Members end like this:

- what surrounds contents (headers, paddings) and contents of up to SHARED_MOST bytes share members of up to
  ``gzip_members.BLOCK``;
- a larger content, and one that compression would not make smaller, has members of its own;
- a content that was packed beforehand is members already.
"""

from collections.abc import Iterable, Iterator

from waybill.archive import gzip_members, tar
from waybill.archive.streams import blocks, exactly

EXTENSION = "tar.gz"
MEDIA_TYPE = "application/gzip"

SHARED_MOST = 64 * 1024
"""Bytes. Larger contents lose nothing by members of their own."""


class TarGzip:
    """The container as planning and packing see it (``container.Container``)."""

    extension = EXTENSION
    media_type = MEDIA_TYPE

    def writer(self) -> "TarGzipWriter":
        """Return a writer for one archive."""
        return TarGzipWriter()

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a content as gzip members, an empty one too. Where its chunks are cut makes no difference."""
        whole = blocks(content, gzip_members.BLOCK)
        yield gzip_members.compress(next(whole, b""))
        for block in whole:
            yield gzip_members.compress(block)

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:
        """Return the most bytes that ``TarGzipWriter.entry`` can add to an archive for such an entry."""
        around = tar.header_bound(path, size) + gzip_members.ZEROS + _fair_share(size)
        if _shares(size, compressible=compressible):
            return around + gzip_members.size_bound(size)
        return around + gzip_members.bound(size) + gzip_members.MEMBER

    def text_bound(self, path: str, text: bytes) -> int:
        """Return the same as ``entry_bound`` for a content that is known, which is often less."""
        around = tar.header_bound(path, len(text)) + gzip_members.ZEROS + _fair_share(len(text))
        if _shares(len(text), compressible=True):
            return around + gzip_members.text_bound(text)
        return around + gzip_members.bound(len(text)) + gzip_members.MEMBER

    def packed_bound(self, path: str, size: int, length: int) -> int:
        """Return the most bytes that ``packed_entry`` can add for ``size`` bytes that take ``length`` packed."""
        return tar.header_bound(path, size) + length + gzip_members.ZEROS + gzip_members.MEMBER + 1

    def directory_bound(self, path: str) -> int:
        """Return the most bytes that ``TarGzipWriter.directory`` can add to an archive."""
        return tar.header_bound(f"{path}/", 0) + 1

    def end_bound(self) -> int:
        """Return the most bytes that an archive has besides its entries."""
        return gzip_members.MEMBER + 2 * gzip_members.ZEROS


class TarGzipWriter:
    """Writes one archive: call its methods one after the other and join what they yield.

    Every iterator must be drawn to its end before the next method is called. Whatever is raised in between, the archive
    cannot be finished. Memory: two blocks and the chunk that comes in.
    """

    def __init__(self) -> None:
        self._shared = bytearray()
        self._promised = gzip_members.MEMBER

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
        """Yield what the archive grows by for one file. ``content`` comes in chunks of any size.

        Raises ContentSizeChanged if the content does not have ``size`` bytes. That is before anything of an entry of up
        to SHARED_MOST compressible bytes is in the archive, and otherwise before its last bytes are given out.
        """
        whole = exactly(content, size, path)
        header = tar.header(path, size, mtime, executable=executable)
        if _shares(size, compressible=compressible):
            text = b"".join(whole)
            yield from self._make_room(len(header) + size + tar.BLOCK)
            self._share(header, tar.header_bound(path, size))
            self._share(text, gzip_members.text_bound(text))
        else:
            yield from self._make_room(len(header))
            self._share(header, tar.header_bound(path, size))
            yield from self.flush()
            for block in blocks(whole, gzip_members.BLOCK):
                yield gzip_members.compress(block, stored=not compressible)
        self._share(tar.padding(size), gzip_members.ZEROS)

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for one file whose content of ``size`` bytes comes from ``TarGzip.pack``."""
        header = tar.header(path, size, mtime)
        yield from self._make_room(len(header))
        self._share(header, tar.header_bound(path, size))
        yield from self.packed(packed)
        self._share(tar.padding(size), gzip_members.ZEROS)

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        entry = tar.directory(path, mtime)
        yield from self._make_room(len(entry))
        self._share(entry, tar.header_bound(f"{path}/", 0))

    def packed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield whole gzip members as they are, behind a member boundary."""
        yield from self.flush()
        yield from chunks

    def flush(self) -> Iterator[bytes]:
        """Yield what is held back, so that a member ends here."""
        if self._shared:
            yield gzip_members.compress(bytes(self._shared), promised=self._promised)
        self._shared.clear()
        self._promised = gzip_members.MEMBER

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        self._share(tar.END, 2 * gzip_members.ZEROS)
        yield from self.flush()

    def _make_room(self, size: int) -> Iterator[bytes]:
        if len(self._shared) + size > gzip_members.BLOCK:
            yield from self.flush()

    def _share(self, run: bytes, promised: int) -> None:
        self._shared += run
        self._promised += promised


def _shares(size: int, *, compressible: bool) -> bool:
    return size <= (SHARED_MOST if compressible else 0)


def _fair_share(size: int) -> int:
    """What an entry owes to the members that are begun because the one before was full: MEMBER in every 512 KiB."""
    return min(size, SHARED_MOST) // 16_384 + 1
