"""Members of a zip archive (PKWARE APPNOTE.TXT 6.3.10) that can be read at any place, as objects on S3 can.

The directory at the archive's end says what is in it. Its members must stand in the order of the directory, one
directly behind the other from the first byte on, so that nothing overlaps, nothing hides between them, and everything
is read once from front to back. Waybill writes them so, and so does a Cozy. What the header before a content says must
be what the directory says.
"""

import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from isal import isal_zlib

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
from waybill.intake.unpacking import ISAL_ERROR

ReadAt = Callable[[int, int], bytes]
"""Gives ``length`` bytes from ``offset`` on, which are within the archive."""

_WINDOW = 4 * 1024 * 1024
_DIRECTORY_WINDOW = 1024 * 1024
_MOST_OUT = 1024 * 1024
_PIECE = 64 * 1024

_END = struct.Struct("<LHHHHLLH")  # section 4.3.16
_LOCATOR_64 = struct.Struct("<LLQL")  # section 4.3.15
_END_64 = struct.Struct("<LQHHLLQQQQ")  # section 4.3.14
_CENTRAL = struct.Struct("<LHHHHHHLLLHHHHHLL")  # section 4.3.12
_LOCAL = struct.Struct("<LHHHHHLLLHH")  # section 4.3.7
_EXTRA = struct.Struct("<HH")
_END_SIGN, _LOCATOR_SIGN, _END_64_SIGN = 0x06054B50, 0x07064B50, 0x06064B50
_CENTRAL_SIGN, _LOCAL_SIGN, _DESCRIPTOR_SIGN = 0x02014B50, 0x04034B50, 0x08074B50

