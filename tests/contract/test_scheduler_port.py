"""What every Scheduler promises, held against the one in memory and the one on EventBridge Scheduler."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.contract.faulty_server import RESET, FaultyServer, answer
from tests.fake_schedules import MemoryScheduler
from tests.fakes import FakeClock

from waybill.adapters.aws_rest_json import AwsRestJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.eventbridge_scheduler import EventBridgeScheduler, Target
from waybill.domain.errors import InvalidSchedule, StorageUnavailable
from waybill.domain.schedule import Schedule, Terms, new_schedule, schedule_key
from waybill.ports import Scheduler

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:run-schedule"
ROLE = "arn:aws:iam::123456789012:role/schedules"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:dead-letters"

Firing = Callable[[], dict[str, str]]
"""The expressions of what fires now, by the digest of tenant and name."""


@pytest.fixture
def group(moto_endpoint: str) -> str:
    """The name of a new schedule group."""
    name = new_name()
    boto("scheduler", moto_endpoint).create_schedule_group(Name=name)
    return name


def client_of(endpoint: str, backoff: Backoff) -> AwsRestJsonClient:
    return AwsRestJsonClient(
        "scheduler",
        "EventBridge Scheduler",
        endpoint=endpoint,
        region=REGION,
        credentials=credentials,
        backoff=backoff,
    )


@pytest.fixture
def on_aws(moto_endpoint: str, impatient: Backoff, group: str) -> EventBridgeScheduler:
    return EventBridgeScheduler(client_of(moto_endpoint, impatient), group, Target(FUNCTION, ROLE, QUEUE))


@pytest.fixture(params=["memory", "eventbridge"])
def scheduler_and_firing(request: pytest.FixtureRequest, moto_endpoint: str) -> tuple[Scheduler, Firing]:
    if request.param == "memory":
        memory = MemoryScheduler()
        return memory, lambda: {
            schedule_key(*key): schedule.terms.expression
            for key, (schedule, _) in memory.firing.items()
            if schedule.terms.enabled
        }
    adapter, group = request.getfixturevalue("on_aws"), request.getfixturevalue("group")
    boto3: Any = boto("scheduler", moto_endpoint)

    def firing() -> dict[str, str]:
        found = boto3.list_schedules(GroupName=group)["Schedules"]
        whole = [boto3.get_schedule(GroupName=group, Name=each["Name"]) for each in found]
        return {each["Name"]: each["ScheduleExpression"] for each in whole if each["State"] == "ENABLED"}

    return adapter, firing


def a_schedule(expression: str = "cron(0 3 * * ? *)", tenant: str = "anna", **changes: Any) -> Schedule:
    return new_schedule(tenant, "nightly", Terms(expression, "Europe/Berlin", **changes), FakeClock()())


def test_what_was_put_last_fires_until_it_is_removed(scheduler_and_firing: tuple[Scheduler, Firing]) -> None:
    scheduler, firing = scheduler_and_firing
    key = schedule_key("anna", "nightly")

    scheduler.put(a_schedule(), starts_at=None)
    scheduler.put(a_schedule(), starts_at=None)
    assert firing() == {key: "cron(0 3 * * ? *)"}

    scheduler.put(a_schedule("rate(2 hours)"), starts_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert firing() == {key: "rate(2 hours)"}

    scheduler.remove("anna", "nightly")
    scheduler.remove("anna", "nightly")
    assert firing() == {}


def test_what_is_switched_off_does_not_fire(scheduler_and_firing: tuple[Scheduler, Firing]) -> None:
    scheduler, firing = scheduler_and_firing
    scheduler.put(a_schedule(), starts_at=None)

    scheduler.put(a_schedule(enabled=False), starts_at=None)

    assert firing() == {}


def test_tenants_do_not_share_names(scheduler_and_firing: tuple[Scheduler, Firing]) -> None:
    scheduler, firing = scheduler_and_firing
    scheduler.put(a_schedule(), starts_at=None)
    scheduler.put(a_schedule(tenant="bert"), starts_at=None)

    scheduler.remove("anna", "nightly")

    assert list(firing()) == [schedule_key("bert", "nightly")]


def test_the_schedule_on_aws_has_no_window_one_role_and_a_queue_for_what_fails(
    on_aws: EventBridgeScheduler, group: str, moto_endpoint: str
) -> None:
    on_aws.put(a_schedule("rate(1 hour)"), starts_at=datetime(2099, 1, 1, 12, tzinfo=UTC))

    found = boto("scheduler", moto_endpoint).get_schedule(GroupName=group, Name=schedule_key("anna", "nightly"))
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["StartDate"] == datetime(2099, 1, 1, 12, tzinfo=UTC)
    target = found["Target"]
    assert (target["Arn"], target["RoleArn"], target["DeadLetterConfig"]["Arn"]) == (FUNCTION, ROLE, QUEUE)
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3600}
    assert json.loads(target["Input"]) == {
        "tenant": "anna",
        "name": "nightly",
        "scheduled_at": "<aws.scheduler.scheduled-time>",
    }


def test_a_tenant_named_as_a_keyword_of_aws_stays_that_tenant(
    on_aws: EventBridgeScheduler, group: str, moto_endpoint: str
) -> None:
    odd = '<aws.scheduler.execution-id>"\\ä'
    on_aws.put(a_schedule(tenant=odd), starts_at=None)

    found = boto("scheduler", moto_endpoint).get_schedule(GroupName=group, Name=schedule_key(odd, "nightly"))
    assert found["Target"]["Input"].count("<aws.") == 1
    assert json.loads(found["Target"]["Input"])["tenant"] == odd


def refused(status: int, kind: str) -> bytes:
    """A refusal as EventBridge Scheduler words it."""
    named = f"{kind}:http://internal.amazon.com/coral/"
    return answer(status, b'{"Message": "Because of anna."}', x_amzn_errortype=named)


NOT_THERE = refused(404, "ResourceNotFoundException")
DONE = answer(200, b'{"ScheduleArn": "arn"}')


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def on_faulty(server: FaultyServer, impatient: Backoff) -> EventBridgeScheduler:
    return EventBridgeScheduler(client_of(server.url, impatient), "group", Target(FUNCTION, ROLE, QUEUE))


def test_throttling_and_broken_connections_are_tried_again(
    server: FaultyServer, on_faulty: EventBridgeScheduler
) -> None:
    server.will(refused(429, "ThrottlingException"), RESET, refused(500, "InternalServerException"), DONE)

    on_faulty.put(a_schedule(), starts_at=None)

    assert server.methods == ["PUT"] * 4


def test_two_that_make_it_at_the_same_time_both_succeed(server: FaultyServer, on_faulty: EventBridgeScheduler) -> None:
    server.will(NOT_THERE, refused(409, "ConflictException"), DONE)

    on_faulty.put(a_schedule(), starts_at=None)

    assert server.methods == ["PUT", "POST", "PUT"]


def test_what_aws_does_not_take_is_the_callers_to_change(server: FaultyServer, on_faulty: EventBridgeScheduler) -> None:
    server.will(NOT_THERE, refused(400, "ValidationException"))
    with pytest.raises(InvalidSchedule) as told:
        on_faulty.put(a_schedule(), starts_at=None)
    assert "anna" not in str(told.value)


def test_a_group_that_is_not_there_is_an_error(server: FaultyServer, on_faulty: EventBridgeScheduler) -> None:
    server.will(NOT_THERE, NOT_THERE)
    with pytest.raises(StorageUnavailable, match="ResourceNotFoundException"):
        on_faulty.put(a_schedule(), starts_at=None)


@pytest.mark.parametrize("kind", ["AccessDeniedException", "ServiceQuotaExceededException"])
def test_any_other_refusal_is_told_by_its_name(
    server: FaultyServer, on_faulty: EventBridgeScheduler, kind: str
) -> None:
    server.will(refused(403, kind))
    with pytest.raises(StorageUnavailable, match=kind):
        on_faulty.put(a_schedule(), starts_at=None)
    server.will(refused(403, kind))
    with pytest.raises(StorageUnavailable, match=kind) as told:
        on_faulty.remove("anna", "nightly")
    assert "anna" not in str(told.value)


def test_a_server_that_answers_no_json_is_told_by_its_status(
    server: FaultyServer, on_faulty: EventBridgeScheduler
) -> None:
    server.will(answer(403, b"<html>"))
    with pytest.raises(StorageUnavailable, match="HTTP 403"):
        on_faulty.remove("anna", "nightly")


def test_a_request_is_signed_and_names_the_schedule_by_its_digest(
    server: FaultyServer, on_faulty: EventBridgeScheduler
) -> None:
    server.will(answer(200, b"{}"))
    on_faulty.remove("anna", "nightly")

    (request,) = server.requests
    assert request.target == f"/schedules/{schedule_key('anna', 'nightly')}?groupName=group"
    assert f"/{REGION}/scheduler/aws4_request" in request.headers["authorization"]
