"""The routes of webhooks with their sample events: what a caller gets to see."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.handlers.conftest import Invoke
from tests.unit.services.exports import TENANT, Product

from waybill.domain.change_event import TYPES
from waybill.domain.webhook import MOST_SECRETS, MOST_WEBHOOKS, ROTATION, Delivery, Outcome

URL = "https://hooks.example.org/waybill"


def attributes(**changed: Any) -> Callable[[dict[str, Any]], None]:
    """Ask for these attributes; None leaves one out."""

    def change(event: dict[str, Any]) -> None:
        asked = {"url": URL, **changed}
        event["body"] = json.dumps({"data": {"attributes": asked}})

    return change


def named(name: str) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["name"] = name

    return change


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(answer["body"])["data"]["attributes"])


def errors(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and place of every error."""
    found = json.loads(answer["body"])["errors"]
    return [(each["code"], next(iter(each.get("source", {}).values()), "")) for each in found]


def test_a_new_webhook_is_201_with_its_secret_and_a_changed_one_200_without(invoke: Invoke) -> None:
    made, changed = invoke("api", "put_webhook"), invoke("api", "put_webhook", attributes(enabled=False))

    assert (made["statusCode"], changed["statusCode"]) == (201, 200)
    assert shown(made).pop("secret").startswith("whsec_")
    assert shown(made) | {"secret": None} == {
        "url": URL,
        "events": ["waybill.export.done", "waybill.export.failed"],
        "enabled": True,
        "created_at": "2026-03-01T12:00:00+00:00",
        "last_delivery": None,
        "secret": None,
    }
    assert shown(changed) == {
        "url": URL,
        "events": [],
        "enabled": False,
        "created_at": "2026-03-01T12:00:00+00:00",
        "last_delivery": None,
    }
    assert json.loads(made["body"])["data"]["links"] == {"self": "/move/webhooks/shop"}


def test_the_secret_is_shown_to_no_get_and_in_no_log(invoke: Invoke, product: Product, log: io.StringIO) -> None:
    secret = shown(invoke("api", "put_webhook"))["secret"]
    answers = [invoke("api", name) for name in ("get_webhook", "list_webhooks", "put_webhook")]
    product.webhook_client.outcomes = [Outcome(None, "tls_failed")]
    with pytest.raises(Exception, match="tls_failed"):
        invoke("webhook", "send_webhook")

    assert all(answer["statusCode"] == 200 for answer in answers)
    for word in (secret, secret.removeprefix("whsec_"), URL, "hooks.example", TENANT):
        assert word not in log.getvalue()
    assert not [answer for answer in answers if "whsec" in answer["body"]]
    assert log.getvalue()


def test_a_rotation_shows_the_new_secret(invoke: Invoke, product: Product) -> None:
    first = shown(invoke("api", "put_webhook"))["secret"]
    second = shown(invoke("api", "put_webhook", attributes(rotate_secret=True)))["secret"]

    assert first != second
    assert len(product.webhooks.get(TENANT, "shop").signing_keys(product.clock())) == 2
    assert len(product.webhooks.get(TENANT, "shop").signing_keys(product.clock() + ROTATION)) == 1


def test_too_many_rotations_are_refused_and_change_nothing(invoke: Invoke, product: Product) -> None:
    for _ in range(MOST_SECRETS):
        invoke("api", "put_webhook", attributes(rotate_secret=True))
    before = product.webhooks.get(TENANT, "shop")

    answer = invoke("api", "put_webhook", attributes(rotate_secret=True, enabled=False))

    assert answer["statusCode"] == 422
    assert errors(answer) == [("too_many_secrets", "/data/attributes/rotate_secret")]
    assert product.webhooks.get(TENANT, "shop") == before


def test_get_shows_what_came_of_the_last_delivery(invoke: Invoke, product: Product) -> None:
    invoke("api", "put_webhook")
    product.webhooks.note_delivery(TENANT, "shop", Delivery(product.clock() + timedelta(seconds=9), "503", 3))

    assert shown(invoke("api", "get_webhook"))["last_delivery"] == {
        "at": "2026-03-01T12:00:09+00:00",
        "outcome": "503",
        "failures": 3,
    }