_ALL_16, _ALL_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13  # section 4.4.4
_DESCRIBED_AFTER, _UTF_8, _PATCHED = 1 << 3, 1 << 11, 1 << 5
_STORED, _DEFLATED, _AES = 0, 8, 99
_UNIX = 3
_DEFLATE = -15


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the directory says of a member."""

    raw_name: bytes
    name: str
    kind: MemberKind
    flags: int
    method: int
    crc32: int
    packed: int
    size: int
    offset: int


class ZipReader:
    """A zip archive of ``size`` bytes. Making one reads its end. Raises BadArchive.

    Memory: a window of the directory, one of the contents, and what is unpacked piece by piece.
    """

    def __init__(self, size: int, read_at: ReadAt, limits: Limits) -> None:
        self._size = size
        self._read_at = read_at
        self._limits = limits
        self._count, self._directory, self._directory_size, self.comment = self._find_directory()

    def first_name(self) -> str | None:
        """Return the name of the first member, None if there is none. Raises BadArchive."""
        first = next(self._entries(), None)
        return None if first is None else first.name

    def members(self) -> Iterator[Member]:
        """Yield the members in order. Raises BadArchive while it is drawn."""
        return drained(self._members())

    def chosen(self, wanted: Callable[[str], bool], *, start: int = 0) -> Iterator[Member]:
        """Yield in order the members from place ``start`` on whose names are ``wanted``. Raises BadArchive.

        Only these are read and checked; of the others no more than their places is looked at. A member that proves bad
        while it is drawn spoils nothing of those behind it. Names are as they stand in the archive, safe or not, and
        may repeat: nothing may be unpacked to them.
        """
        allowance = Allowance(self._limits)
        contents = _Window(self._read_at, 0, self._directory, _WINDOW)
        entries = self._entries()
        entry, place = next(entries, None), 0
        while entry is not None:
            following = next(entries, None)
            end = self._directory if following is None else following.offset
            if entry.offset + _LOCAL.size + entry.packed > end:
                raise _overlap(entry)
            if place >= start and wanted(entry.name):
                contents.skip_to(entry.offset)
                self._check_local(contents, entry)
                behind = contents.offset + entry.packed
                if behind > end:
                    raise _overlap(entry)
                yield Member(entry.name, entry.size, entry.kind, self._content(contents, entry, allowance), place)
                contents.skip_to(behind)
                self._check_descriptor(contents, entry, end)
            entry, place = following, place + 1

    def _find_directory(self) -> tuple[int, int, int, bytes]:
        """Return the number of entries, where the directory is, how long it is, and the archive's comment."""
        tail_size = min(self._size, _END.size + _ALL_16 + _LOCATOR_64.size + _END_64.size)
        base = self._size - tail_size
        tail = self._exactly(base, tail_size) if tail_size else b""
        place = tail.rfind(b"PK\x05\x06")
        while place >= 0:
            if place + _END.size <= len(tail):
                fields = _END.unpack_from(tail, place)
                if place + _END.size + fields[7] == len(tail):
                    return *self._place_of_directory(tail, place, base, fields), tail[place + _END.size :]
            place = tail.rfind(b"PK\x05\x06", 0, place)
        if self._size and self._read_at(0, min(self._size, 2)) == b"PK":
            raise _truncated()
        raise BadArchive(ArchiveCode.NOT_AN_ARCHIVE, "The file is not a zip archive.")

    def _place_of_directory(self, tail: bytes, place: int, base: int, fields: tuple[int, ...]) -> tuple[int, int, int]:
        disk, directory_disk, here, count, size, offset = fields[1:7]
        end = base + place
        locator = place - _LOCATOR_64.size
        if locator >= 0 and tail[locator:place].startswith(b"PK\x06\x07"):
            _, where_disk, where, disks = _LOCATOR_64.unpack_from(tail, locator)
            if where_disk or disks != 1:
                raise _multi_disk()
            if where + _END_64.size != base + locator:
                raise _contradiction("its end is not where it says")
            large = _END_64.unpack(self._exactly(where, _END_64.size))
            if large[0] != _END_64_SIGN or large[1] != _END_64.size - 12:
                raise _contradiction("its end is not what it says")
            disk, directory_disk, here, count, size, offset = large[4:10]
            end = where
        if disk or directory_disk or here != count:
            raise _multi_disk()
        if offset + size != end:
            raise _contradiction("its directory is not where it says")
        return count, offset, size

    def _members(self) -> Iterator[Member]:
        book, allowance = MemberBook(self._limits), Allowance(self._limits)
        contents = _Window(self._read_at, 0, self._directory, _WINDOW)
        entries = self._entries()
        entry = next(entries, None)
        while entry is not None:
            following = next(entries, None)
            end = self._directory if following is None else following.offset
            if entry.offset != contents.offset:
                raise _overlap(entry)
            path = book.add(entry.name, entry.size, entry.kind)
            self._check_local(contents, entry)
            if contents.offset + entry.packed > end:
                raise _overlap(entry)
            yield Member(path, entry.size, entry.kind, self._content(contents, entry, allowance))
            self._check_descriptor(contents, entry, end)
            entry = following
        if contents.offset != self._directory:
            raise _contradiction("something stands before its directory")

    def _entries(self) -> Iterator[_Entry]:
        """Yield what the directory says, and check that it says no more and no less than it announced."""
        window = _Window(self._read_at, self._directory, self._directory + self._directory_size, _DIRECTORY_WINDOW)
        for _ in range(self._count):
            if window.left < _CENTRAL.size:
                raise _contradiction("its directory is shorter than it says")
            yield _entry(window)
        if window.left:
            raise _contradiction("its directory is longer than it says")

    def _check_local(self, contents: "_Window", entry: _Entry) -> None:
        """Check that the header before a content says what the directory says (section 4.3.7)."""
        fields = _LOCAL.unpack(contents.exactly(_LOCAL.size))
        name, extra = contents.exactly(fields[9]), contents.exactly(fields[10])
        crc32, packed, size = fields[6:9]
        if fields[0] != _LOCAL_SIGN or name != entry.raw_name or (fields[2], fields[3]) != (entry.flags, entry.method):
            raise _contradiction(f"two places say different things of {shown(entry.name)}")
        if entry.flags & _DESCRIBED_AFTER:
            return
        if _ALL_32 in (packed, size):
            size, packed = _large(extra, [size, packed])
        if (crc32, packed, size) != (entry.crc32, entry.packed, entry.size):
            raise _contradiction(f"two places say different things of {shown(entry.name)}")

    def _check_descriptor(self, contents: "_Window", entry: _Entry, end: int) -> None:
        """Check what stands behind a content (section 4.3.9): with or without a sign, with sizes of 32 or 64 bits."""
        length = end - contents.offset
        if not entry.flags & _DESCRIBED_AFTER:
            if length:
                raise _overlap(entry)
            return
        sizes = {12: "<LLL", 16: "<LLL", 20: "<LQQ", 24: "<LQQ"}
        if length not in sizes:
            raise _overlap(entry)
        described = contents.exactly(length)
        if length in (16, 24):
            if described[:4] != struct.pack("<L", _DESCRIPTOR_SIGN):
                raise _contradiction(f"what stands behind {shown(entry.name)} is not about it")
            described = described[4:]
        if struct.unpack(sizes[length], described) != (entry.crc32, entry.packed, entry.size):
            raise _contradiction(f"two places say different things of {shown(entry.name)}")

    def _content(self, contents: "_Window", entry: _Entry, allowance: Allowance) -> Iterator[bytes]:
        size = crc32 = 0
        packed = contents.take(entry.packed)
        for chunk in _inflated(packed, entry, allowance) if entry.method == _DEFLATED else _stored(packed, allowance):
            size += len(chunk)
            if size > entry.size:
                break
            crc32 = isal_zlib.crc32(chunk, crc32)
            yield chunk
        if size != entry.size:
            sentence = f"{shown(entry.name)} does not have the {entry.size:,} bytes that were announced."
            raise BadArchive(ArchiveCode.WRONG_SIZE, sentence, entry.name)
        if crc32 != entry.crc32:
            sentence = f"{shown(entry.name)} is damaged: its checksum is another."
            raise BadArchive(ArchiveCode.WRONG_CHECKSUM, sentence, entry.name)

    def _exactly(self, offset: int, length: int) -> bytes:
        data = self._read_at(offset, length) if 0 <= offset <= self._size - length else b""
        if len(data) != length:
            raise _truncated()
        return data


