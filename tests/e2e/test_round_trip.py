"""What goes out comes back: exported, brought into an empty tenant, exported again, compared, and taken back."""

import hashlib
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from local.aws import Aws
from local.imports_api import ImportsApi
from local.stack_file import Stack
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

CONTACTS = "io.cozy.contacts"


@dataclass
class Contents:
    """What archives hold, read by Python's own libraries: records by doctype; size and SHA-256 of files by path."""

    records: dict[str, Counter[str]] = field(default_factory=dict)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return {doctype: each.total() for doctype, each in self.records.items()}

    def add_record(self, doctype: str, text: bytes) -> None:
        one_form = json.dumps(json.loads(text), sort_keys=True)
        self.records.setdefault(doctype, Counter())[one_form] += 1

    def add_file(self, path: str, content: bytes) -> None:
        assert path not in self.files
        self.files[path] = (len(content), hashlib.sha256(content).hexdigest())


def read_bags(archives: list[Path]) -> Contents:
    """The contents of bags: lines under data/<doctype>/, files under data/files/."""
    contents = Contents()
    for archive in archives:
        with tarfile.open(archive) as tar:
            for member in tar:
                _, _, path = member.name.partition("/")
                place, _, rest = path.removeprefix("data/").partition("/")
                file = tar.extractfile(member)
                if file is None or not path.startswith("data/"):
                    continue
                if place == "files":
                    contents.add_file(rest, file.read())
                else:
                    for line in file:
                        contents.add_record(place, line)
    return contents


def read_cozy(archives: list[Path]) -> Contents:
    """The contents of archives for a Cozy: documents under Data/<doctype>/, files under Files/.

    Data/instance.json says whose data it is, so it differs between tenants. It is no record of theirs.
    """
    contents = Contents()
    for archive in archives:
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                _, place, rest = info.filename.split("/", 2)
                doctype, _, name = rest.partition("/")
                if place == "Files":
                    contents.add_file(rest, packed.read(info))
                elif name:
                    contents.add_record(doctype, packed.read(info))
    return contents


def download(tenant: Tenant, folder: Path, **options: Any) -> tuple[list[Path], dict[str, Any]]:
    """Make an export, download its parts and what vouches for them; return the parts and the manifest."""
    export = tenant.api.finished(tenant.api.create(**options)["id"], seconds=240)
    assert export["attributes"]["state"] == "done", export["attributes"]["error"]
    folder.mkdir()
    for name in ("manifest", "signature"):
        (folder / name).write_bytes(tenant.api.call("GET", export["links"][name]).body)
    manifest = json.loads((folder / "manifest").read_bytes())
    parts = []
    for part in manifest["parts"]:
        parts.append(folder / part["name"])
        tenant.api.download(export["id"], part["cursor"], parts[-1])
    return parts, manifest


def bring_in(tenant: Tenant, inputs: list[Path]) -> dict[str, Any]:
    """Import files, the last first, and return the import that has come to its end."""
    imports = ImportsApi(tenant.api)
    made = imports.create(uploads=imports.upload_files(inputs[::-1]))
    ended = imports.finished(made["id"], seconds=300)
    assert (ended["attributes"]["state"], ended["attributes"]["error"]) == ("done", "")
    return ended


def check_report(attributes: dict[str, Any], sent: Contents) -> None:
    """Everything that went out is accounted for as having come in."""
    report, counts = attributes["report"], attributes["counts"]
    assert report["faults"] == []
    for name in ("rows", "accepted", "written"):
        assert {doctype: line[name] for doctype, line in report["doctypes"].items()} == sent.counts
    assert [line["reasons"] for line in report["doctypes"].values()] == [{}] * len(sent.counts)
    assert counts == {
        **dict.fromkeys(("rows", "accepted", "written"), sum(sent.counts.values())),
        "skipped": 0,
        "failed": 0,
        "files": len(sent.files),
        "file_bytes": sum(size for size, _ in sent.files.values()),
    }


