"""Tar entries (POSIX.1-2001 pax, "ustar Interchange Format" and "pax Header Block").

The standard library makes what needs a pax record. The plain header, which nearly every small file has, is written
here: made by the library it took a quarter of the time that such a file takes besides its request.
"""

import tarfile

from waybill.archive import gzip_members

BLOCK = 512
END = bytes(2 * BLOCK)
"""What ends an archive: two blocks of zeros. Readers need no padding to a whole tape record."""

_LAST_MTIME = 8**11 - 1
_LARGEST_PLAIN = 8**11 - 1
_LONGEST_PLAIN_NAME = 100
_OWNERS = b"0000000\0" * 2
_BEHIND_CHECKSUM = b"0%b" % bytes(100) + b"ustar\x0000" + bytes(247)
"""Of a regular file: its kind, no link, the magic and version, and neither names nor devices nor a prefix."""

_CHECKSUM_OF_CONSTANTS = 8 * ord(" ") + sum(_OWNERS) + sum(_BEHIND_CHECKSUM)
"""The checksum counts its own field as spaces."""

_PLAIN_BOUND = 72
"""What the fields beside the name take: 36 digits, of which up to 28 differ, 8 letters, and 14 runs of zeros."""


def header(path: str, size: int, mtime: int, *, executable: bool = False) -> bytes:
    """Return the header of a regular file: whole blocks, owned by nobody in particular (0:0, no names), 0644 or 0755.

    ``path`` has no surrogates (``paths.safe_path``). ``mtime`` is in Unix seconds; a time before 1970 becomes 1970,
    one after 2242 the last that the plain header can say. Paths that are long or not ASCII, and sizes from 8 GiB, go
    into a pax record in front.
    """
    mode = 0o755 if executable else 0o644
    if path.isascii() and len(path) <= _LONGEST_PLAIN_NAME and size <= _LARGEST_PLAIN:
        return _plain(path.encode(), size, _said(mtime), mode)
    info = _info(path, mtime)
    info.size = size
    info.mode = mode
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def directory(path: str, mtime: int) -> bytes:
    """Return the whole entry of a directory, 0755. ``path`` and ``mtime`` are as in ``header``."""
    info = _info(path, mtime)
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """Return the zeros that fill up a content of ``size`` bytes to whole blocks."""
    return bytes(-size % BLOCK)


def header_bound(path: str, size: int) -> int:
    """Return the most bytes that ``header(path, size, …)`` can take in a gzip member (see ``gzip_members``).

    For ``directory``, give its path with a slash at the end. A pax record is a header of its own, its content, and what
    a plain reader gets to see instead.
    """
    name = path.encode()
    if name.isascii() and len(name) <= _LONGEST_PLAIN_NAME and size <= _LARGEST_PLAIN:
        return _PLAIN_BOUND + len(name)
    records = len("9999 path=\n") + gzip_members.text_bound(name) + len("24 size=0123456789012345\n")
    pax = _PLAIN_BOUND + len("././@PaxHeader") + records + gzip_members.ZEROS
    return pax + _PLAIN_BOUND + min(len(name), _LONGEST_PLAIN_NAME)


def _info(path: str, mtime: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mtime = _said(mtime)
    return info


def _said(mtime: int) -> int:
    return min(max(int(mtime), 0), _LAST_MTIME)


def _plain(name: bytes, size: int, mtime: int, mode: int) -> bytes:
    """Return the header of a regular file whose fields all fit."""
    numbers = b"%011o\0%011o\0" % (size, mtime)
    rights = b"%07o\0" % mode
    checksum = _CHECKSUM_OF_CONSTANTS + sum(name) + sum(rights) + sum(numbers)
    return b"%b%b%b%b%06o\0 %b" % (
        name.ljust(_LONGEST_PLAIN_NAME, b"\0"),
        rights,
        _OWNERS,
        numbers,
        checksum,
        _BEHIND_CHECKSUM,
    )
