"""What a tool has packed is found again in its archive, whatever the format."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import Literal

import pytest
from bench.packing import _member_digests

CONTENTS = {"a/1.json": b"one", "a/2.json": b"two" * 1_000_000, "empty": b""}


def tarred(mode: Literal["w", "w:gz"]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in CONTENTS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("make", [lambda: tarred("w"), lambda: tarred("w:gz"), zipped], ids=["tar", "tar.gz", "zip"])
def test_every_content_is_found(make: Callable[[], bytes]) -> None:
    found = list(_member_digests(io.BytesIO(make())))
    assert found == [hashlib.sha256(content).digest() for content in CONTENTS.values()]
