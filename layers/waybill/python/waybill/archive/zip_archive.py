"""The container zip.

What is known decides how a content goes in, so that every reader can take it, also one that reads a pipe from front to
back:

- up to WHOLE_MOST bytes are gathered, so CRC and sizes stand in front. Deflated if that makes them fewer, else stored;
- larger contents are deflated as they come, and CRC and sizes follow in a data descriptor. What would not shrink goes
  into stored blocks of deflate, because a reader of a pipe could not see where a stored content ends (java.util.zip
  refuses it);
- a content that was packed beforehand is a deflate stream that brings its CRC and size along, and goes in as it is.

The list of all entries, which ends the archive, is held in memory until then: about 120 bytes and the path for each.
"""

import struct
from collections.abc import Iterable, Iterator

from isal import isal_zlib

from waybill.archive import deflate, zip_records
from waybill.archive.errors import ContentSizeChanged
from waybill.archive.streams import Stream, exactly
from waybill.archive.zip_records import DEFLATED, STORED, Content, Member

WHOLE_MOST = deflate.BLOCK
"""Bytes. A content of up to this size is there in full before its header is given out."""

_PACKED_HEAD = struct.Struct("<LQ")  # CRC-32, size of the deflate stream that follows
_CHUNK = 1024 * 1024


class Zip:
    """The container as planning and packing see it (``container.Container``)."""

    extension = "zip"
    media_type = "application/zip"

    def writer(self) -> "ZipWriter":
        """Return a writer for one archive."""
        return ZipWriter()

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


class ZipWriter:
    """Writes one archive: call its methods one after the other and join what they yield.

    Every iterator must be drawn to its end before the next method is called. What is raised after an entry's first
    bytes were given out leaves an archive that cannot be finished. Memory: the list of entries, two blocks and the
    chunk that comes in.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._count = 0
        self._directory = bytearray()

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
        yield from self._streamed(member, size, whole, stored=not compressible)

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

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:
        """Yield what the archive grows by for a directory, which only an empty one needs."""
        yield from self._member(Member(f"{path}/".encode(), mtime, STORED), Content(0, 0, 0), [])

    def end(self) -> Iterator[bytes]:
        """Yield the end of the archive: the list of its entries."""
        for start in range(0, len(self._directory), _CHUNK):
            yield bytes(self._directory[start : start + _CHUNK])
        yield zip_records.end(self._count, len(self._directory), self._offset)

    def _member(self, member: Member, content: Content, packed: Iterable[bytes]) -> Iterator[bytes]:
        header = zip_records.local_header(member, content)
        yield header
        yield from packed
        self._list(member, content, len(header) + content.packed)

    def _streamed(self, member: Member, size: int, whole: Iterable[bytes], *, stored: bool) -> Iterator[bytes]:
        header = zip_records.local_header(member, Content(0, 0, 0))
        yield header
        tally, length = _Tally(whole), 0
        for run in deflate.stream(tally, stored=stored):
            length += len(run)
            yield run
        content = Content(tally.crc32, length, size)
        descriptor = zip_records.descriptor(member, content)
        yield descriptor
        self._list(member, content, len(header) + length + len(descriptor))

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
