"""Schedules that really fire, and what a caller may do with them, on the embedded AWS."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from local import web
from local.aws import Aws
from local.demo_data import people
from local.demo_data.load import Loader
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

from waybill.domain.schedule import schedule_key

pytestmark = pytest.mark.e2e

PATH = "/move/schedules"


def put(tenant: Tenant, name: str, **attributes: Any) -> web.Answer:
    body = json.dumps({"data": {"type": "io.cozy.exports.schedules", "attributes": attributes}})
    return tenant.api.call("PUT", f"{PATH}/{name}", body=body)


def attributes(answer: web.Answer) -> dict[str, Any]:
    assert answer.status in {200, 201}, answer.body
    return dict(answer.document["data"]["attributes"])


def shown(tenant: Tenant, name: str) -> dict[str, Any]:
    return attributes(tenant.api.call("GET", f"{PATH}/{name}"))


@pytest.fixture
def named(stranger: Tenant) -> Iterator[Callable[..., web.Answer]]:
    """Make schedules of the stranger that are gone when the test ends."""
    made: list[str] = []

    def make(name: str, **wanted: Any) -> web.Answer:
        made.append(name)
        return put(stranger, name, **wanted)

    yield make
    for name in made:
        stranger.api.call("DELETE", f"{PATH}/{name}")


def test_a_schedule_fires_within_a_minute_and_the_second_run_builds_on_the_first(
    new_tenant: Callable[..., Tenant], stack: Stack, fetch: Callable[..., Unpacked]
) -> None:
    contacts = list(people.contacts("minutely", 6))
    tenant = new_tenant("minutely", contacts[:5])
    not_at_the_end_of_a_minute()
    wanted = {
        "expression": "cron(* * * * ? *)",
        "incremental": True,
        "options": {"with_doctypes": ["io.cozy.contacts"]},
    }
    answer = put(tenant, "minutely", **wanted)
    asked = datetime.now(UTC)
    assert (answer.status, attributes(answer)["last_result"]) == (201, "none")
    due = datetime.fromisoformat(attributes(answer)["next_run"])

    first = fetch(tenant, next_run_of(tenant, "minutely", after=""))
    began = datetime.fromisoformat(first.export["attributes"]["created_at"])
    assert due <= began < min(due, asked) + timedelta(seconds=60)
    resources = stack.resources
    Loader(
        stack.endpoint_url, documents_table=resources["documents_table"], files_bucket=resources["files_bucket"]
    ).put(tenant.id, contacts[5:], [])
    second = fetch(tenant, next_run_of(tenant, "minutely", after=first.export["id"]))
    named_off = put(tenant, "minutely", **wanted, enabled=False)

    assert (first.faults, second.faults) == ([], [])
    assert first.export["attributes"]["with_doctypes"] == ["io.cozy.contacts"]
    assert first.manifest["incremental"]["reason"] == "first_run"
    assert second.manifest["incremental"]["parent_export"] == first.export["id"]
    assert [len(export.records("io.cozy.contacts")) for export in (first, second)] == [5, 1]
    after = attributes(named_off)
    assert (after["last_error"], after["next_run"]) == ("", None)
    assert datetime.fromisoformat(after["last_run"]) >= due + timedelta(minutes=1)
    until(lambda: shown(tenant, "minutely")["last_result"] == "done")
    assert tenant.api.call("DELETE", f"{PATH}/minutely").status == 204


def not_at_the_end_of_a_minute() -> None:
    """Let no minute begin between what is asked and its answer."""
    seconds = datetime.now(UTC).second
    if seconds > 50:
        time.sleep(61 - seconds)


def next_run_of(tenant: Tenant, name: str, *, after: str) -> str:
    """Wait for the export of the run after that of ``after``."""
    until(lambda: shown(tenant, name)["last_export"] != after)
    return str(shown(tenant, name)["last_export"])


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 150
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_schedule_on_aws_is_there_as_long_as_its_record(
    aws: Aws, outputs: dict[str, str], stranger: Tenant, named: Callable[..., web.Answer]
) -> None:
    group, name = outputs["ScheduleGroupName"], schedule_key(stranger.id, "nightly")
    assert named("nightly", expression="cron(0 3 * * ? *)", time_zone="Europe/Berlin").status == 201
    assert named("nightly", expression="cron(0 4 * * ? *)", time_zone="Europe/Berlin").status == 200

    found = aws.scheduler.get_schedule(GroupName=group, Name=name)
    assert (found["ScheduleExpression"], found["ScheduleExpressionTimezone"]) == ("cron(0 4 * * ? *)", "Europe/Berlin")
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "DeadLetterConfig" in found["Target"]

    assert stranger.api.call("DELETE", f"{PATH}/nightly").status == 204
    with pytest.raises(aws.scheduler.exceptions.ResourceNotFoundException):
        aws.scheduler.get_schedule(GroupName=group, Name=name)
    again = stranger.api.call("DELETE", f"{PATH}/nightly")
    assert (again.status, again.document["errors"][0]["code"]) == (404, "schedule_not_found")
    assert stranger.api.call("GET", f"{PATH}/nightly").status == 404


def test_the_list_goes_by_name_and_shows_ones_own_alone(
    stranger: Tenant, owner: Tenant, named: Callable[..., web.Answer]
) -> None:
    for name in ("c", "a", "b"):
        named(name, expression="rate(7 days)")

    first = stranger.api.call("GET", PATH, query={"page[size]": "2"})
    second = stranger.api.call("GET", first.document["links"]["next"])

    assert [[each["id"] for each in page.document["data"]] for page in (first, second)] == [["a", "b"], ["c"]]
    assert second.document["links"]["next"] is None
    assert owner.api.call("GET", PATH).document["data"] == []
    assert owner.api.call("GET", f"{PATH}/a").status == 404
    assert owner.api.call("DELETE", f"{PATH}/a").status == 404


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({}, "/data/attributes/expression"),
        ({"expression": "rate(30 seconds)"}, "/data/attributes/expression"),
        ({"expression": "cron(0 3 30 2 ? *)"}, "/data/attributes/expression"),
        ({"expression": "cron(0 3 1 1 ? 2020)"}, "/data/attributes/expression"),
        ({"expression": "rate(1 day)", "time_zone": "Mars/Olympus"}, "/data/attributes/time_zone"),
        ({"expression": "rate(1 day)", "often": True}, "/data/attributes/often"),
        ({"expression": "rate(1 day)", "options": {"parts_size": 1}}, "/data/attributes/options/parts_size"),
        (
            {"expression": "rate(1 day)", "options": {"with_doctypes": ["io.cozy.recipes"]}},
            "/data/attributes/options/with_doctypes/0",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(stranger: Tenant, wrong: dict[str, Any], pointer: str) -> None:
    answer = put(stranger, "wrong", **wrong)

    assert answer.status == 422
    assert [each["source"]["pointer"] for each in answer.document["errors"]] == [pointer]
    assert stranger.api.call("GET", f"{PATH}/wrong").status == 404


@pytest.mark.parametrize("name", ["a%20b", "x" * 65, "%C3%BC"])
def test_a_name_that_is_none_is_refused(stranger: Tenant, name: str) -> None:
    answer = put(stranger, name, expression="rate(1 day)")
    assert (answer.status, answer.document["errors"][0]["code"]) == (422, "invalid_schedule_name")


def test_the_operators_own_schedule_brings_its_options(aws: Aws, outputs: dict[str, str]) -> None:
    name = next(
        each["FunctionName"]
        for page in aws.functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if "RunScheduleFunction" in each["FunctionName"]
    )
    event = {
        "tenant": "nobody",
        "scheduled_at": "2026-03-01T03:00:00Z",
        "options": {"format": "json", "without_files": True},
    }
    answer = aws.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert (json.loads(answer["Payload"].read()), "FunctionError" in answer) == ({}, False)
    jobs = aws.dynamodb.query(
        TableName=outputs["JobsTableName"],
        KeyConditionExpression="pk = :tenant AND begins_with(sk, :export)",
        ExpressionAttributeValues={":tenant": {"S": "nobody"}, ":export": {"S": "export#"}},
    )["Items"]
    assert [job["format"]["S"] for job in jobs] == ["json"]