class _Window:
    """A run of bytes that is read from front to back, some of it ahead."""

    def __init__(self, read_at: ReadAt, start: int, end: int, ahead: int) -> None:
        self.offset = start
        self._read_at = read_at
        self._end = end
        self._ahead = ahead
        self._buffer = b""
        self._position = 0

    @property
    def left(self) -> int:
        return self._end - self.offset

    def exactly(self, length: int) -> bytes:
        """Return the next bytes. Raises BadArchive if there are not as many."""
        if length > self.left:
            raise _truncated()
        end = self._position + length
        if end > len(self._buffer):
            return b"".join(self.take(length))
        data = self._buffer[self._position : end]
        self._position = end
        self.offset += length
        return data

    def skip_to(self, offset: int) -> None:
        """Go to where the next byte is read, forwards or back."""
        begin = self.offset - self._position
        if begin <= offset <= begin + len(self._buffer):
            self._position = offset - begin
        else:
            self._buffer, self._position = b"", 0
        self.offset = offset

    def take(self, length: int) -> Iterator[bytes]:
        """Yield the next bytes piece by piece."""
        while length:
            if self._position == len(self._buffer):
                self._buffer, self._position = self._read_at(self.offset, min(self._ahead, self.left)), 0
                if not self._buffer:
                    raise _truncated()
            piece = self._buffer[self._position : self._position + min(length, _PIECE)]
            self._position += len(piece)
            self.offset += len(piece)
            length -= len(piece)
            yield piece