def in_the_target(aws: Aws, stack: Stack, tenant: Tenant) -> tuple[int, int]:
    """How many items and how many objects the tenant has, whatever they are."""
    items = aws.dynamodb.get_paginator("scan").paginate(
        TableName=stack.resources["documents_table"],
        FilterExpression="begins_with(pk, :tenant)",
        ExpressionAttributeValues={":tenant": {"S": f"{tenant.id}#"}},
        Select="COUNT",
    )
    objects = aws.s3.list_objects_v2(Bucket=stack.resources["files_bucket"], Prefix=f"{tenant.id}/")
    return sum(page["Count"] for page in items), objects["KeyCount"]


def test_an_export_comes_back_whole_and_can_be_taken_back(
    owner: Tenant, new_tenant: Callable[..., Tenant], aws: Aws, stack: Stack, tmp_path: Path
) -> None:
    parts, manifest = download(owner, tmp_path / "out", parts_size=20_000_000)
    assert len(parts) > 3
    tenant = new_tenant("round-trip")

    imported = bring_in(tenant, [*parts, *(tmp_path / "out" / name for name in ("manifest", "signature"))])

    assert imported["attributes"]["report"]["signed"]
    sent = read_bags(parts)
    assert (sent.counts["comments"], len(sent.files)) == (500, manifest["files"]["written"])
    check_report(imported["attributes"], sent)
    back = read_bags(download(tenant, tmp_path / "again")[0])
    assert back.counts == sent.counts
    assert back.records == sent.records
    assert back.files == sent.files

    undone = ImportsApi(tenant.api).undo(imported["id"])["attributes"]
    assert undone["state"] == "undone"
    assert (undone["undo"]["restored"], undone["undo"]["changed_since"]) == (0, 0)
    left, account = download(tenant, tmp_path / "left")
    assert read_bags(left) == Contents()
    assert [line["expected"] for line in account["doctypes"].values()] == [0] * len(account["doctypes"])
    assert in_the_target(aws, stack, tenant) == (0, 0)


def test_what_a_cozy_gets_comes_back_whole(stranger: Tenant, new_tenant: Callable[..., Tenant], tmp_path: Path) -> None:
    options = {"layout": "cozy", "parts_size": 1_000_000}
    parts, manifest = download(stranger, tmp_path / "out", **options)
    assert len(parts) > 1
    tenant = new_tenant("round-trip-cozy")

    imported = bring_in(tenant, parts)

    sent = read_cozy(parts)
    assert (sent.counts["comments"], len(sent.files)) == (40, manifest["files"]["written"])
    check_report(imported["attributes"], sent)
    assert read_cozy(download(tenant, tmp_path / "again", **options)[0]) == sent


def test_a_mended_row_is_all_that_is_loaded_of_the_file_of_rejected_rows(
    new_tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    tenant = new_tenant("round-trip-rows")
    imports = ImportsApi(tenant.api)
    rows = [{"_id": "ada", "fullname": "Ada"}, {"_id": "bob", "fullname": 8}, {"_id": "cleo", "fullname": "Cleo"}]
    file = "".join(f"{json.dumps(row)}\n" for row in rows).encode()

    made = imports.create(upload=imports.upload("people.ndjson", file), doctype=CONTACTS)
    first = imports.finished(made["id"])["attributes"]
    assert (first["counts"]["rows"], first["counts"]["written"], first["counts"]["failed"]) == (3, 2, 1)

    rejected = imports.failures(made["id"])
    (row,) = [json.loads(line) for line in rejected.splitlines()]
    assert (row["_id"], row["_waybill_error"]["row"], row["_waybill_error"]["pointer"]) == ("bob", 2, "/fullname")
    mended = json.dumps({**row, "fullname": "Bob"}).encode() + b"\n"
    made = imports.create(upload=imports.upload("people.ndjson", mended), doctype=CONTACTS)
    second = imports.finished(made["id"])["attributes"]

    assert (second["counts"]["rows"], second["counts"]["written"], second["counts"]["failed"]) == (1, 1, 0)
    parts, _ = download(tenant, tmp_path / "back", with_doctypes=[CONTACTS])
    expected = Contents()
    for wanted in (rows[0], {"_id": "bob", "fullname": "Bob"}, rows[2]):
        expected.add_record(CONTACTS, json.dumps(wanted).encode())
    assert read_bags(parts) == expected
