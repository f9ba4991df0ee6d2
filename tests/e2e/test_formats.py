"""Every format and layout, from the request to what other tools read."""

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from tests.e2e.support import Tenant
from tests.unit.archive.cozy_exports import FILES, imported

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


@pytest.mark.parametrize("name", ["json", "csv"])
def test_records_alone_are_files_of_one_doctype_within_their_size(owner: Tenant, name: str, tmp_path: Path) -> None:
    export = owner.api.create(format=name, with_doctypes=[DOCTYPE], parts_size=100_000)
    *_, export = owner.api.watch(export["id"])
    parts = owner.api.manifest(export["id"])["parts"]
    read: list[str] = []
    for part in parts:
        target = tmp_path / part["name"]
        assert owner.api.download(export["id"], part["cursor"], target) == part["sha256"]
        read += ids(target.read_bytes(), name)

    assert export["attributes"]["layout"] == "plain"
    assert [part["name"].rpartition("_exported_")[2] for part in parts[:2]] == [
        f"{DOCTYPE}.{name}",
        f"{DOCTYPE}_2.{name}",
    ]
    assert max(part["size"] for part in parts) <= 100_000
    assert len(set(read)) == len(read) == 800


def ids(part: bytes, name: str) -> list[str]:
    if name == "json":
        return [record["_id"] for record in json.loads(part)]
    return [row["_id"] for row in csv.DictReader(io.StringIO(part.decode(), newline=""))]


def test_a_cozy_can_import_what_is_made_for_it(owner: Tenant, tmp_path: Path) -> None:
    export = owner.api.create(layout="cozy", with_doctypes=[DOCTYPE, FILES], parts_size=30_000_000)
    *_, export = owner.api.watch(export["id"])
    manifest = owner.api.manifest(export["id"])
    parts = []
    for part in manifest["parts"]:
        target = tmp_path / part["name"]
        owner.api.download(export["id"], part["cursor"], target)
        parts.append(target.read_bytes())

    cozy = imported(parts)

    assert (export["attributes"]["format"], len(parts) > 2) == ("zip", True)
    assert len(cozy.documents[DOCTYPE]) == manifest["doctypes"][DOCTYPE]["written"] == 800
    assert len(cozy.files) == manifest["files"]["written"] > 300
    assert len(cozy.files) + len(cozy.directories) == manifest["doctypes"][FILES]["written"]
    assert list(cozy.files) == sorted(cozy.files)
    assert manifest["gaps"] == []
