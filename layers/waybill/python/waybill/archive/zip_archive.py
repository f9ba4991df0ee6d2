"""The container zip.

What is known decides how a content goes in, so that every reader can take it, also one that reads a pipe from front to
back:

- up to WHOLE_MOST bytes are gathered, so CRC and sizes stand in front. Deflated if that makes them fewer, else stored;
- larger contents are deflated as they come, and CRC and sizes follow in a data descriptor. What would not shrink goes
  into stored blocks of deflate, because a reader of a pipe could not see where a stored content ends (java.util.zip
  refuses it);
- a content that was packed beforehand is a deflate stream that brings its CRC and size along, and goes in as it is;
- a content that would not shrink may be copied to its place by the store. It is stored then, and its CRC, which the
  store tells, and its size stand in front.

The list of all entries, which ends the archive, is held in memory until then: about 120 bytes and the path for each.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec
from isal import isal_zlib

from waybill.archive import deflate, zip_records, zip_runs
from waybill.archive.copied import CopiedEntry
from waybill.archive.errors import ContentSizeChanged
from waybill.archive.streams import Stream, blocks, exactly
from waybill.archive.zip_records import DEFLATED, STORED, Content, Member

WHOLE_MOST = deflate.BLOCK
"""Bytes. A content of up to this size is there in full before its header is given out."""

_PACKED_HEAD = struct.Struct("<LQ")  # CRC-32, size of the deflate stream that follows
_CHUNK = 1024 * 1024


class Zip:
    """The container as planning and packing see it (``container.Container``)."""

    extension = "zip"
    media_type = "application/zip"

    def writer(self, state: bytes | None = None) -> "ZipWriter":
        """Return a writer for one archive."""
        return ZipWriter(state)

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a content as what its header has to know of it, and a deflate stream. Holds the stream in memory."""
        tally = _Tally(content)
        stream = list(deflate.stream(tally))
        yield _PACKED_HEAD.pack(tally.crc32, sum(map(len, stream)))
        yield from stream

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:  # noqa: ARG002
        """Return the most bytes that ``ZipWriter.entry`` can add to an archive for such an entry."""
        if size <= WHOLE_MOST:
            return zip_records.member_bound(path, size, described_after=False) + size
        most = deflate.bound(size)
        return zip_records.member_bound(path, most, described_after=True) + most

    def text_bound(self, path: str, text: bytes) -> int:
        """Return the same as ``entry_bound`` for a content that is known."""
        return self.entry_bound(path, len(text), compressible=True)

    def packed_bound(self, path: str, size: int, length: int) -> int:
        """Return the most bytes that ``packed_entry`` can add for ``size`` bytes that take ``length`` packed."""
        around = zip_records.member_bound(path, max(size, length), described_after=False)
        return around + length - _PACKED_HEAD.size

    def directory_bound(self, path: str) -> int:
        """Return the most bytes that ``ZipWriter.directory`` can add to an archive."""
        return zip_records.member_bound(f"{path}/", 0, described_after=False)

    def end_bound(self) -> int:
        """Return the most bytes that an archive has besides its entries."""
        return zip_records.END_BOUND


class _Open(msgspec.Struct):
    """An entry whose content is under way: what was taken in of it, and what came of that."""

    member: Member
    size: int
    stored: bool
    header_length: int
    consumed: int = 0
    packed: int = 0
    crc32: int = 0


class _State(msgspec.Struct):
    """Where a writer stands: the archive's length, its list of entries, and an open entry, which counts in neither."""

    offset: int
    count: int
    directory: bytes
    open: _Open | None


