"""What every ScheduleStore promises, held against the one in memory and the one on DynamoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.conftest import boto
from tests.fake_schedules import MemorySchedules
from tests.fakes import FakeClock

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_schedules import DynamoDbSchedules
from waybill.domain.errors import ScheduleChanged, ScheduleNotFound, StorageUnavailable
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Run, RunResult, Schedule, Terms, new_schedule
from waybill.ports import ScheduleStore

TERMS = Terms(
    "cron(0 3 ? * MON-FRI *)",
    "Europe/Berlin",
    enabled=False,
    options=ExportOptions(parts_size=10_240, with_doctypes=("io.cozy.contacts",), format="csv", layout="plain"),
    incremental=True,
)


@pytest.fixture(params=["memory", "dynamodb"])
def schedules(request: pytest.FixtureRequest) -> ScheduleStore:
    if request.param == "memory":
        return MemorySchedules()
    client: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbSchedules(client, request.getfixturevalue("table"))


def a_schedule(clock: FakeClock, name: str = "nightly", tenant: str = "anna") -> Schedule:
    return new_schedule(tenant, name, TERMS, clock())


def test_a_schedule_comes_back_as_it_was_stored(schedules: ScheduleStore, clock: FakeClock) -> None:
    clock.advance(microseconds=123_457)
    schedule = a_schedule(clock)

    schedules.put(schedule)

    assert schedules.get("anna", "nightly") == schedule


@pytest.mark.parametrize("result", RunResult)
def test_every_change_is_kept(schedules: ScheduleStore, clock: FakeClock, result: RunResult) -> None:
    schedule = a_schedule(clock)
    schedules.put(schedule)
    ran = schedule.noted(Run(clock(), result, "0" * 32, "Die Tabelle ist weg. 🧾"))

    schedules.put(ran)
    assert schedules.get("anna", "nightly") == ran

    changed = ran.replaced(replace(TERMS, enabled=True), clock() + timedelta(hours=1))
    schedules.put(changed)
    assert schedules.get("anna", "nightly") == changed


def test_an_unknown_schedule_and_another_tenants_are_not_found(schedules: ScheduleStore, clock: FakeClock) -> None:
    schedules.put(a_schedule(clock))

    for tenant, name in (("anna", "weekly"), ("bert", "nightly")):
        with pytest.raises(ScheduleNotFound):
            schedules.get(tenant, name)
    assert schedules.list("bert") == []


def test_a_name_is_taken_once(schedules: ScheduleStore, clock: FakeClock) -> None:
    schedule = a_schedule(clock)
    schedules.put(schedule)

    with pytest.raises(ScheduleChanged):
        schedules.put(replace(schedule, terms=replace(TERMS, enabled=True)))

    assert schedules.get("anna", "nightly") == schedule


def test_of_two_changes_of_the_same_revision_the_second_is_refused(schedules: ScheduleStore, clock: FakeClock) -> None:
    schedule = a_schedule(clock)
    schedules.put(schedule)
    first = schedule.noted(Run(clock(), RunResult.STARTED))
    schedules.put(first)

    with pytest.raises(ScheduleChanged):
        schedules.put(schedule.replaced(replace(TERMS, enabled=True), clock()))

    assert schedules.get("anna", "nightly") == first


def test_a_schedule_that_is_gone_is_not_changed(schedules: ScheduleStore, clock: FakeClock) -> None:
    schedule = a_schedule(clock)
    schedules.put(schedule)
    schedules.delete("anna", "nightly")
    schedules.delete("anna", "nightly")

    with pytest.raises(ScheduleChanged):
        schedules.put(schedule.noted(Run(clock(), RunResult.STARTED)))

    assert schedules.list("anna") == []


def test_the_list_is_sorted_by_name_and_holds_nothing_else(schedules: ScheduleStore, clock: FakeClock) -> None:
    names = ["-", ".", "0", "Z", "_", "a", "a.b", "z" * 64]
    for name in reversed(names):
        schedules.put(a_schedule(clock, name))

    assert [schedule.name for schedule in schedules.list("anna")] == names


def test_a_table_that_is_not_there_is_an_error(dynamodb: AwsJsonClient, clock: FakeClock) -> None:
    with pytest.raises(StorageUnavailable):
        DynamoDbSchedules(dynamodb, "none").put(a_schedule(clock))


def test_the_item_holds_the_options_under_their_names(
    dynamodb: AwsJsonClient, table: str, moto_endpoint: str, clock: FakeClock
) -> None:
    DynamoDbSchedules(dynamodb, table).put(a_schedule(clock))

    key = {"pk": {"S": "anna"}, "sk": {"S": "schedule#nightly"}}
    item = boto("dynamodb", moto_endpoint).get_item(TableName=table, Key=key)["Item"]
    assert '"parts_size":10240' in item["options"]["S"]
    assert "expires_at" not in item
