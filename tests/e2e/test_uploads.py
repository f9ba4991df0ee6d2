"""A file is uploaded as a client does it: in parts, past the API, broken off, taken up; and nobody else is let in."""

import json
from typing import Any

import pytest
from local import web
from local.aws import Aws
from local.stack_file import Stack
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

MEBIBYTE = 1 << 20
CONTENT = bytes(range(256)) * (40 * MEBIBYTE // 256) + b"the end"


def begin(tenant: Tenant, size: int) -> dict[str, Any]:
    body = json.dumps({"data": {"type": "waybill.uploads", "attributes": {"name": "x.json", "size": size}}})
    return taken(tenant.api.call("POST", "/move/uploads", body=body), 201)


def taken(answer: web.Answer, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    return dict(answer.document["data"])


def send(wanted: dict[str, Any], data: bytes) -> int:
    """PUT a part to its URL, without a token."""
    return web.request("PUT", wanted["url"], body=data).status


def piece(upload: dict[str, Any], number: int) -> bytes:
    size = upload["attributes"]["part_size"]
    return CONTENT[(number - 1) * size : number * size]


def test_a_file_in_three_parts_is_taken_up_where_it_broke(owner: Tenant, stack: Stack, aws: Aws) -> None:
    upload = begin(owner, len(CONTENT))
    path = upload["links"]["self"]
    first, second, last = upload["attributes"]["wanted"]
    assert send(last, piece(upload, 3)) == 200
    assert send(first, piece(upload, 1)) == 200
    assert owner.api.call("POST", f"{path}/complete").status == 409

    broken_off = taken(owner.api.call("GET", path))["attributes"]
    assert (broken_off["uploaded"], [each["number"] for each in broken_off["wanted"]]) == ([1, 3], [2])
    assert broken_off["wanted"][0]["size"] == second["size"]
    assert send(broken_off["wanted"][0], piece(upload, 2)) == 200

    assert taken(owner.api.call("POST", f"{path}/complete"))["attributes"]["state"] == "complete"
    key = f"uploads/{upload['id']}"
    stored = aws.s3.get_object(Bucket=stack.resources["archives_bucket"], Key=key)["Body"].read()
    assert stored == CONTENT
    assert owner.api.call("DELETE", path).status == 204
    assert owner.api.call("GET", path).status == 404
    listed = aws.s3.list_objects_v2(Bucket=stack.resources["archives_bucket"], Prefix=key)
    assert listed["KeyCount"] == 0


def test_a_small_file_takes_one_request_and_no_other_size(owner: Tenant) -> None:
    upload = begin(owner, 7)
    path, (wanted,) = upload["links"]["self"], upload["attributes"]["wanted"]

    assert send(wanted, b"the end, and more") == 403
    assert send({"url": wanted["url"].replace(upload["id"], "0" * 32)}, b"the end") == 403
    assert owner.api.call("POST", f"{path}/complete").status == 409
    assert send(wanted, b"the end") == 200
    assert taken(owner.api.call("POST", f"{path}/complete"))["attributes"]["state"] == "complete"
    assert owner.api.call("DELETE", path).status == 204


def test_an_unfinished_upload_leaves_nothing_when_it_is_deleted(owner: Tenant, stack: Stack, aws: Aws) -> None:
    upload = begin(owner, len(CONTENT))
    assert send(upload["attributes"]["wanted"][0], piece(upload, 1)) == 200
    assert owner.api.call("DELETE", upload["links"]["self"]).status == 204

    unfinished = aws.s3.list_multipart_uploads(Bucket=stack.resources["archives_bucket"], Prefix="uploads/")
    assert upload["id"] not in str(unfinished.get("Uploads", []))


def test_another_tenant_does_not_get_near(owner: Tenant, stranger: Tenant) -> None:
    upload = begin(owner, 7)
    path = upload["links"]["self"]
    for method, route in [("GET", path), ("POST", f"{path}/complete"), ("DELETE", path)]:
        answer = stranger.api.call(method, route)
        assert (answer.status, answer.document["errors"][0]["code"]) == (404, "upload_not_found")
    assert owner.api.call("DELETE", path).status == 204
