"""The routes of uploads with their sample events: a file is sent part by part, broken off, taken up and completed."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.handlers.conftest import Invoke
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import StorageUnavailable
from waybill.domain.upload import LEAST_PART, LIFE, SINGLE_MOST
from waybill.domain.upload_keys import upload_object
from waybill.services.create_upload import URL_LIFE

LARGE = 2 * LEAST_PART + 1


def of(upload_id: str) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = upload_id

    return change


def asking(**attributes: Any) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        event["body"] = json.dumps({"data": {"attributes": {"name": "a.json", "size": 5, **attributes}}})

    return change


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(answer["body"])["data"]["attributes"])


def id_of(answer: dict[str, Any]) -> str:
    return str(json.loads(answer["body"])["data"]["id"])


def errors(answer: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Status, code and place of every error."""
    found = json.loads(answer["body"])["errors"]
    return [(answer["statusCode"], each["code"], next(iter(each.get("source", {}).values()), "")) for each in found]


def test_a_small_file_is_sent_by_one_request(invoke: Invoke, product: Product) -> None:
    made = invoke("api", "create_upload", asking())
    upload_id, attributes = id_of(made), shown(made)

    assert (made["statusCode"], made["headers"]["location"]) == (201, f"/move/uploads/{upload_id}")
    (wanted,) = attributes.pop("wanted")
    assert attributes == {
        "name": "a.json",
        "size": 5,
        "state": "open",
        "part_size": 5,
        "part_count": 1,
        "uploaded": [],
        "missing": 1,
        "created_at": "2026-03-01T12:00:00+00:00",
        "expires_at": "2026-03-08T12:00:00+00:00",
    }
    assert (wanted["number"], wanted["size"]) == (1, 5)
    assert f"expires={int(URL_LIFE.total_seconds())}" in wanted["url"]

    assert product.wiring.upload_parts.send(wanted["url"], b"[{}] ") == 200
    done = invoke("api", "complete_upload", of(upload_id))
    assert (done["statusCode"], shown(done)["state"], shown(done)["wanted"]) == (200, "complete", [])
    assert product.archives.objects[upload_object(upload_id)] == b"[{}] "


def test_a_large_file_is_sent_in_parts_and_taken_up_where_it_broke(invoke: Invoke, product: Product) -> None:
    parts = product.wiring.upload_parts
    upload_id = id_of(made := invoke("api", "create_upload", asking(size=LARGE)))
    first, _, last = shown(made)["wanted"]
    assert [each["size"] for each in shown(made)["wanted"]] == [LEAST_PART, LEAST_PART, 1]
    parts.send(last["url"], b"c")
    parts.send(first["url"], b"a" * LEAST_PART)

    broken_off = shown(invoke("api", "get_upload", of(upload_id)))
    assert (broken_off["uploaded"], broken_off["missing"]) == ([1, 3], 1)
    answer = invoke("api", "complete_upload", of(upload_id))
    assert errors(answer) == [(409, "upload_incomplete", "")]
    assert "2" in json.loads(answer["body"])["errors"][0]["detail"]

    (wanted,) = broken_off["wanted"]
    parts.send(wanted["url"], b"b" * LEAST_PART)
    assert shown(invoke("api", "complete_upload", of(upload_id)))["state"] == "complete"
    content = product.archives.objects[upload_object(upload_id)]
    assert (len(content), content[LEAST_PART - 1 : LEAST_PART + 1], content[-1:]) == (LARGE, b"ab", b"c")
    again = shown(invoke("api", "complete_upload", of(upload_id)))
    assert (again["state"], again["uploaded"]) == ("complete", [1, 2, 3])
    assert shown(invoke("api", "get_upload", of(upload_id))) == again


def test_completing_goes_on_where_the_last_answer_was_lost(invoke: Invoke, product: Product) -> None:
    upload_id = id_of(made := invoke("api", "create_upload", asking(size=LARGE)))
    for wanted in shown(made)["wanted"]:
        product.wiring.upload_parts.send(wanted["url"], b"x" * wanted["size"])
    product.wiring.uploads.fail_on["put"] = StorageUnavailable("It does not answer.")
    assert invoke("api", "complete_upload", of(upload_id))["statusCode"] == 503
    product.wiring.uploads.fail_on.clear()

    assert shown(invoke("api", "complete_upload", of(upload_id)))["state"] == "complete"