def _entry(window: _Window) -> _Entry:
    fields = _CENTRAL.unpack(window.exactly(_CENTRAL.size))
    if fields[0] != _CENTRAL_SIGN:
        raise _contradiction("its directory is not one")
    made_by, _, flags, method = fields[1:5]
    raw_name, extra = window.exactly(fields[10]), window.exactly(fields[11])
    window.exactly(fields[12])
    name = _name(raw_name, flags)
    if flags & _ENCRYPTED or method == _AES:
        raise BadArchive(ArchiveCode.ENCRYPTED, f"{shown(name)} is encrypted.", name)
    if flags & _PATCHED or method not in (_STORED, _DEFLATED):
        raise BadArchive(ArchiveCode.UNKNOWN_METHOD, f"{shown(name)} is packed by a method that is not taken.", name)
    if fields[13] not in (0, _ALL_16):
        raise _multi_disk()
    size, packed, offset = _large(extra, [fields[9], fields[8], fields[16]])
    kind = _kind(name, fields[15] >> 16 if made_by >> 8 == _UNIX else 0)
    if kind is MemberKind.DIRECTORY and size:
        raise _contradiction(f"the directory {shown(name)} has a content")
    if method == _STORED and packed != size:
        raise BadArchive(ArchiveCode.WRONG_SIZE, f"{shown(name)} has two sizes.", name)
    return _Entry(raw_name, name, kind, flags, method, fields[7], packed, size, offset)


def _name(raw: bytes, flags: int) -> str:
    if not flags & _UTF_8 and not raw.isascii():
        name = raw.decode("ascii", "replace")
        sentence = f"The archive has a member whose name is not marked as UTF-8, {shown(name)}."
        raise BadArchive(ArchiveCode.NAME_NOT_UTF_8, sentence, name)
    return name_of(raw)


def _kind(name: str, mode: int) -> MemberKind:
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        raise BadArchive(ArchiveCode.LINK, f"{shown(name)} is a link, which is never followed.", name)
    if kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
        raise BadArchive(ArchiveCode.DEVICE, f"{shown(name)} is a device or a pipe.", name)
    return MemberKind.DIRECTORY if name.endswith("/") else MemberKind.FILE


def _large(extra: bytes, numbers: list[int]) -> list[int]:
    """Return numbers with those that stand in the ZIP64 field, in its order (section 4.5.3), put in."""
    wanted = [index for index, number in enumerate(numbers) if number == _ALL_32]
    found = dict(_extra_fields(extra)).get(1, b"")
    if len(found) < 8 * len(wanted):
        return numbers if not found else _raise_contradiction()
    for index, value in zip(wanted, struct.unpack(f"<{len(wanted)}Q", found[: 8 * len(wanted)]), strict=True):
        numbers[index] = value
    return numbers


def _raise_contradiction() -> list[int]:
    raise _contradiction("a large number is not where it says")


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        yield kind, extra[position : position + length]
        position += length


def _stored(packed: Iterator[bytes], allowance: Allowance) -> Iterator[bytes]:
    for chunk in packed:
        allowance.read(len(chunk))
        allowance.unpacked(len(chunk))
        yield chunk


def _inflated(packed: Iterator[bytes], entry: _Entry, allowance: Allowance) -> Iterator[bytes]:
    unpacker = isal_zlib.decompressobj(_DEFLATE)
    surplus = False
    try:
        for chunk in packed:
            surplus = unpacker.eof
            allowance.read(len(chunk))
            data = chunk
            while not unpacker.eof:
                out = unpacker.decompress(data, _MOST_OUT)
                data = unpacker.unconsumed_tail
                if out:
                    allowance.unpacked(len(out))
                    yield out
                if not (data or out):
                    break
            if surplus:
                break
        whole = unpacker.eof and not surplus and not unpacker.unused_data
    except ISAL_ERROR:
        whole = False
    if not whole:
        raise BadArchive(ArchiveCode.DAMAGED, f"{shown(entry.name)} is damaged: it cannot be unpacked.", entry.name)


def _truncated() -> BadArchive:
    return BadArchive(ArchiveCode.TRUNCATED, "The archive ends before its end. Send it again.")


def _multi_disk() -> BadArchive:
    return BadArchive(ArchiveCode.MULTI_DISK, "The archive is one piece of several. Join them first.")


def _contradiction(what: str) -> BadArchive:
    return BadArchive(ArchiveCode.CONTRADICTION, f"The archive contradicts itself: {what}.")


def _overlap(entry: _Entry) -> BadArchive:
    sentence = f"{shown(entry.name)} does not stand directly behind the member before it."
    return BadArchive(ArchiveCode.OVERLAP, sentence, entry.name)
