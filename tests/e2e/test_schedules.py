"""Schedules that really fire, and what a caller may do with them, on the embedded AWS."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from local import web
from local.aws import Aws
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


def test_a_schedule_fires_within_a_minute_or_two_and_makes_an_export(
    stranger: Tenant, named: Callable[..., web.Answer], fetch: Callable[..., Unpacked]
) -> None:
    answer = named("minutely", expression="rate(1 minute)", options={"with_doctypes": ["io.cozy.contacts"]})
    assert (answer.status, attributes(answer)["last_result"]) == (201, "none")

    deadline = time.monotonic() + 180
    while not (seen := shown(stranger, "minutely"))["last_export"]:
        assert time.monotonic() < deadline, seen
        time.sleep(1)
    named("minutely", expression="rate(1 minute)", enabled=False)

    export = fetch(stranger, seen["last_export"])
    assert export.faults == []
    assert export.export["attributes"]["with_doctypes"] == ["io.cozy.contacts"]
    assert len(export.records("io.cozy.contacts")) > 0
    after = shown(stranger, "minutely")
    assert (after["last_result"], after["last_error"], after["next_run"]) == ("done", "", None)
    assert after["last_run"].startswith("20")


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
