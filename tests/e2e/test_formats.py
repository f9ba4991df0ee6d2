"""Every format, from the request to an archive that other tools read."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

DOCTYPE = "io.cozy.contacts"


def entries(archive: bytes, name: str) -> dict[str, bytes]:
    """The files of a part by path, read by Python's own libraries."""
    if name == "zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            return {info.filename: packed.read(info) for info in packed.infolist() if not info.is_dir()}
    if name == "tar.zst":
        archive = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive), read_across_frames=True).read()
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                found[member.name] = content.read()
    return found


@pytest.mark.parametrize("name", ["tar.gz", "tar", "tar.zst", "zip"])
def test_an_export_in_every_format_holds_every_record(owner: Tenant, name: str, tmp_path: Path) -> None:
    export = owner.api.create(format=name, with_doctypes=[DOCTYPE])
    *_, export = owner.api.watch(export["id"])
    (part,) = owner.api.manifest(export["id"])["parts"]
    target = tmp_path / part["name"]
    owner.api.download(export["id"], part["cursor"], target)

    found = entries(target.read_bytes(), name)

    lines = [line for path, content in found.items() if f"/data/{DOCTYPE}/" in path for line in content.splitlines()]
    assert part["name"].endswith(f".{name}")
    assert len({json.loads(line)["_id"] for line in lines}) == len(lines) == 800
