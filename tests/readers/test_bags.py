"""Bags and signatures, checked by bagit.py and openssl."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.readers.contents import ALL, LARGER_THAN_A_PART, NO_FILES, Contents
from tests.readers.expectations import base_of
from tests.readers.exports import Made, write_signed_manifest
from tests.readers.pipelines import run
from tests.readers.tools import OPENSSL
from tests.readers.unpackers import KINDS, PythonTar, PythonZip

BAGIT = [sys.executable, "-W", "ignore", "-m", "bagit", "--validate", "--quiet"]
VERIFY = [OPENSSL, "dgst", "-sha256"]


def unpacked(kind: str, parts: list[Path], room: Path) -> list[Path]:
    """Parts, unpacked by Python."""
    for part in parts:
        for reader in (PythonTar(), PythonZip()):
            if reader.takes(kind):
                reader.unpack(part, room)
    return [room / base_of(part, kind) for part in parts]


@pytest.mark.parametrize("contents", ALL, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_bagit_finds_every_part_valid(
    kind: str, contents: Contents, made: Callable[[str, Contents], Made], tmp_path: Path
) -> None:
    run([*BAGIT, *unpacked(kind, made(kind, contents).parts, tmp_path)])
    shutil.rmtree(tmp_path)


def test_bagit_finds_a_file_too_many(made: Callable[[str, Contents], Made], tmp_path: Path) -> None:
    bag, *_ = unpacked(KINDS[0], made(KINDS[0], LARGER_THAN_A_PART).parts, tmp_path)
    (bag / "data" / "more").write_bytes(b"")
    with pytest.raises(AssertionError, match="ended with 1"):
        run([*BAGIT, bag])


@pytest.mark.parametrize("contents", ALL, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_openssl_finds_the_manifest_signed(
    kind: str, contents: Contents, made: Callable[[str, Contents], Made], tmp_path: Path
) -> None:
    write_signed_manifest(made(kind, contents), tmp_path)
    assert verify(tmp_path) == b"Verified OK\n"


def test_openssl_finds_a_changed_manifest_out(made: Callable[[str, Contents], Made], tmp_path: Path) -> None:
    write_signed_manifest(made(KINDS[0], NO_FILES), tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"failed":0', b'"failed":1', 1))
    with pytest.raises(AssertionError, match="openssl ended with 1"):
        verify(tmp_path)


def verify(folder: Path) -> bytes:
    """Check a signature as docs/verify.md says."""
    key, signature = folder / "waybill.pem", folder / "manifest.json.sig"
    return run([*VERIFY, "-verify", key, "-signature", signature, folder / "manifest.json"])
