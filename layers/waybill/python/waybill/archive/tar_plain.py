"""The container tar: headers, contents and paddings as they are. All sizes are known before anything is read."""

from collections.abc import Iterable, Iterator

import msgspec

from waybill.archive import tar
from waybill.archive.copied import CopiedEntry
from waybill.archive.streams import BLOCK, blocks, exactly

_WHOLE_MOST = 64 * 1024
"""Bytes. A content of up to this size is there in full before its header is given out."""


class TarPlain:
    """The container as planning and packing see it (``container.Container``). A packed content is the content."""

    extension = "tar"
    media_type = "application/x-tar"

    def writer(self, state: bytes | None = None) -> "TarPlainWriter":
        """Return a writer for one archive."""
        return TarPlainWriter(state)

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the content."""
        yield from blocks(content, BLOCK)

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:  # noqa: ARG002
        """Return the bytes of such an entry. The length of a header depends on nothing but path and size."""
        return len(tar.header(path, size, 0)) + size + len(tar.padding(size))

    def text_bound(self, path: str, text: bytes) -> int:
        """Return the bytes of an entry with this content."""
        return self.entry_bound(path, len(text), compressible=True)

    def packed_bound(self, path: str, size: int, length: int) -> int:
        """Return the bytes of an entry of ``size`` bytes, which take as many packed; ``length`` may be an estimate."""
        return self.entry_bound(path, max(size, length), compressible=True)

    def directory_bound(self, path: str) -> int:
        """Return the bytes of a directory."""
        return len(tar.directory(path, 0))

    def end_bound(self) -> int:
        """Return the bytes at the end of an archive."""
        return len(tar.END)


class _State(msgspec.Struct):
    """Where a writer stands: the size of the entry whose content is under way, if one is."""

    open: int | None = None


class TarPlainWriter:
    """Writes one archive: call its methods one after the other and join what they yield.

    Every iterator must be drawn to its end before the next method is called. Memory: a small content, or the chunk that
    comes in. ``state`` is what an earlier writer of the same archive left.
    """

    def __init__(self, state: bytes | None = None) -> None:
        self._state = msgspec.json.decode(state, type=_State) if state else _State()

    def state(self) -> bytes:
        """Return what another writer needs to go on."""
        return msgspec.json.encode(self._state)

    def entry(
        self,
        path: str,
        size: int,
        mtime: int,
        content: Iterable[bytes],
        *,
        executable: bool = False,
        compressible: bool = True,  # noqa: ARG002 - nothing is compressed here
    ) -> Iterator[bytes]:
        """Yield what the archive grows by for one file. ``content`` comes in chunks of any size.

        Raises ContentSizeChanged if the content does not have ``size`` bytes: for contents of up to 64 KiB before
        anything is given out, for larger ones in the course of it.
        """
        header = tar.header(path, size, mtime, executable=executable)
        whole = exactly(content, size, path)
        if size <= _WHOLE_MOST:
            yield b"".join((header, *whole, tar.padding(size)))
            return
        yield header
        yield from self._content(size, whole)

    def rest_of_entry(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rest of the entry that was under way; ``content`` is what is left of its content."""
        if self._state.open is not None:
            yield from self._content(self._state.open, content)

    def copied_entry(self, path: str, size: int, mtime: int, *, executable: bool = False) -> CopiedEntry:
        """Return what stands around a content that is not written here, but copied to where it belongs."""
        header = tar.header(path, size, mtime, executable=executable)
        return CopiedEntry(len(header), lambda _: header, tar.padding(size), needs_crc32=False)

    def takes_copy(self, *, compressible: bool) -> bool:  # noqa: ARG002 - nothing is compressed here
        """Whether a content goes in as it is."""
        return True

    def _content(self, size: int, content: Iterable[bytes]) -> Iterator[bytes]:
        self._state.open = size
        yield from content
        self._state.open = None
        yield tar.padding(size)

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for one file of ``size`` bytes that come from ``TarPlain.pack``."""
        yield from self.entry(path, size, mtime, packed)

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        yield tar.directory(path, mtime)

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        yield tar.END
