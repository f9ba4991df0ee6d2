"""Runs of whole zip members, packed where their contents are at hand and put into an archive somewhere else.

A run is the length of its list, the list of its members, and then their local headers and contents, one behind the
other. The list has what the archive's directory will say of each; where they stand is known only in the archive.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec
from isal import isal_zlib

from waybill.archive import deflate, zip_records
from waybill.archive.zip_records import DEFLATED, STORED, Content, Member

HEAD = struct.Struct("<L")
"""The length of the list."""


class _Listed(msgspec.Struct, array_like=True):
    path: bytes
    mtime: int
    method: int
    crc32: int
    packed: int
    size: int


_LIST = msgspec.msgpack.Decoder(list[_Listed])


def pack_run(contents: Iterable[tuple[str, int, bytes]]) -> bytes:
    """Return the run of contents, each with its path and its time (whole Unix seconds). Holds all of it in memory."""
    listed: list[_Listed] = []
    members: list[bytes] = []
    for path, mtime, text in contents:
        packed = deflate.compress(text, last=True)
        method, packed = (DEFLATED, packed) if len(packed) < len(text) else (STORED, text)
        each = _Listed(path.encode(), mtime, method, isal_zlib.crc32(text), len(packed), len(text))
        listed.append(each)
        members += (zip_records.local_header(*_member(each)), packed)
    directory = msgspec.msgpack.encode(listed)
    return b"".join([HEAD.pack(len(directory)), directory, *members])


def members_of(directory: bytes) -> Iterator[tuple[Member, Content]]:
    """Yield what the list of a run says, in order."""
    for each in _LIST.decode(directory):
        yield _member(each)


def run_bound(length: int, members: int) -> int:
    """Return the most bytes that a run of ``length`` bytes adds to an archive."""
    return length + members * zip_records.CENTRAL_BOUND


def _member(each: _Listed) -> tuple[Member, Content]:
    large = zip_records.is_large(max(each.packed, each.size))
    return (
        Member(each.path, each.mtime, each.method, large=large),
        Content(each.crc32, each.packed, each.size),
    )
