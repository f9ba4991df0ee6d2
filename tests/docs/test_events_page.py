"""docs/events.md and the description of the webhooks' routes say what the code does."""

import ast
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from tests.docs.test_docs import NOW, PACKAGE, listed, missing, page, rows, section, template, words

from waybill.adapters import webhook_client
from waybill.domain import change_event, import_event, web_address, webhook
from waybill.domain.change_event import ChangeEvent, cloud_event, tenant_reference
from waybill.domain.import_job import new_import
from waybill.domain.import_options import ImportOptions
from waybill.domain.options import KIBIBYTE
from waybill.domain.webhook import Delivery, Webhook, new_webhook
from waybill.entry import requested_export, webhook_request
from waybill.entry.webhook_document import webhook_document, webhook_list
from waybill.services.list_webhooks import WebhookPage

EVENT = ChangeEvent("1/2", change_event.DONE, NOW, "1", "done", "exporting", 1, 2, 3)


def a_webhook() -> Webhook:
    made = new_webhook("ada", "shop", url="https://hooks.example.org/", events=(), enabled=True, now=NOW)
    return made.rotated(NOW)


def test_every_type_is_in_the_page_and_no_other() -> None:
    assert listed(section(page("events.md"), "The types")) == {*change_event.TYPES, *import_event.IMPORT_TYPES}


def test_every_field_of_an_event_is_in_the_page() -> None:
    text = section(page("events.md"), "On the bus")
    document = cloud_event(EVENT, "reference")

    assert not missing(document.keys() | document["data"].keys(), words(text) | set(text.split('"')))
    assert not missing(EVENT.data().keys() - {"export_id"} | {"id", "subject", "time", "tenant"}, listed(text))


def test_every_field_of_an_event_of_an_import_is_in_the_page() -> None:
    job = new_import("ada", ImportOptions(inputs=()), NOW)
    event = import_event.import_change_of(None, job, NOW)
    assert event is not None

    assert not missing(event.data().keys(), words(section(page("events.md"), "On the bus")))


def test_the_command_in_the_page_computes_the_reference_of_a_tenant() -> None:
    text = section(page("events.md"), "On the bus")
    (command,) = [line for line in text.splitlines() if line.startswith("printf")]

    done = subprocess.run(
        ["sh", "-c", command],
        env={"EVENT_BUS": "waybill", "TENANT": "ada", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout.split()[0] == tenant_reference("ada", "waybill")


def test_every_attribute_and_field_of_a_webhook_is_in_the_page() -> None:
    described = listed(section(page("events.md"), "Webhooks"))
    shown = webhook_document(a_webhook(), with_secret=True)["data"]["attributes"]

    assert not missing(webhook_request._Attributes.model_fields, described)
    assert not missing(shown, described)


def test_every_word_for_an_outcome_is_in_the_page_and_no_other() -> None:
    tree = ast.parse((PACKAGE / "adapters" / "webhook_client.py").read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Outcome"
    ]
    said = {call.args[1].value for call in calls if len(call.args) > 1 and isinstance(call.args[1], ast.Constant)}
    table = section(page("events.md"), "Webhooks").partition("| outcome |")[2].partition("\n\n")[0]

    assert len(said) > 3
    assert listed(table) == said


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("webhooks per tenant", webhook.MOST_WEBHOOKS),
        ("secrets of a webhook that sign at once", webhook.MOST_SECRETS),
        ("webhook's address", web_address.MOST_CHARACTERS),
        ("a try to deliver", webhook_client.MOST_ANSWER // KIBIBYTE),
    ],
)
def test_a_limit_is_in_the_limits_page_as_it_is_in_the_code(limit: str, value: int) -> None:
    (row,) = [row for row in rows(page("limits.md")) if row[0].strip() == limit]
    assert f"{value:,}" in row[1]


def test_what_is_said_of_requests_is_what_is_looked_for() -> None:
    text = section(page("events.md"), "Events that start exports")

    assert requested_export.DETAIL_TYPE in text
    assert "EventSources" in template()["Parameters"]
    assert "RequestsDeadLetters" in template()["Resources"]
    assert {"EventSources", "RequestsDeadLetters"} <= words(text)


def test_how_long_an_old_secret_signs_is_in_the_page() -> None:
    hours = webhook.ROTATION // timedelta(hours=1)
    assert f"For {hours} hours both sign" in section(page("events.md"), "A new secret")


@pytest.fixture(scope="module")
def checker() -> Callable[[str, object], list[str]]:
    openapi = yaml.safe_load(page("openapi.yaml"))

    def check(name: str, document: object) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    return check


def test_webhooks_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    made = replace(a_webhook(), last_delivery=Delivery(NOW, "204", 0))
    for document in (webhook_document(made), webhook_document(a_webhook(), with_secret=True)):
        assert checker("WebhookDocument", document) == []
    assert checker("WebhookList", webhook_list(WebhookPage([made], "shop"), 1)) == []


def test_a_webhook_with_another_field_is_not_as_described(checker: Callable[[str, object], list[str]]) -> None:
    document = webhook_document(a_webhook())
    document["data"]["attributes"]["key"] = "x"

    assert checker("WebhookDocument", document)


def test_the_openapi_description_has_the_attributes_and_types_of_a_webhook() -> None:
    schemas = yaml.safe_load(page("openapi.yaml"))["components"]["schemas"]

    assert set(schemas["WebhookSettings"]["properties"]) == set(webhook_request._Attributes.model_fields)
    assert tuple(schemas["ChangeType"]["enum"]) == (*change_event.TYPES, *import_event.IMPORT_TYPES)
