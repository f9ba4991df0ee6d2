"""Files whose sizes need more than 32 bits, and what lies behind them.

They are zeros, made as they are read; a part goes to a sparse file. Zeros and not noise, because noise would fill the
disk, and because zeros can be compared forty times as fast as noise can be hashed. There are two:

- LARGE_FILE is packed as a text would be: in formats that compress, its size is large and its packed size is not;
- LARGE_FILM is not compressed, so that the archive itself is large and entries begin behind 4 GiB. It goes into those
  formats into which the store copies it, which takes no time. Whether its bytes are right shows in smaller ones.

Every reader that can skip what it does not want is asked for the names, and for entries in front and behind. The large
file itself is read by one in FAST. The others take up to half a minute for it, some for their inflating, others for
their CRC, and show nothing that they have not shown with the other contents.
"""

from collections.abc import Callable, Iterable

import pytest
from tests.readers.contents import (
    BEFORE,
    BEHIND,
    LARGE,
    LARGE_FILE,
    LARGE_FILM,
    LARGE_SHA256,
    LARGER,
    Contents,
)
from tests.readers.expectations import base_of
from tests.readers.exports import Made
from tests.readers.unpackers import PAIRS, Unpacker, at_hand

FAST = ("bsdtar", "7zz")
"""Of these the first that is at hand."""

SEEKING = {"tar": ("GNU tar", "bsdtar", "7zz", "tarfile"), "zip": ("bsdtar", "unzip", "7zz", "zipfile")}
BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_CHUNK = bytes(1024 * 1024)


def pairs(wanted: Callable[[str, Unpacker], bool]) -> pytest.MarkDecorator:
    """The formats and readers for a test."""
    chosen = [(kind, unpacker) for kind, unpacker in PAIRS if wanted(kind, unpacker)]
    return pytest.mark.parametrize(
        ("kind", "unpacker"), [pytest.param(kind, unpacker, id=f"{kind}-{unpacker.name}") for kind, unpacker in chosen]
    )


def read_with_zeros(stream: Iterable[bytes], size: int) -> tuple[bytes, bytes]:
    """Return what a stream holds before and behind ``size`` zeros, after checking that they are there."""
    chunks = iter(stream)
    before, zero, chunk = next(chunks).partition(b"\0")
    chunk = zero + chunk
    while len(chunk) <= size:
        assert chunk == _CHUNK[: len(chunk)]
        size -= len(chunk)
        chunk = next(chunks)
    assert chunk[:size] == bytes(size)
    return before, chunk[size:] + b"".join(chunks)


def is_fastest(kind: str, unpacker: Unpacker) -> bool:
    """Whether this is the reader for the whole of a large file."""
    names = [each.name for each in at_hand(kind)]
    return unpacker.name == next(name for name in FAST if name in names)


@pairs(is_fastest)
def test_a_reader_gets_all_of_a_large_file(
    kind: str, unpacker: Unpacker, made: Callable[[str, Contents], Made]
) -> None:
    export = made(kind, LARGE_FILE)
    (part,) = export.parts
    is_copied = bool(export.archives.copies)  # then everything else was put in front of it
    before, behind = read_with_zeros(unpacker.contents(part), LARGE)
    records = LARGE_FILE.records("pictures")
    assert before == records + BEFORE.content + (BEHIND.content if is_copied else b"")
    assert is_copied or behind.startswith(BEHIND.content)
    assert f"{LARGE_SHA256}  data/files/2 large.bin\n".encode() in behind


@pytest.mark.parametrize("contents", [LARGE_FILE, LARGE_FILM], ids=str)
@pairs(lambda kind, unpacker: unpacker.name in SEEKING.get(kind, ()))
def test_a_reader_gets_what_lies_around_a_large_file(
    kind: str, unpacker: Unpacker, contents: Contents, made: Callable[[str, Contents], Made]
) -> None:
    export = made(kind, contents)
    (part,) = export.parts
    base = base_of(part, kind)
    names = unpacker.names(part)
    assert {f"{base}/{file.wanted_path}" for file in contents.files} <= set(names)
    for path, content in [(BEFORE.wanted_path, BEFORE.content), (BEHIND.wanted_path, BEHIND.content)]:
        assert b"".join(unpacker.contents(part, f"{base}/{path}")) == content
    assert names.index(f"{base}/bagit.txt") > names.index(f"{base}/{contents.files[1].wanted_path}")
    assert b"".join(unpacker.contents(part, f"{base}/bagit.txt")) == BAGIT_TXT


@pytest.mark.parametrize("kind", SEEKING)
def test_a_large_film_makes_a_large_archive(kind: str, made: Callable[[str, Contents], Made]) -> None:
    export = made(kind, LARGE_FILM)
    assert export.parts[0].stat().st_size > LARGER
    assert len(export.archives.copies) == 2