def test_a_list_is_followed_to_its_end(invoke: Invoke) -> None:
    for name in ("a", "b", "c"):
        invoke("api", "put_webhook", named(name))
    first = json.loads(invoke("api", "list_webhooks")["body"])
    query = {"page[size]": "2", "page[cursor]": "b"}
    last = json.loads(invoke("api", "list_webhooks", lambda event: event.update(queryStringParameters=query))["body"])

    assert [each["id"] for each in first["data"]] == ["a", "b"]
    assert first["links"]["next"] == "/move/webhooks?page%5Bsize%5D=2&page%5Bcursor%5D=b"
    assert ([each["id"] for each in last["data"]], last["links"]["next"]) == (["c"], None)


def test_an_invented_cursor_is_refused(invoke: Invoke) -> None:
    query = {"page[cursor]": "not a name"}
    answer = invoke("api", "list_webhooks", lambda event: event.update(queryStringParameters=query))

    assert (answer["statusCode"], errors(answer)) == (400, [("invalid_page_cursor", "page[cursor]")])


def test_deleting_is_204_and_then_there_is_none(invoke: Invoke) -> None:
    invoke("api", "put_webhook")

    assert invoke("api", "delete_webhook")["statusCode"] == 204
    for route in ("delete_webhook", "get_webhook"):
        answer = invoke("api", route)
        assert (answer["statusCode"], errors(answer)) == (404, [("webhook_not_found", "")])


@pytest.mark.parametrize("route", ["get_webhook", "delete_webhook"])
def test_another_tenants_webhook_is_not_found(invoke: Invoke, route: str) -> None:
    invoke("api", "put_webhook")

    def as_mallory(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

    assert invoke("api", route, as_mallory)["statusCode"] == 404


@pytest.mark.parametrize("route", ["get_webhook", "delete_webhook"])
def test_what_cannot_be_a_name_is_not_found(invoke: Invoke, route: str) -> None:
    assert invoke("api", route, named("shop#delivery"))["statusCode"] == 404


BAD = [
    ({"url": "http://hooks.example.org/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "https://localhost/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "https://169.254.169.254/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "https://10.0.0.1/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "https://[::1]/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "https://user:pw@hooks.example.org/"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": "no url"}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": ""}, ("invalid_webhook_address", "/data/attributes/url")),
    ({"url": None}, ("invalid_attribute", "/data/attributes/url")),
    ({"url": 7}, ("invalid_attribute", "/data/attributes/url")),
    ({"events": ["waybill.export.made-up"]}, ("invalid_attribute", "/data/attributes/events/0")),
    ({"events": [TYPES[0], 7]}, ("invalid_attribute", "/data/attributes/events/1")),
    ({"events": "waybill.export.done"}, ("invalid_attribute", "/data/attributes/events")),
    ({"enabled": "true"}, ("invalid_attribute", "/data/attributes/enabled")),
    ({"rotate_secret": 1}, ("invalid_attribute", "/data/attributes/rotate_secret")),
    ({"secret": "whsec_mine"}, ("unknown_attribute", "/data/attributes/secret")),
    ({"made/up": 1}, ("unknown_attribute", "/data/attributes/made~1up")),
]


@pytest.mark.parametrize(("bad", "refused"), BAD)
def test_bad_input_is_422_naming_the_field_and_changes_nothing(
    invoke: Invoke, product: Product, bad: dict[str, Any], refused: tuple[str, str]
) -> None:
    answer = invoke("api", "put_webhook", attributes(**bad))

    assert (answer["statusCode"], errors(answer)) == (422, [refused])
    assert product.webhooks.stored == {}


def test_a_webhook_without_address_is_refused(invoke: Invoke) -> None:
    answer = invoke("api", "put_webhook", lambda event: event.update(body='{"data": {"attributes": {}}}'))

    assert (answer["statusCode"], errors(answer)) == (422, [("invalid_attribute", "/data/attributes/url")])


@pytest.mark.parametrize("name", ["Shop", "-shop", "a" * 33, "shop#delivery"])
def test_what_cannot_be_a_name_is_refused(invoke: Invoke, name: str) -> None:
    answer = invoke("api", "put_webhook", named(name))

    assert (answer["statusCode"], errors(answer)) == (422, [("invalid_webhook_name", "name")])


def test_more_webhooks_than_a_tenant_may_have_are_refused(invoke: Invoke) -> None:
    for number in range(MOST_WEBHOOKS):
        assert invoke("api", "put_webhook", named(f"shop-{number}"))["statusCode"] == 201

    answer = invoke("api", "put_webhook", named("one-more"))

    assert (answer["statusCode"], errors(answer)) == (422, [("too_many_webhooks", "")])