class ZipWriter:
    """Writes one archive: call its methods one after the other and join what they yield.

    Every iterator must be drawn to its end before the next method is called. What is raised after an entry's first
    bytes were given out leaves an archive that cannot be finished. Memory: the list of entries, two blocks and the
    chunk that comes in. ``state`` is what an earlier writer of the same archive left. ``comment`` is the archive's, up
    to 65,535 bytes; it is read by ``end`` and is in no state.
    """

    def __init__(self, state: bytes | None = None) -> None:
        start = msgspec.msgpack.decode(state, type=_State) if state else _State(0, 0, b"", None)
        self._offset = start.offset
        self._count = start.count
        self._directory = bytearray(start.directory)
        self._open = start.open
        self._awaited: set[int] = set()
        self.comment = b""

    def state(self) -> bytes:
        """Return what another writer needs to go on. Every CRC of a copied content must have been told by then."""
        self._check_told()
        return msgspec.msgpack.encode(_State(self._offset, self._count, bytes(self._directory), self._open))

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
        to WHOLE_MOST bytes is given out, and otherwise before its last bytes are.
        """
        name, whole = path.encode(), exactly(content, size, path)
        if size <= WHOLE_MOST:
            text = b"".join(whole)
            packed = deflate.compress(text, last=True) if compressible else text
            method, packed = (DEFLATED, packed) if len(packed) < size else (STORED, text)
            large = zip_records.is_large(size)
            member = Member(name, mtime, method, executable=executable, large=large)
            yield from self._member(member, Content(isal_zlib.crc32(text), len(packed), size), [packed])
            return
        large = zip_records.is_large(deflate.bound(size))
        member = Member(name, mtime, DEFLATED, executable=executable, described_after=True, large=large)
        header = zip_records.local_header(member, Content(0, 0, 0))
        yield header
        yield from self._content(_Open(member, size, not compressible, len(header)), whole)

    def rest_of_entry(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rest of the entry that was under way; ``content`` is what is left of its content."""
        if self._open is not None:
            yield from self._content(self._open, content)

    def takes_copy(self, *, compressible: bool) -> bool:
        """Whether a content goes in as it is: one that would not shrink."""
        return not compressible

    def copied_entry(self, path: str, size: int, mtime: int, *, executable: bool = False) -> CopiedEntry:
        """Return what stands around a content that is not written here, but copied to where it belongs.

        The header may be asked for on another thread.
        """
        large = zip_records.is_large(size)
        member = Member(path.encode(), mtime, STORED, executable=executable, large=large)
        place = len(self._directory)
        offset = self._offset
        header_length = len(zip_records.local_header(member, Content(0, size, size)))
        self._list(member, Content(0, size, size), header_length + size)
        end = len(self._directory)
        self._awaited.add(place)

        def header(crc32: int | None) -> bytes:
            if crc32 is None:
                raise ValueError("A zip header needs the CRC-32 of its content.")
            content = Content(crc32, size, size)
            self._directory[place:end] = zip_records.central_header(member, content, offset)
            self._awaited.discard(place)
            return zip_records.local_header(member, content)

        return CopiedEntry(header_length, header, b"", needs_crc32=True)

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for one file of ``size`` bytes that come from ``Zip.pack``."""
        stream = Stream(packed)
        head = b"".join(stream.take(_PACKED_HEAD.size))
        if len(head) < _PACKED_HEAD.size:
            raise ContentSizeChanged(path)
        crc32, length = _PACKED_HEAD.unpack(head)
        large = zip_records.is_large(max(size, length))
        member = Member(path.encode(), mtime, DEFLATED, large=large)
        yield from self._member(member, Content(crc32, length, size), exactly(stream.rest(), length, path))

    def packed_run(self, name: str, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the archive grows by for a run of members, which comes from ``zip_runs.pack_run``.

        Holds the run's list in memory. Raises ContentSizeChanged, which calls the run ``name``, if it is cut short.
        """
        stream = Stream(packed)
        head = b"".join(exactly(stream.take(zip_runs.HEAD.size), zip_runs.HEAD.size, name))
        (length,) = zip_runs.HEAD.unpack(head)
        directory = b"".join(exactly(stream.take(length), length, name))
        start = self._offset
        for member, content in zip_runs.members_of(directory):
            self._list(member, content, len(zip_records.local_header(member, content)) + content.packed)
        yield from exactly(stream.rest(), self._offset - start, name)

    @property
    def entries(self) -> int:
        """How many entries the archive has so far."""
        return self._count

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        yield from self._member(Member(f"{path}/".encode(), mtime, STORED), Content(0, 0, 0), [])

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive: the list of its entries. Every CRC must have been told by then."""
        self._check_told()
        for start in range(0, len(self._directory), _CHUNK):
            yield bytes(self._directory[start : start + _CHUNK])
        yield zip_records.end(self._count, len(self._directory), self._offset, self.comment)

    def _member(self, member: Member, content: Content, packed: Iterable[bytes]) -> Iterator[bytes]:
        header = zip_records.local_header(member, content)
        yield header
        yield from packed
        self._list(member, content, len(header) + content.packed)

    def _content(self, entry: _Open, content: Iterable[bytes]) -> Iterator[bytes]:
        self._open = entry
        for block in blocks(content, deflate.BLOCK):
            entry.crc32 = isal_zlib.crc32(block, entry.crc32)
            entry.consumed += len(block)
            run = deflate.compress(block, last=entry.consumed == entry.size, stored=entry.stored)
            entry.packed += len(run)
            yield run
        self._open = None
        done = Content(entry.crc32, entry.packed, entry.size)
        descriptor = zip_records.descriptor(entry.member, done)
        self._list(entry.member, done, entry.header_length + entry.packed + len(descriptor))
        yield descriptor

    def _check_told(self) -> None:
        if self._awaited:
            raise RuntimeError(f"The CRC-32 of {len(self._awaited)} copied contents is not known yet.")

    def _list(self, member: Member, content: Content, length: int) -> None:
        self._directory += zip_records.central_header(member, content, self._offset)
        self._count += 1
        self._offset += length


class _Tally:
    """Chunks on their way past, and the CRC-32 of those that have passed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.crc32 = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.crc32 = isal_zlib.crc32(chunk, self.crc32)
            yield chunk
