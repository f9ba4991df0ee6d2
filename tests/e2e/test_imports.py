"""Imports as callers have them: tried, made, read about, taken back and deleted, on the stack with its roles."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from local import web
from local.aws import Aws
from local.stack_file import Stack
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

DOCTYPE = "io.cozy.contacts"
ROWS = [{"_id": "ada", "fullname": "Ada"}, {"_id": "bob", "fullname": "Bob"}, {"_id": 7}]


def taken(answer: web.Answer, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    return dict(answer.document["data"])


def post(tenant: Tenant, path: str, attributes: dict[str, Any]) -> web.Answer:
    return tenant.api.call("POST", path, body=json.dumps({"data": {"attributes": attributes}}))


def upload(tenant: Tenant, content: bytes) -> str:
    """Upload a small file; return the upload's id."""
    begun = taken(post(tenant, "/move/uploads", {"name": "contacts.json", "size": len(content)}), 201)
    (part,) = begun["attributes"]["wanted"]
    assert web.request("PUT", part["url"], body=content).status == 200
    return str(taken(tenant.api.call("POST", f"{begun['links']['self']}/complete"))["id"])


def ended(tenant: Tenant, path: str) -> dict[str, Any]:
    """Wait for the end of an import, or of undoing it."""
    deadline = time.monotonic() + 180
    while True:
        answer = tenant.api.call("GET", path)
        if "retry-after" not in answer.headers:
            return taken(answer)
        assert time.monotonic() < deadline, answer.body
        time.sleep(1)


def stored(aws: Aws, stack: Stack, tenant: Tenant) -> set[str]:
    found = aws.dynamodb.query(
        TableName=stack.resources["documents_table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"{tenant.id}#{DOCTYPE}"}},
    )
    return {item["sk"]["S"] for item in found["Items"]}


def test_an_import_is_tried_made_read_about_taken_back_and_deleted(
    new_tenant: Callable[..., Tenant], stranger: Tenant, aws: Aws, stack: Stack
) -> None:
    tenant = new_tenant("importing")
    asked = {"upload": upload(tenant, json.dumps(ROWS).encode()), "doctype": DOCTYPE}

    tried = ended(tenant, taken(post(tenant, "/move/imports", {**asked, "dry_run": True}), 202)["links"]["self"])
    assert (tried["attributes"]["state"], tried["attributes"]["error"]) == ("done", "")
    assert stored(aws, stack, tenant) == set()

    made = ended(tenant, taken(post(tenant, "/move/imports", asked), 202)["links"]["self"])
    path, report = made["links"]["self"], made["attributes"]["report"]
    assert stored(aws, stack, tenant) == {"ada", "bob"}
    assert made["attributes"]["counts"]["written"] == 2
    assert report["faults"] == tried["attributes"]["report"]["faults"]
    assert report["doctypes"][DOCTYPE]["failed"] == 1

    led = tenant.api.call("GET", made["links"]["failures"])
    assert led.status == 302
    (rejected,) = json.loads(web.request("GET", led.headers["location"]).body)
    assert (rejected["_id"], rejected["_waybill_error"]["row"]) == (7, 3)

    assert stranger.api.call("GET", path).status == 404
    assert stranger.api.call("POST", f"{path}/undo").status == 404
    listed = tenant.api.call("GET", "/move/imports").document["data"]
    assert [each["id"] for each in listed] == [made["id"], tried["id"]]

    taken(tenant.api.call("POST", f"{path}/undo"), 202)
    undone = ended(tenant, path)["attributes"]
    assert (undone["state"], undone["undo"]["removed"]) == ("undone", 2)
    assert stored(aws, stack, tenant) == set()

    receipt = tenant.api.call("DELETE", path)
    assert (receipt.status, receipt.document["meta"]["complete"]) == (200, True)
    assert tenant.api.call("GET", path).status == 410
    left = aws.s3.list_objects_v2(Bucket=stack.resources["archives_bucket"], Prefix=f"imports/{made['id']}/")
    assert left["KeyCount"] == 0


def test_what_cannot_be_read_ends_in_error_with_its_code(
    new_tenant: Callable[..., Tenant], aws: Aws, stack: Stack
) -> None:
    tenant = new_tenant("importing-nothing")
    asked = {"upload": upload(tenant, b"\x00\x01 no rows"), "doctype": DOCTYPE}

    failed = ended(tenant, taken(post(tenant, "/move/imports", asked), 202)["links"]["self"])["attributes"]

    assert (failed["state"], failed["error_code"]) == ("error", "unknown_format")
    assert post(tenant, "/move/imports", {"url": "https://127.0.0.1/x", "doctype": DOCTYPE}).status == 422
