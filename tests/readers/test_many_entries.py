"""More entries than 16 bits count.

A part has 25,000 entries at most, so what is special about an export of 65,537 files is that it makes several parts.
Planning and packing them takes ten seconds, so it is done once for each format; all readers read what comes of it in
the format that counts its entries, one reader in the others. Beyond that, every format has to take them all in one
archive, as if there were no limit.

Names are listed, and contents are read through a pipe as one stream and compared byte for byte: to lay 65,537 files on
the disk and read them back, once for each of eighteen readers, would take minutes and say nothing more.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.readers.contents import MANY, MANY_FILES, Contents
from tests.readers.exports import Made
from tests.readers.unpackers import PAIRS, Unpacker, at_hand

from waybill.archive.container import container_of

COUNTING = "zip"
QUICK = ("bsdtar", "tarfile")
"""Of these the first that is at hand reads the formats that do not count."""

WITH_NAMES = ("tar", "zip")
SLOW = ("GNU tar", "tarfile")
"""What is within a packed tar is like the plain one. There, names are not listed again, which takes as long as reading
all of it, and readers that take seconds for so many entries leave it to the others."""

CONTENT = {file.wanted_path: file.content for file in MANY_FILES.files}
NAMES = [f"many/{number}" for number in range(MANY)]


def reads_many(kind: str, unpacker: Unpacker) -> bool:
    """Whether this reader reads the export in this format."""
    names = [each.name for each in at_hand(kind)]
    return kind == COUNTING or unpacker.name == next(name for name in QUICK if name in names)


@pytest.mark.parametrize(
    ("kind", "unpacker"),
    [
        pytest.param(kind, unpacker, id=f"{kind}-{unpacker.name}")
        for kind, unpacker in PAIRS
        if reads_many(kind, unpacker)
    ],
)
def test_a_reader_gets_every_one_of_the_files(
    kind: str, unpacker: Unpacker, made: Callable[[str, Contents], Made]
) -> None:
    export = made(kind, MANY_FILES)
    found = []
    for part in export.parts:
        names = [name.partition("/")[2] for name in unpacker.names(part)]
        files = [name for name in names if name.startswith("data/files/")]
        records = MANY_FILES.records("pictures") if part is export.parts[0] else b""
        assert b"".join(unpacker.contents(part)).startswith(records + b"".join(CONTENT[name] for name in files))
        found += files
    assert len(export.parts) == MANY_FILES.parts
    assert sorted(found) == sorted(map(str, CONTENT))


@pytest.fixture(scope="module")
def in_one(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An archive of a format with all entries in it, made once."""
    folder = tmp_path_factory.mktemp("many")

    def give(kind: str) -> Path:
        archive = folder / f"many.{kind}"
        if not archive.exists():
            archive.write_bytes(b"".join(many_entries(kind)))
        return archive

    return give


def many_entries(kind: str) -> Iterator[bytes]:
    writer = container_of(kind).writer()
    for number, name in enumerate(NAMES):
        yield from writer.entry(name, 6, 0, [b"%06d" % number])
    yield from writer.end()


@pytest.mark.parametrize(
    ("kind", "unpacker"),
    [
        pytest.param(kind, unpacker, id=f"{kind}-{unpacker.name}")
        for kind, unpacker in PAIRS
        if kind in WITH_NAMES or unpacker.name not in SLOW
    ],
)
def test_a_reader_takes_them_in_one_archive(kind: str, unpacker: Unpacker, in_one: Callable[[str], Path]) -> None:
    archive = in_one(kind)
    if kind in WITH_NAMES:
        unpacker.check(archive)
        assert unpacker.names(archive) == NAMES
    assert b"".join(unpacker.contents(archive)) == b"".join(b"%06d" % number for number in range(MANY))
