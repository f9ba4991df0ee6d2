"""The records of a zip archive (PKWARE APPNOTE.TXT 6.3.10), as bytes.

A number that does not fit into 32 bits, or 16 for counts, stands in a ZIP64 extra field or record instead, and all ones
stand in its place (section 4.4.1.4). Times are in two places: the DOS fields, which know no zone and only even seconds
from 1980 on, say UTC, so that the same data gives the same bytes everywhere; the extended timestamp (Info-ZIP,
proginfo/extrafld.txt, 0x5455) says Unix time to the second, up to 2038, and readers prefer it.
"""

import struct
import time
from dataclasses import dataclass

STORED, DEFLATED = 0, 8

MOST_32 = 0xFFFFFFFF
MOST_16 = 0xFFFF
"""All ones; the largest number that stands where it belongs is one less."""

_LOCAL = struct.Struct("<LHHHHHLLLHH")  # section 4.3.7
_CENTRAL = struct.Struct("<LHHHHHHLLLHHHHHLL")  # section 4.3.12
_DESCRIPTOR = struct.Struct("<LLLL")  # section 4.3.9
_DESCRIPTOR_64 = struct.Struct("<LLQQ")
_END = struct.Struct("<LHHHHLLH")  # section 4.3.16
_END_64 = struct.Struct("<LQHHLLQQQQ")  # section 4.3.14
_LOCATOR_64 = struct.Struct("<LLQL")  # section 4.3.15
_TIMESTAMP = struct.Struct("<HHBl")
_EXTRA_64 = struct.Struct("<HHQQ")
_EXTRA_HEAD = struct.Struct("<HH")

_PLAIN_VERSION, _VERSION_64 = 20, 45  # section 4.4.3.2
_UNIX = 3 << 8  # section 4.4.2: the upper half of the attributes is st_mode
_DESCRIBED_AFTER, _UTF_8 = 1 << 3, 1 << 11  # section 4.4.4
_REGULAR, _DIRECTORY, _DOS_DIRECTORY = 0o100000, 0o040000, 0x10

_FIRST_DOS_TIME = 315_532_800  # 1980-01-01
_LAST_DOS_TIME = 4_354_819_198  # 2107-12-31 23:59:58
_LAST_TIMESTAMP = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Member:
    """What both records of a file or directory say.

    ``described_after`` says that CRC and sizes follow the content, because they were not known before it. ``large``
    says that its sizes do not fit, or may not fit, into 32 bits. A directory's path ends with a slash.
    """

    path: bytes
    mtime: int
    method: int
    executable: bool = False
    described_after: bool = False
    large: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """The CRC-32 of a content, its size as it is (``packed``) and as it was."""

    crc32: int
    packed: int
    size: int


def is_large(number: int) -> bool:
    """Whether a size or an offset needs ZIP64."""
    return number >= MOST_32


def local_header(member: Member, content: Content) -> bytes:
    """Return what stands before a content (section 4.3.7); ``content`` means nothing if it is described after."""
    told = Content(0, 0, 0) if member.described_after else content
    extra = _timestamp(member.mtime)
    packed, size = told.packed, told.size
    if member.large:
        extra += _EXTRA_64.pack(1, 16, size, packed)  # section 4.5.3: both of them here
        packed = size = 0xFFFFFFFF
    head = _LOCAL.pack(
        0x04034B50,
        _VERSION_64 if member.large else _PLAIN_VERSION,
        _flags(member),
        member.method,
        *_dos_time(member.mtime),
        told.crc32,
        packed,
        size,
        len(member.path),
        len(extra),
    )
    return head + member.path + extra


def descriptor(member: Member, content: Content) -> bytes:
    """Return what stands behind a content that is described after (section 4.3.9)."""
    form = _DESCRIPTOR_64 if member.large else _DESCRIPTOR
    return form.pack(0x08074B50, content.crc32, content.packed, content.size)


def central_header(member: Member, content: Content, offset: int) -> bytes:
    """Return the member's record in the central directory (section 4.3.12); its local header is at ``offset``."""
    numbers = (content.size, content.packed, offset)  # in the order of section 4.5.3
    size, packed, start = (0xFFFFFFFF if is_large(number) else number for number in numbers)
    extra = _timestamp(member.mtime)
    large = [number for number in numbers if is_large(number)]
    if large:
        extra += _EXTRA_HEAD.pack(1, 8 * len(large)) + struct.pack(f"<{len(large)}Q", *large)
    version = _VERSION_64 if large or member.large else _PLAIN_VERSION
    head = _CENTRAL.pack(
        0x02014B50,
        _UNIX | _VERSION_64,
        version,
        _flags(member),
        member.method,
        *_dos_time(member.mtime),
        content.crc32,
        packed,
        size,
        len(member.path),
        len(extra),
        0,
        0,
        0,
        _attributes(member),
        start,
    )
    return head + member.path + extra


def end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """Return what ends an archive whose central directory has ``count`` records, ``size`` bytes from ``offset`` on.

    ``comment`` is the archive's (section 4.4.12), at most MOST_16 bytes.
    """
    told_count = count if count < MOST_16 else 0xFFFF
    told_size, told_offset = (0xFFFFFFFF if is_large(number) else number for number in (size, offset))
    plain = _END.pack(0x06054B50, 0, 0, told_count, told_count, told_size, told_offset, len(comment)) + comment
    if count < MOST_16 and not is_large(size) and not is_large(offset):
        return plain
    version = _UNIX | _VERSION_64
    large = _END_64.pack(0x06064B50, _END_64.size - 12, version, _VERSION_64, 0, 0, count, count, size, offset)
    return large + _LOCATOR_64.pack(0x07064B50, 0, offset + size, 1) + plain


END_BOUND = _END_64.size + _LOCATOR_64.size + _END.size
"""The most bytes that ``end`` can return for an archive without a comment."""

CENTRAL_BOUND = _CENTRAL.size + _TIMESTAMP.size + _EXTRA_HEAD.size + 24
"""The most bytes that ``central_header`` can return besides the path."""


def member_bound(path: str, largest: int, *, described_after: bool) -> int:
    """Return the most bytes that a member's records can take; none of its two sizes is more than ``largest``."""
    offset = _EXTRA_HEAD.size + 8
    bound = _LOCAL.size + _CENTRAL.size + 2 * (len(path.encode()) + _TIMESTAMP.size) + offset
    after = _DESCRIPTOR
    if is_large(largest):
        bound += _EXTRA_64.size + 16
        after = _DESCRIPTOR_64
    return bound + (after.size if described_after else 0)


def _flags(member: Member) -> int:
    return _UTF_8 | (_DESCRIBED_AFTER if member.described_after else 0)


def _attributes(member: Member) -> int:
    if member.path.endswith(b"/"):
        return (_DIRECTORY | 0o755) << 16 | _DOS_DIRECTORY
    return (_REGULAR | (0o755 if member.executable else 0o644)) << 16


def _timestamp(mtime: int) -> bytes:
    return _TIMESTAMP.pack(0x5455, 5, 1, max(mtime, 0)) if mtime <= _LAST_TIMESTAMP else b""


def _dos_time(mtime: int) -> tuple[int, int]:
    """Return the fields for time and date (section 4.4.6), in the order in which they stand."""
    moment = time.gmtime(min(max(mtime, _FIRST_DOS_TIME), _LAST_DOS_TIME))
    clock = moment.tm_hour << 11 | moment.tm_min << 5 | moment.tm_sec // 2
    return clock, (moment.tm_year - 1980) << 9 | moment.tm_mon << 5 | moment.tm_mday
