"""The page and the description of schedules say what the code does."""

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from tests.docs.test_docs import NOW, all_keys, listed, missing, page, rows, section, template, words

from waybill.domain import firing, schedule
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Run, RunResult, Terms, new_schedule, view
from waybill.entry import schedule_request
from waybill.entry.schedule_document import schedule_document, schedule_list
from waybill.services.list_schedules import SchedulePage

TERMS = Terms("cron(0 3 * * ? *)", "Europe/Berlin", options=ExportOptions(with_doctypes=("io.cozy.contacts",)))


def views() -> list[schedule.ScheduleView]:
    """A schedule in the shapes that it is shown in."""
    fresh = new_schedule("ada", "nightly", TERMS, NOW)
    ran = fresh.noted(Run(NOW, RunResult.DONE, "0" * 32))
    off = fresh.replaced(Terms("rate(1 day)", enabled=False), NOW)
    late = NOW + timedelta(days=2)
    return [view(fresh, None, NOW), view(ran, None, NOW), view(off, None, NOW), view(ran, None, late)]


def faults(name: str, document: object) -> list[str]:
    openapi = yaml.safe_load(page("openapi.yaml"))
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def attributes() -> dict[str, Any]:
    return dict(schedule_document(views()[0])["data"]["attributes"])


def test_every_attribute_is_in_the_schedules_page_and_no_other() -> None:
    described = listed(section(page("schedules.md"), "Attributes"))
    assert described == set(attributes())
    settable = {
        word for row in rows(section(page("schedules.md"), "Attributes")) if len(row) == 4 for word in words(row[0])
    }
    assert settable == set(schedule_request._Attributes.model_fields)


def test_every_result_is_in_the_schedules_page_and_no_other() -> None:
    described = listed(section(page("schedules.md"), "What became of the last run")) - {"last_result"}
    assert described == {result.value for result in RunResult}


def test_the_expressions_in_the_schedules_page_can_be_read() -> None:
    found = set(re.findall(r"(?:cron|rate)\([^)]*\)", page("schedules.md"))) - {
        "cron(minutes hours day-of-month month weekday year)"
    }
    assert len(found) > 3
    for expression in found:
        assert firing.read_expression(expression).text == expression


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("schedules", schedule.MOST_SCHEDULES),
        ("minutes late", schedule.MISSED_AFTER // timedelta(minutes=1)),
        ("of the letters", 64),
    ],
)
def test_the_numbers_in_the_schedules_page_are_those_of_the_code(what: str, number: int) -> None:
    assert f"{number} {what}" in page("schedules.md")


def test_the_operators_parameters_are_in_the_schedules_page() -> None:
    named = {name for name in template()["Parameters"] if "Schedule" in name}
    assert listed(section(page("schedules.md"), "For operators")) - {"parameter"} == named


@pytest.mark.parametrize(
    ("limit", "values"),
    [
        ("schedules of a tenant", [schedule.MOST_SCHEDULES]),
        ("between two runs of a schedule", [template()["Parameters"]["MinScheduleMinutes"]["Default"]]),
        ("expression of a schedule", [firing.MOST_CHARACTERS, firing.LONGEST_RATE.days]),
        ("a run that is late", [schedule.MISSED_AFTER // timedelta(minutes=1)]),
    ],
)
def test_a_limit_is_in_the_limits_page_as_it_is_in_the_code(limit: str, values: list[int]) -> None:
    (value,) = [row[1] for row in rows(page("limits.md")) if row[0].strip() == limit]
    assert not missing({f"{each:,}" for each in values}, re.findall(r"\d+(?:,\d{3})*", value))


def test_schedules_are_as_the_openapi_description_says() -> None:
    for shown in views():
        assert faults("ScheduleDocument", schedule_document(shown)) == []
    assert faults("ScheduleList", schedule_list(SchedulePage(views(), "nightly"), 20)) == []


def test_a_schedule_with_another_field_is_not_as_described() -> None:
    document = schedule_document(views()[0])
    document["data"]["attributes"]["made_up"] = 1
    assert faults("ScheduleDocument", document)


def test_the_openapi_description_has_the_attributes_of_a_request() -> None:
    described = yaml.safe_load(page("openapi.yaml"))["components"]["schemas"]["ScheduleTerms"]
    fields = schedule_request._Attributes.model_json_schema()
    assert set(described["properties"]) == set(fields["properties"])
    assert described["required"] == fields["required"]


def test_the_document_in_the_api_page_has_the_fields_of_a_schedule() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", section(page("api.md"), "Schedules"), re.DOTALL)
    named = set(re.findall(r'"(\w+)":', example))
    assert not missing(all_keys(schedule_document(views()[1])) - set(attributes()["options"]), named)
