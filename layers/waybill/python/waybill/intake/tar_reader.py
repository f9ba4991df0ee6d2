"""Members of a tar archive in the order in which they stand (POSIX.1-2001, "ustar Interchange Format", pax).

Only what Waybill writes is taken: files, directories and pax records for one member each. The standard library's reader
would take a damaged header, or a file that breaks off between two members, for the archive's end.
"""

import tarfile
from collections.abc import Iterable, Iterator

from waybill.archive.streams import Stream
from waybill.intake.codes import ArchiveCode
from waybill.intake.members import (
    Allowance,
    BadArchive,
    Limits,
    Member,
    MemberBook,
    MemberKind,
    drained,
    name_of,
    shown,
)
from waybill.intake.unpacking import counted, gunzipped, zstd_unpacked

PACKINGS = {"tar": counted, "tar.gz": gunzipped, "tar.zst": zstd_unpacked}

_BLOCK = 512
_END = bytes(_BLOCK)
_MOST_PAX = 64 * 1024
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE}
_LINKS = {tarfile.LNKTYPE, tarfile.SYMTYPE}
_DEVICES = {tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_MAGIC = slice(257, 262)


def tar_members(chunks: Iterable[bytes], packing: str, limits: Limits) -> Iterator[Member]:
    """Yield the members of an archive that is packed as one of PACKINGS. Raises BadArchive while it is drawn.

    Memory: a chunk, and what it unpacks to piece by piece.
    """
    return drained(_TarReader(PACKINGS[packing](chunks, Allowance(limits)), limits).members())


class _TarReader:
    def __init__(self, unpacked: Iterator[bytes], limits: Limits) -> None:
        self._stream = Stream(unpacked)
        self._limits = limits

    def members(self) -> Iterator[Member]:
        book = MemberBook(self._limits)
        pax: dict[str, bytes] = {}
        first = True
        while (block := self._block(first=first)) != _END:
            info = _header(block, first=first)
            first = False
            size = _size(pax["size"]) if "size" in pax else info.size
            if size < 0:
                raise _damaged("it has a member of less than nothing")
            if info.type == tarfile.XHDTYPE:
                if pax or size > _MOST_PAX:
                    raise _damaged("it has a header that no member could need")
                pax = _pax_records(b"".join(self._exactly(size)))
                self._padding(size)
                continue
            name = name_of(pax["path"] if "path" in pax else _plain_name(info))
            pax = {}
            kind = _kind(info, name, size)
            path = book.add(name, size, kind)
            yield Member(path, size, kind, self._exactly(size))
            self._padding(size)
        if pax:
            raise _damaged("a header stands before no member")
        self._end()

    def _block(self, *, first: bool) -> bytes:
        block = b"".join(self._stream.take(_BLOCK))
        if first and not block:
            raise BadArchive(ArchiveCode.NOT_AN_ARCHIVE, "There is nothing in the archive's file.")
        if len(block) < _BLOCK:
            raise _truncated()
        return block

    def _exactly(self, size: int) -> Iterator[bytes]:
        for chunk in self._stream.take(size):
            size -= len(chunk)
            yield chunk
        if size:
            raise _truncated()

    def _padding(self, size: int) -> None:
        for chunk in self._exactly(-size % _BLOCK):
            if any(chunk):
                raise _damaged("something stands between two members")

    def _end(self) -> None:
        """Check that two empty blocks end the archive and nothing but zeros stands behind them."""
        if self._block(first=False) != _END:
            raise _damaged("a single empty block stands between two members")
        for chunk in self._stream.rest():
            if chunk.count(0) != len(chunk):
                raise BadArchive(ArchiveCode.TRAILING_DATA, "Something stands behind the archive's end.")


def _header(block: bytes, *, first: bool) -> tarfile.TarInfo:
    if block[_MAGIC] == b"ustar":
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise _damaged("a member's header is not what it was") from None
    if first:
        raise BadArchive(ArchiveCode.NOT_AN_ARCHIVE, "The file is not a tar archive.")
    raise _damaged("a member has no header")


def _plain_name(info: tarfile.TarInfo) -> bytes:
    """Return the name as its bytes stood. The library has taken slashes from its end."""
    return info.name.encode("utf-8", "surrogateescape")


def _kind(info: tarfile.TarInfo, name: str, size: int) -> MemberKind:
    if info.type in _FILES:
        return MemberKind.FILE
    if info.type == tarfile.DIRTYPE:
        if size:
            raise _damaged("a directory has a content")
        return MemberKind.DIRECTORY
    if info.type in _LINKS:
        raise BadArchive(ArchiveCode.LINK, f"{shown(name)} is a link, which is never followed.", name)
    if info.type in _DEVICES:
        raise BadArchive(ArchiveCode.DEVICE, f"{shown(name)} is a device or a pipe.", name)
    raise BadArchive(ArchiveCode.UNKNOWN_KIND, f"{shown(name)} is neither a file nor a directory.", name)


def _pax_records(data: bytes) -> dict[str, bytes]:
    """Return the records ``length keyword=value`` of a pax header. Raises BadArchive."""
    records: dict[str, bytes] = {}
    while data:
        digits, space, _ = data.partition(b" ")
        length = int(digits) if space and digits.isdigit() and len(digits) < len(str(_MOST_PAX)) + 1 else 0
        keyword, equals, value = data[len(digits) + 1 : length].partition(b"=")
        if not equals or length > len(data) or not value.endswith(b"\n"):
            raise _damaged("a header cannot be read")
        name = keyword.decode("ascii", "replace")
        if name in records or name.startswith("GNU.sparse"):
            raise _damaged("a header says something twice, or what no member of Waybill's has")
        records[name] = value[:-1]
        data = data[length:]
    return records


def _size(text: bytes) -> int:
    if not text.isdigit() or len(text) > len(str(2**63)):
        raise _damaged("a header names a size that is no number")
    return int(text)


def _damaged(what: str) -> BadArchive:
    return BadArchive(ArchiveCode.DAMAGED, f"The archive is damaged: {what}.")


def _truncated() -> BadArchive:
    return BadArchive(ArchiveCode.TRUNCATED, "The archive ends before its end. Send it again.")
