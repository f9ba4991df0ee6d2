"""Compressed tar: a tar archive as a row of members (gzip members, zstd frames) that can be joined.

Because they can be joined, a content may be packed beforehand, elsewhere, and put into the archive as it is. Only what
depends on the archive, the header with its path, is made when the archive is written. Members end like this:

- what surrounds contents (headers, paddings) and contents of up to SHARED_MOST bytes share members of up to BLOCK;
- a larger content, and one that compression would not make smaller, has members of its own;
- a content that was packed beforehand is members already.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from waybill.archive import tar
from waybill.archive.streams import blocks, exactly

SHARED_MOST = 64 * 1024
"""Bytes. Larger contents lose nothing by members of their own."""


class Members(Protocol):
    """What makes members and says how large they can get: ``gzip_members`` or ``zstd_frames``.

    ``BLOCK`` is the most tar bytes in a member. ``MEMBER`` is what a shared member takes besides what the runs of bytes
    in it are promised, at most 47, and ``ZEROS`` is the promise for a run of at most 512 zeros.
    """

    @property
    def BLOCK(self) -> int: ...  # noqa: D102, N802

    @property
    def MEMBER(self) -> int: ...  # noqa: D102, N802

    @property
    def ZEROS(self) -> int: ...  # noqa: D102, N802

    def compress(self, block: bytes, *, stored: bool = False, promised: int | None = None) -> bytes:
        """Return a member that is not larger than ``bound`` and, if that can be, not larger than ``promised``."""
        ...

    def bound(self, size: int) -> int:
        """Return the most bytes that ``size`` bytes can take in members of their own."""
        ...

    def size_bound(self, size: int) -> int:
        """Return the most bytes that any ``size`` bytes can add to a shared member."""
        ...

    def text_bound(self, text: bytes) -> int:
        """Return the most bytes that ``text`` can add to a shared member."""
        ...


class TarMembers:
    """The container as planning and packing see it (``container.Container``).

    ``header_bound`` gives the most bytes that ``tar.header`` of a path and size can add to a shared member, and with a
    slash at the path's end that of ``tar.directory``.
    """

    def __init__(
        self, extension: str, media_type: str, members: Members, header_bound: Callable[[str, int], int]
    ) -> None:
        self.extension = extension
        self.media_type = media_type
        self._members = members
        self._header_bound = header_bound

    def writer(self, state: bytes | None = None) -> "TarMembersWriter":
        """Return a writer for one archive."""
        return TarMembersWriter(self._members, self._header_bound, state)

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a content as members, an empty one too. Where its chunks are cut makes no difference."""
        whole = blocks(content, self._members.BLOCK)
        yield self._members.compress(next(whole, b""))
        for block in whole:
            yield self._members.compress(block)

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:
        """Return the most bytes that ``TarMembersWriter.entry`` can add to an archive for such an entry."""
        around = self._header_bound(path, size) + self._members.ZEROS + _fair_share(size)
        if _shares(size, compressible=compressible):
            return around + self._members.size_bound(size)
        return around + self._members.bound(size) + self._members.MEMBER

    def text_bound(self, path: str, text: bytes) -> int:
        """Return the same as ``entry_bound`` for a content that is known, which is often less."""
        around = self._header_bound(path, len(text)) + self._members.ZEROS + _fair_share(len(text))
        if _shares(len(text), compressible=True):
            return around + self._members.text_bound(text)
        return around + self._members.bound(len(text)) + self._members.MEMBER

    def packed_bound(self, path: str, size: int, length: int) -> int:
        """Return the most bytes that ``packed_entry`` can add for ``size`` bytes that take ``length`` packed."""
        return self._header_bound(path, size) + length + self._members.ZEROS + self._members.MEMBER + 1

    def directory_bound(self, path: str) -> int:
        """Return the most bytes that ``TarMembersWriter.directory`` can add to an archive."""
        return self._header_bound(f"{path}/", 0) + 1

    def end_bound(self) -> int:
        """Return the most bytes that an archive has besides its entries."""
        return self._members.MEMBER + 2 * self._members.ZEROS


class _Open(msgspec.Struct):
    """An entry whose content is under way."""

    size: int
    compressible: bool


class _State(msgspec.Struct):
    """Where a writer stands: the member that is being filled, what was promised for it, and an open entry."""

    shared: bytes
    promised: int
    open: _Open | None


class TarMembersWriter:
    """Writes one archive: call its methods one after the other and join what they yield.

    Every iterator must be drawn to its end before the next method is called. Whatever is raised in between, the archive
    cannot be finished. Memory: two blocks and the chunk that comes in. ``state`` is what an earlier writer of the same
    archive left.
    """

    def __init__(self, members: Members, header_bound: Callable[[str, int], int], state: bytes | None = None) -> None:
        self._members = members
        self._header_bound = header_bound
        start = msgspec.msgpack.decode(state, type=_State) if state else _State(b"", members.MEMBER, None)
        self._shared = bytearray(start.shared)
        self._promised = start.promised
        self._open = start.open

    def state(self) -> bytes:
        """Return what another writer needs to go on."""
        return msgspec.msgpack.encode(_State(bytes(self._shared), self._promised, self._open))

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
            self._share(header, self._header_bound(path, size))
            self._share(text, self._members.text_bound(text))
        else:
            yield from self._make_room(len(header))
            self._share(header, self._header_bound(path, size))
            yield from self.flush()
            yield from self._content(_Open(size, compressible), whole)
            return
        self._share(tar.padding(size), self._members.ZEROS)

    def rest_of_entry(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rest of the entry that was under way; ``content`` is what is left of its content."""
        if self._open is not None:
            yield from self._content(self._open, content)

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for one file of ``size`` bytes that come from ``TarMembers.pack``."""
        header = tar.header(path, size, mtime)
        yield from self._make_room(len(header))
        self._share(header, self._header_bound(path, size))
        yield from self.packed(packed)
        self._share(tar.padding(size), self._members.ZEROS)

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        entry = tar.directory(path, mtime)
        yield from self._make_room(len(entry))
        self._share(entry, self._header_bound(f"{path}/", 0))

    def packed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield whole members as they are, behind a member boundary."""
        yield from self.flush()
        yield from chunks

    def flush(self) -> Iterator[bytes]:
        """Yield what is held back, so that a member ends here."""
        if self._shared:
            yield self._members.compress(bytes(self._shared), promised=self._promised)
        self._shared.clear()
        self._promised = self._members.MEMBER

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        self._share(tar.END, 2 * self._members.ZEROS)
        yield from self.flush()

    def _content(self, entry: _Open, content: Iterable[bytes]) -> Iterator[bytes]:
        self._open = entry
        for block in blocks(content, self._members.BLOCK):
            yield self._members.compress(block, stored=not entry.compressible)
        self._open = None
        self._share(tar.padding(entry.size), self._members.ZEROS)

    def _make_room(self, size: int) -> Iterator[bytes]:
        if len(self._shared) + size > self._members.BLOCK:
            yield from self.flush()

    def _share(self, run: bytes, promised: int) -> None:
        self._shared += run
        self._promised += promised


def _shares(size: int, *, compressible: bool) -> bool:
    return size <= (SHARED_MOST if compressible else 0)


def _fair_share(size: int) -> int:
    """What an entry owes to the members that are begun because the one before was full.

    A full member holds 900 KiB or more, because no entry brings more at once than SHARED_MOST and its header. A header
    takes less than 3 KiB, so an entry pays a byte or more for every 19 KiB: at least 47 for a full member.
    """
    return min(size, SHARED_MOST) // 16_384 + 1
