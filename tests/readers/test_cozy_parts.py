"""Parts for Cozy are ordinary zips: readers take them, in their order and with the comment at their end."""

import random
import unicodedata
from pathlib import Path

import pytest
from tests.readers.unpackers import Unpacker, at_hand
from tests.unit.archive.cozy_exports import CozyExport, imported

from waybill.domain.options import MEBIBYTE


def example() -> CozyExport:
    """Documents, directories, and files at the size from which S3 takes a piece."""
    export, noise = CozyExport(), random.Random(5)
    export.add_documents("io.cozy.contacts", {f"{n:032x}": b'{"_id": "%032x", "n": %d}' % (n, n) for n in range(500)})
    export.add_documents("io.cozy.apps", {"io.cozy.apps/drive": b'{"slug": "drive"}'})
    export.add_directory("d2", "/Été")
    export.add_directory("d1", "/Été/\N{SUN BEHIND CLOUD}")
    for number, size in enumerate((5 * MEBIBYTE - 1, 0, 5 * MEBIBYTE, 5 * MEBIBYTE + 1, 7)):
        mime = "image/jpeg" if number % 2 else "text/plain"
        export.add_pair(f"f{number}", f"Été/\N{SUN BEHIND CLOUD}/{number}", noise.randbytes(size), mime=mime)
    return export


@pytest.mark.parametrize("unpacker", [pytest.param(each, id=each.name) for each in at_hand("zip")])
def test_a_reader_gets_what_went_in_in_its_order(unpacker: Unpacker, tmp_path: Path) -> None:
    export = example()
    parts = export.pack(11 * MEBIBYTE)
    names: list[str] = []
    contents = bytearray()
    for part in parts:
        path = tmp_path / part.packed.name
        path.write_bytes(part.data)
        unpacker.check(path)
        names += [unicodedata.normalize("NFC", name) for name in unpacker.names(path)]
        contents += b"".join(unpacker.contents(path))

    assert len(parts) > 1
    assert len(names) == sum(part.packed.entries for part in parts)
    assert [name for name in names if name.startswith("My Cozy/Files/")] == [
        unicodedata.normalize("NFC", file.path) for file in export.files
    ]
    assert contents.endswith(b"".join(record + content for record, content in list(export.pairs.values())[-2:]))
    assert len(contents) == sum(part.packed.payload_size for part in parts)
    assert imported(part.data for part in parts).files == export.pairs
