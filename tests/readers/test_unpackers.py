"""Every format with every kind of content, unpacked by readers that nobody here wrote."""

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from tests.readers.contents import ALL, COPIED, SIZES, Contents
from tests.readers.expectations import base_of, check_bag, check_payload
from tests.readers.exports import Made
from tests.readers.unpackers import KINDS, PAIRS, UNPACKERS, Unpacker

FAULTS = (AssertionError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile, zlib.error, zstandard.ZstdError)
"""What readers raise, and what we do if their exit code, a name or a digest is wrong."""

each_pair = pytest.mark.parametrize(
    ("kind", "unpacker"), [pytest.param(kind, unpacker, id=f"{kind}-{unpacker.name}") for kind, unpacker in PAIRS]
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Path]:
    """A folder to unpack into, which does not stay."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def unpack_and_check(made: Made, unpacker: Unpacker, room: Path) -> None:
    payload: dict[str, str] = {}
    for number, part in enumerate(made.parts):
        unpacker.check(part)
        unpacker.unpack(part, room)
        bag, names = room / base_of(part, made.kind), unpacker.names(part)
        payload |= check_bag(made, number, bag, names, composes=unpacker.composes)
    bags = [room / base_of(part, made.kind) for part in made.parts]
    assert sorted(room.iterdir()) == sorted(bags)
    check_payload(made, bags, payload)


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_read_by_several_readers(kind: str) -> None:
    assert len([unpacker for unpacker in UNPACKERS if unpacker.takes(kind)]) >= 4


@pytest.mark.parametrize("contents", ALL, ids=str)
@each_pair
def test_a_reader_gets_what_went_in(
    kind: str, unpacker: Unpacker, contents: Contents, made: Callable[[str, Contents], Made], room: Path
) -> None:
    export = made(kind, contents)
    assert contents.parts in {None, len(export.parts)}
    unpack_and_check(export, unpacker, room)


@each_pair
def test_a_changed_byte_does_not_pass(
    kind: str, unpacker: Unpacker, made: Callable[[str, Contents], Made], room: Path
) -> None:
    whole = made(kind, SIZES)
    damaged = room / "damaged" / whole.parts[0].name
    damaged.parent.mkdir()
    data = bytearray(whole.parts[0].read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    unpacked = room / "unpacked"
    unpacked.mkdir()
    broken = replace(whole, parts=[damaged])
    with pytest.raises(FAULTS):
        unpack_and_check(broken, unpacker, unpacked)


@pytest.mark.parametrize(("kind", "copied"), [("tar", 4), ("zip", 3)])
def test_large_files_are_in_it_because_the_store_copied_them(
    kind: str, copied: int, made: Callable[[str, Contents], Made]
) -> None:
    export = made(kind, COPIED)
    assert len({source.key for _, _, source in export.archives.copies}) == copied
    assert export.manifest["parts"][0]["sha256"] is None
