"""Large files go from their bucket into the archive without passing through a function, whole and checked."""

import hashlib
import random
from collections.abc import Callable

import pytest
from local.aws import Aws
from local.demo_data.record import Record, StoredFile
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

FILES = "io.cozy.files"
MOMENT = "2026-01-02T03:04:05Z"
NOISE = random.Random(4)
CONTENTS = {
    "film-1": NOISE.randbytes(12_000_001),
    "film-2": NOISE.randbytes(11_000_512),
    "note-1": b"small",
    "note-2": NOISE.randbytes(6_000_000),
}


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    """Somebody with two films and two smaller files, all stored with their SHA-256."""
    records = [
        Record(
            FILES,
            name,
            MOMENT,
            {"_id": name, "type": "file", "name": f"{name}.mp4", "mime": "video/mp4", "updated_at": MOMENT},
        )
        for name in CONTENTS
    ]
    return new_tenant("films", records, [StoredFile(name, "video/mp4", content) for name, content in CONTENTS.items()])


def digests(export: Unpacked) -> dict[str, str]:
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for bag in export.bags
        for path in (bag / "data" / "files").rglob("*.mp4")
    }


@pytest.mark.parametrize("name", ["tar", "zip"])
def test_an_archive_with_copied_files_is_whole(tenant: Tenant, fetch: Callable[..., Unpacked], name: str) -> None:
    export = fetch(tenant, tenant.api.create(format=name)["id"])

    assert export.faults == []
    assert digests(export) == {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    (part,) = export.manifest["parts"]
    assert part["sha256"] is None  # nobody but the store has seen all of its bytes
    assert len(part["crc32"]) == 8


def test_without_a_stored_digest_the_archive_is_the_same_but_read(
    stack: Stack, aws: Aws, tenant: Tenant, new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]
) -> None:
    copied = fetch(tenant, tenant.api.create(format="tar")["id"])
    bucket = stack.resources["files_bucket"]
    for name, content in CONTENTS.items():
        aws.s3.put_object(Bucket=bucket, Key=f"{tenant.id}/{name}", Body=content, ChecksumAlgorithm="CRC32")

    read = fetch(tenant, tenant.api.create(format="tar")["id"])

    assert [archive.read_bytes() for archive in read.archives] == [archive.read_bytes() for archive in copied.archives]
    assert read.manifest["parts"][0]["sha256"] == hashlib.sha256(read.archives[0].read_bytes()).hexdigest()


def test_a_film_that_is_gone_is_named_and_the_rest_is_there(
    stack: Stack, aws: Aws, tenant: Tenant, fetch: Callable[..., Unpacked]
) -> None:
    aws.s3.delete_object(Bucket=stack.resources["files_bucket"], Key=f"{tenant.id}/film-1")

    export = fetch(tenant, tenant.api.create(format="zip")["id"])

    assert export.faults == []
    assert [(gap["id"], gap["code"]) for gap in export.manifest["gaps"]] == [("film-1", "file_missing")]
    assert set(digests(export)) == {"film-2", "note-1", "note-2"}
