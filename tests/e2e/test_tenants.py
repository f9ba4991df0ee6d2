"""Two tenants who must never see each other."""

import json

import pytest
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/move/exports/{id}"),
        ("GET", "/move/exports/data/{id}"),
        ("GET", "/move/exports/data/{id}?cursor={cursor}"),
        ("GET", "/move/exports/{id}/manifest"),
        ("POST", "/move/exports/{id}/retry"),
        ("DELETE", "/move/exports/{id}"),
    ],
)
def test_another_tenants_export_is_not_found(
    stranger: Tenant, owner: Tenant, owner_export: Unpacked, method: str, path: str
) -> None:
    export = owner_export.export
    target = path.format(id=export["id"], cursor=export["attributes"]["parts_cursors"][0])
    refused = stranger.api.call(method, target)
    assert refused.status == 404
    assert refused.document["errors"][0]["code"] == "export_not_found"
    unknown = stranger.api.call(method, path.format(id="f" * 32, cursor=export["attributes"]["parts_cursors"][0]))
    assert _without_id(refused.body, export["id"]) == _without_id(unknown.body, "f" * 32)
    assert owner.api.get(export["id"])["attributes"]["state"] == "done"


def test_lists_show_only_the_callers_own(stranger: Tenant, owner: Tenant, owner_export: Unpacked) -> None:
    theirs = stranger.api.create(with_doctypes=["io.cozy.settings"])["id"]
    of_owner = {each["id"] for each in owner.api.call("GET", "/move/exports").document["data"]}
    of_stranger = {each["id"] for each in stranger.api.call("GET", "/move/exports").document["data"]}
    assert owner_export.export["id"] in of_owner
    assert theirs in of_stranger
    assert not of_owner & of_stranger
    stranger.api.finished(theirs)


def test_archive_holds_nothing_of_another_tenant(stack: Stack, owner_export: Unpacked) -> None:
    names = {json.loads(line)["public_name"] for line in owner_export.records("io.cozy.settings") if b"public_" in line}
    assert names == {"Owner"}
    other = stack.users["stranger"].tenant.encode()
    for bag in owner_export.bags:
        for path in bag.rglob("*.ndjson"):
            assert other not in path.read_bytes()


def test_tenant_is_taken_from_the_token_alone(stranger: Tenant, owner: Tenant, owner_export: Unpacked) -> None:
    path = f"/move/exports/{owner_export.export['id']}"
    for name in ("X-Tenant", "X-Amzn-Tenant", "Tenant", "sub"):
        assert stranger.api.call("GET", path, headers={name: owner.id}).status == 404
    assert stranger.api.call("GET", path, query={"tenant": owner.id}).status in {400, 404}


def _without_id(body: bytes, export_id: str) -> bytes:
    return body.replace(export_id.encode(), b"ID")
