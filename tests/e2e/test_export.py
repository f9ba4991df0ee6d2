"""A whole export of the demo user, checked by bagit.py, GNU tar and Python, and against what was put in."""

import hashlib
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local import web
from local.demo_data import cloud
from local.exports_api import MEDIA_TYPE
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_SECRETS = {
    "io.cozy.settings": {"passphrase_hash", "session_secret"},
    "users": {"Password", "AuthenticationToken"},
}


def test_it_is_what_its_manifest_says(owner_export: Unpacked) -> None:
    assert owner_export.faults == []
    assert owner_export.manifest["gaps"] == []
    assert "gaps" not in owner_export.export["meta"]


def test_its_document_adds_up(owner_export: Unpacked) -> None:
    attributes, parts = owner_export.export["attributes"], owner_export.manifest["parts"]
    assert attributes["parts_length"] == len(attributes["parts_cursors"]) == len(parts)
    assert attributes["parts_cursors"] == [part["cursor"] for part in parts]
    assert attributes["total_size"] == sum(part["size"] for part in parts)
    assert attributes["creation_duration"] > 0
    assert attributes["error"] == ""


def test_every_record_came_out_as_it_was_put_in(owner_export: Unpacked) -> None:
    put_in: dict[str, dict[str, Any]] = defaultdict(dict)
    for record in [*cloud.records("owner"), *(item.record for item in cloud.library("owner").items())]:
        secrets = _SECRETS.get(record.doctype, set())
        put_in[record.doctype][record.id] = {k: v for k, v in record.body.items() if k not in secrets}
    assert set(owner_export.manifest["doctypes"]) == set(put_in)
    for doctype, expected in put_in.items():
        found = [json.loads(line) for line in owner_export.records(doctype)]
        assert sorted(found, key=_sorted_text) == sorted(expected.values(), key=_sorted_text)


def _sorted_text(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)


def test_every_file_came_out_as_it_was_put_in(owner_export: Unpacked) -> None:
    put_in = Counter(_digest(item.file.content) for item in cloud.library("owner").items() if item.file)
    found = Counter(
        _digest(path.read_bytes())
        for bag in owner_export.bags
        for path in (bag / "data" / "files").rglob("*")
        if path.is_file()
    )
    assert found == put_in


def test_gnu_tar_unpacks_the_same(owner_export: Unpacked, tmp_path: Path) -> None:
    for archive, bag in zip(owner_export.archives, owner_export.bags, strict=True):
        done = subprocess.run(
            ["tar", "-xzf", archive, "-C", tmp_path], capture_output=True, check=False, env={"LC_ALL": "C.UTF-8"}
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert _listing(tmp_path / bag.name) == _listing(bag)


def test_the_same_data_gives_the_same_bytes(
    owner: Tenant, owner_export: Unpacked, fetch: Callable[..., Unpacked]
) -> None:
    again = fetch(owner, owner.api.create()["id"])
    assert again.digests == owner_export.digests
    assert again.manifest["group"] == owner_export.manifest["group"]


def test_without_cursor_the_link_is_to_the_first_part(owner: Tenant, owner_export: Unpacked) -> None:
    answer = web.request("GET", owner.api.link(owner_export.export["id"]))
    assert hashlib.sha256(answer.body).hexdigest() == owner_export.digests[0]
    assert owner_export.manifest["parts"][0]["name"] in answer.headers["content-disposition"]


def test_link_that_was_tampered_with_is_refused(owner: Tenant, owner_export: Unpacked) -> None:
    link = owner.api.link(owner_export.export["id"])
    other = link.replace(owner_export.export["id"], "0" * 32, 1)
    assert other != link
    assert web.request("GET", other).status == 403


def test_chosen_doctypes_without_files(owner: Tenant, fetch: Callable[..., Unpacked]) -> None:
    asked = owner.api.create(with_doctypes=["io.cozy.contacts", "io.cozy.files"], without_files=True)
    assert asked["attributes"]["state"] == "exporting"
    export = fetch(owner, asked["id"])
    assert export.faults == []
    assert list(export.manifest["doctypes"]) == ["io.cozy.contacts"]
    assert export.manifest["files"]["expected"] == 0
    assert len(export.records("io.cozy.contacts")) == 800


def test_running_export_says_how_far_it_is_and_has_no_parts_yet(owner: Tenant) -> None:
    created = owner.api.call("POST", "/move/exports", body=json.dumps({"data": {"attributes": {}}}))
    assert created.status == 202
    assert created.headers["content-type"] == MEDIA_TYPE
    assert int(created.headers["retry-after"]) > 0
    export = created.document["data"]
    assert created.headers["location"].endswith(export["id"])
    assert owner.api.call("GET", f"/move/exports/data/{export['id']}").status == 409
    assert owner.api.call("GET", f"/move/exports/{export['id']}/manifest").status == 409
    seen = [each["meta"] for each in owner.api.watch(export["id"], pause=0.2)]
    assert all(set(meta["progress"]) == {"records", "bytes", "percentage"} for meta in seen[:-1])
    percentages = [meta["progress"]["percentage"] for meta in seen[:-1]]
    assert percentages == sorted(percentages)
    assert owner.api.get(export["id"])["attributes"]["state"] == "done"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _listing(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): _digest(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
