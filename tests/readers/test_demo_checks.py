"""The checks of ``make demo``, which unpack and compare an export of any format."""

from collections.abc import Callable
from pathlib import Path

import pytest
from local import checks
from tests.readers.contents import COPIED, LARGER_THAN_A_PART, Contents
from tests.readers.exports import Made
from tests.readers.unpackers import KINDS


def faults(made: Made, parts: list[Path], target: Path) -> list[str]:
    cursors = [part["cursor"] for part in made.manifest["parts"]]
    return checks.check(made.manifest, dict(zip(cursors, parts, strict=True)), target).faults


@pytest.mark.parametrize("contents", [COPIED, LARGER_THAN_A_PART], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_passes(kind: str, contents: Contents, made: Callable[[str, Contents], Made], tmp_path: Path) -> None:
    export = made(kind, contents)
    assert faults(export, export.parts, tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_parts_in_the_wrong_places_do_not_pass(
    kind: str, made: Callable[[str, Contents], Made], tmp_path: Path
) -> None:
    export = made(kind, LARGER_THAN_A_PART)
    found = faults(export, export.parts[::-1], tmp_path)
    assert any("The SHA-256 of" in fault for fault in found)
    assert any("The place of" in fault for fault in found)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_part_without_a_sha256_does_not_pass_with_another_crc32(
    kind: str, made: Callable[[str, Contents], Made], tmp_path: Path
) -> None:
    export = made(kind, COPIED)
    data = bytearray(export.parts[0].read_bytes())
    data[-1] ^= 1
    changed = tmp_path / export.parts[0].name
    changed.write_bytes(data)
    assert any("The CRC-32 of" in fault for fault in faults(export, [changed], tmp_path))
