"""What a caller may get wrong: refused with the right status, before any export exists, and the next request works."""

import json
from typing import Any

import pytest
from local import web
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_WEEK = 7 * 24 * 3600 * 10**9


def _attributes(**attributes: Any) -> str:
    return json.dumps({"data": {"type": "io.cozy.exports", "attributes": attributes}})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ("{", 400, ""),
        ("", 400, ""),
        ("[]", 400, ""),
        (b"\xff\xfe", 400, ""),
        ("[" * 30_000, 400, ""),
        ('{"data": {"attributes": {}}, "data": {}}', 400, ""),
        ("{}", 400, "/data"),
        ('{"data": []}', 400, "/data"),
        ('{"data": {"attributes": []}}', 400, "/data/attributes"),
        ('{"data": {"type": "users", "attributes": {}}}', 422, "/data/type"),
        ('{"data": {"attributes": {}, "colour": 1}}', 422, "/data/colour"),
        (_attributes(partsize=1), 422, "/data/attributes/partsize"),
        (_attributes(state="done"), 422, "/data/attributes/state"),
        (_attributes(parts_size="10240"), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=1.5), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=True), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=None), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=0), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=-1), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=10_239), 422, "/data/attributes/parts_size"),
        (_attributes(parts_size=10**30), 422, "/data/attributes/parts_size"),
        (_attributes(max_age=0), 422, "/data/attributes/max_age"),
        (_attributes(max_age=-5), 422, "/data/attributes/max_age"),
        (_attributes(max_age=_WEEK + 1), 422, "/data/attributes/max_age"),
        (_attributes(with_doctypes="io.cozy.contacts"), 422, "/data/attributes/with_doctypes"),
        (_attributes(with_doctypes=["io.cozy.contacts", 7]), 422, "/data/attributes/with_doctypes/1"),
        (_attributes(with_doctypes=["io.cozy.contacts", "io.cozy.nope"]), 422, "/data/attributes/with_doctypes/1"),
        (_attributes(without_files="yes"), 422, "/data/attributes/without_files"),
        (_attributes(format="rar"), 422, "/data/attributes/format"),
        (_attributes(layout="pile"), 422, "/data/attributes/layout"),
        (_attributes(with_doctypes=["x" * 70_000]), 413, ""),
    ],
)  # fmt: skip
def test_bad_body_is_refused(stranger: Tenant, body: str | bytes, status: int, pointer: str) -> None:
    before = _newest(stranger)
    answer = stranger.api.call("POST", "/move/exports", body=body)
    assert answer.status == status
    error = answer.document["errors"][0]
    assert error["status"] == str(status)
    assert error["source"]["pointer"] == pointer
    assert error["code"]
    assert error["detail"].endswith(".")
    assert b"Traceback" not in answer.body
    assert _newest(stranger) == before


def test_every_fault_of_a_body_is_named(stranger: Tenant) -> None:
    answer = stranger.api.call("POST", "/move/exports", body=_attributes(parts_size=0, max_age="x", colour="red"))
    pointers = {error["source"]["pointer"].rpartition("/")[2] for error in answer.document["errors"]}
    assert pointers == {"parts_size", "max_age", "colour"}


@pytest.mark.parametrize(
    "media_type", ["application/vnd.api+json", "application/json", "application/json; charset=utf-8"]
)
def test_both_media_types_are_taken(stranger: Tenant, media_type: str) -> None:
    body = _attributes(with_doctypes=["io.cozy.settings"])
    answer = stranger.api.call("POST", "/move/exports", body=body, headers={"Content-Type": media_type})
    assert answer.status == 202
    stranger.api.finished(answer.document["data"]["id"])


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/vnd.api+json; version=2"])
def test_other_media_types_are_refused(stranger: Tenant, media_type: str) -> None:
    answer = stranger.api.call("POST", "/move/exports", body=_attributes(), headers={"Content-Type": media_type})
    assert answer.status == 415


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "Bearer"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/move/exports"), ("POST", "/move/exports"), ("DELETE", "/move/exports/a")]
)
def test_without_a_good_token_nothing_is_answered(stranger: Tenant, token: str | None, method: str, path: str) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    assert web.request(method, f"{stranger.api.url}{path}", headers=headers).status == 401


def test_token_that_was_tampered_with_is_refused(stranger: Tenant) -> None:
    head, claims, signature = stranger.api.token.split(".")
    forged = f"{head}.{claims[:-2]}{'AA' if not claims.endswith('AA') else 'BB'}.{signature}"
    headers = {"Authorization": f"Bearer {forged}"}
    assert web.request("GET", f"{stranger.api.url}/move/exports", headers=headers).status == 401


@pytest.mark.parametrize("export_id", ["0" * 32, "x", "..%2F..", "%00", "a" * 5000, "é"])
def test_unknown_export_is_not_found(stranger: Tenant, export_id: str) -> None:
    for method, path in (
        ("GET", "/move/exports/{}"),
        ("GET", "/move/exports/data/{}"),
        ("GET", "/move/exports/{}/manifest"),
        ("DELETE", "/move/exports/{}"),
    ):
        target = path.format(export_id.encode().decode("latin-1").replace("Ã©", "%C3%A9"))
        assert stranger.api.call(method, target).status == 404, path


@pytest.mark.parametrize("cursor", ["x", "AAAA", "AAAAAAAAAAAA", "%00", "../1", "é", "A" * 4000])
def test_unknown_cursor_is_refused(owner: Tenant, owner_export: Unpacked, cursor: str) -> None:
    answer = owner.api.call("GET", f"/move/exports/data/{owner_export.export['id']}", query={"cursor": cursor})
    assert answer.status == 400
    assert answer.document["errors"][0]["source"]["parameter"] == "cursor"


def test_cursor_of_another_export_is_refused(owner: Tenant, owner_export: Unpacked) -> None:
    other = owner.api.finished(owner.api.create(with_doctypes=["io.cozy.settings"])["id"])
    cursor = other["attributes"]["parts_cursors"][0]
    answer = owner.api.call("GET", f"/move/exports/data/{owner_export.export['id']}", query={"cursor": cursor})
    assert answer.status == 400


def _newest(tenant: Tenant) -> list[str]:
    return [export["id"] for export in tenant.api.call("GET", "/move/exports?page[size]=1").document["data"]]