@pytest.mark.parametrize("size", [SINGLE_MOST, SINGLE_MOST + 1, (1 << 30) - 1])
def test_parts_are_as_large_as_the_store_wants_them(invoke: Invoke, size: int) -> None:
    attributes = shown(invoke("api", "create_upload", asking(size=size)))

    assert attributes["part_count"] == (1 if size <= SINGLE_MOST else -(-size // LEAST_PART))
    assert len(attributes["wanted"]) == attributes["missing"] == attributes["part_count"]


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"size": 0}, "invalid_upload", "/data/attributes/size"),
        ({"size": (1 << 30) + 1}, "invalid_upload", "/data/attributes/size"),
        ({"size": "5"}, "invalid_attribute", "/data/attributes/size"),
        ({"size": True}, "invalid_attribute", "/data/attributes/size"),
        ({"size": 1.5}, "invalid_attribute", "/data/attributes/size"),
        ({"name": ""}, "invalid_upload", "/data/attributes/name"),
        ({"name": "../x"}, "invalid_upload", "/data/attributes/name"),
        ({"name": "a\nb"}, "invalid_upload", "/data/attributes/name"),
        ({"name": "x" * 256}, "invalid_upload", "/data/attributes/name"),
        ({"sha256": "x"}, "unknown_attribute", "/data/attributes/sha256"),
    ],
)
def test_what_cannot_be_uploaded_is_refused(invoke: Invoke, wrong: dict[str, Any], code: str, pointer: str) -> None:
    assert errors(invoke("api", "create_upload", asking(**wrong))) == [(422, code, pointer)]


def test_a_tenant_has_so_many_uploads_and_expired_ones_do_not_count(invoke: Invoke, product: Product) -> None:
    made = [invoke("api", "create_upload", asking()) for _ in range(3)]

    assert errors(invoke("api", "create_upload", asking())) == [(422, "too_many_uploads", "")]
    assert invoke("api", "delete_upload", of(id_of(made[0])))["statusCode"] == 204
    assert invoke("api", "create_upload", asking())["statusCode"] == 201
    product.clock.advance(seconds=LIFE.total_seconds())
    assert invoke("api", "create_upload", asking())["statusCode"] == 201


def test_an_upload_that_never_finishes_expires(invoke: Invoke, product: Product) -> None:
    upload_id = id_of(invoke("api", "create_upload", asking(size=LARGE)))
    product.clock.advance(seconds=LIFE.total_seconds())

    for route in ("get_upload", "complete_upload"):
        assert errors(invoke("api", route, of(upload_id))) == [(410, "upload_gone", "")]
    assert invoke("api", "delete_upload", of(upload_id))["statusCode"] == 204
    assert not product.archives.uploads


def test_deleting_removes_the_file_finished_or_not(invoke: Invoke, product: Product) -> None:
    made = [invoke("api", "create_upload", asking(size=size)) for size in (5, LARGE)]
    product.wiring.upload_parts.send(shown(made[0])["wanted"][0]["url"], b"[{}] ")
    for each in made:
        assert invoke("api", "delete_upload", of(id_of(each)))["statusCode"] == 204
        for route in ("get_upload", "complete_upload", "delete_upload"):
            assert errors(invoke("api", route, of(id_of(each)))) == [(404, "upload_not_found", "")]

    assert not [key for key in product.archives.objects if key.startswith("uploads/")]
    assert not product.archives.uploads


@pytest.mark.parametrize("route", ["get_upload", "complete_upload", "delete_upload"])
def test_another_tenants_upload_is_not_found(invoke: Invoke, product: Product, route: str) -> None:
    upload_id = id_of(invoke("api", "create_upload", asking()))

    def as_mallory(event: dict[str, Any]) -> None:
        of(upload_id)(event)
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

    assert errors(invoke("api", route, as_mallory)) == [(404, "upload_not_found", "")]
    assert product.wiring.uploads.get(TENANT, upload_id)


@pytest.mark.parametrize("route", ["create_upload", "get_upload", "complete_upload", "delete_upload"])
def test_every_route_wants_the_scope(invoke: Invoke, route: str) -> None:
    def without(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = "waybill/exports.create waybill/imports.read"

    assert errors(invoke("api", route, without)) == [(403, "scope_missing", "")]


def test_no_url_and_no_name_is_in_the_log(invoke: Invoke, log: io.StringIO) -> None:
    upload_id = id_of(invoke("api", "create_upload", asking(name="secret.json", size=LARGE)))
    invoke("api", "get_upload", of(upload_id))
    invoke("api", "complete_upload", of(upload_id))

    assert "upload_incomplete" in log.getvalue()
    for word in ("secret", "objects.invalid", TENANT):
        assert word not in log.getvalue()


def test_urls_last_an_hour() -> None:
    assert timedelta(hours=1) == URL_LIFE
