"""Devices made in OS2iot, row by row, against the stand-in with the real one's traps."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.systems.exchange import Asked, Told
from tests.systems.os2iot.backend import ADMIN, READER, Backend
from tests.systems.os2iot.data import OTHER_PROFILE, PROFILE, made_up
from tests.systems.os2iot.devices import HEADER, csv_of, faults_of
from tests.systems.serving import Fault, Faulty
from tests.unit.services.exports import TENANT
from tests.unit.services.test_system_exports import CSV, leaving, table

from waybill.domain.catalog import SystemSource
from waybill.domain.errors import SourceUnavailable
from waybill.sinks.os2iot import Made, Os2iotSink, Row, RowResult
from waybill.sinks.os2iot_rows import BadRow, device_of_record, device_of_row, problem_of
from waybill.sources.os2iot.api import client_of
from waybill.sources.rest.failures import RequestRefused
from waybill.sources.system import Tools

TARGET = 4
"""An application of the stand-in that has no devices."""


class Importing:
    """The stand-in, and a sink into one of its applications."""

    def __init__(
        self, *faults: Fault, backend: Backend | None = None, user: tuple[str, str] = ADMIN, application: int = TARGET
    ) -> None:
        self.backend = backend or Backend()
        self.api = FakeApi(Faulty(self.backend, list(faults)))
        secret = json.dumps({"username": user[0], "password": user[1]})
        tools = Tools(self.api, FakeSecrets({"s": secret}), FakeTime().timing())
        source = SystemSource("os2iot", "os2iot", "https://iot.example.org/api/v1", "s", (TENANT,))
        self.sink = Os2iotSink(client_of(source, tools), application)

    def run(self, rows: list[Row]) -> list[RowResult]:
        self.sink.check()
        return list(self.sink.create(rows))

    @property
    def made(self) -> list[str]:
        """The names of the devices in the application."""
        return [each["name"] for each in self.backend.data.devices if each["_application"] == TARGET]

    @property
    def batches(self) -> list[int]:
        """How many rows each request had."""
        asked = [each for each in self.api.asked if each.path.endswith("createMany")]
        return [len(json.loads(each.body)["data"]) for each in asked]


def http(number: int, **more: Any) -> Row:
    return Row(number, {"name": f"new {number}", "type": "GENERIC_HTTP", **more})


def lora(number: int, eui: str, profile: str = PROFILE) -> Row:
    settings = {"devEUI": eui, "deviceProfileID": profile, "activationType": "OTAA", "OTAAapplicationKey": "0" * 32}
    return Row(number, {"name": f"new {number}", "type": "LORAWAN", "lorawanSettings": settings})


def test_rows_go_in_batches_of_fifty_and_are_told_one_by_one() -> None:
    target = Importing()
    results = target.run([http(number) for number in range(1, 121)])

    assert target.batches == [50, 50, 20]
    assert [result.number for result in results] == list(range(1, 121))
    assert {result.made for result in results} == {Made.CREATED}
    assert len({result.id for result in results}) == 120
    assert target.made == [f"new {number}" for number in range(1, 121)]


def test_what_os2iot_says_of_a_row_is_that_rows() -> None:
    target = Importing()
    rows = [
        http(1),
        http(2, deviceModelId=99),
        lora(3, f"{233:016X}"),
        lora(4, "A" * 16, "no-such-profile"),
        lora(5, "B" * 16, OTHER_PROFILE),
    ]

    assert [(result.number, result.made, result.reason) for result in target.run(rows)] == [
        (1, "created", ""),
        (2, "failed", "MESSAGE.DEVICE-MODEL-DOES-NOT-EXIST"),
        (3, "failed", "MESSAGE.ID-INVALID-OR-ALREADY-IN-USE"),
        (4, "failed", "Could not get device profile"),
        (5, "created", ""),
    ]


def test_a_row_that_would_spoil_its_batch_is_not_sent() -> None:
    target = Importing()
    rows = [http(1), Row(2, {"name": "x" * 51, "type": "GENERIC_HTTP"}), http(3), Row(4, {}, "It is none.")]
    results = target.run(rows)

    assert [(result.made, result.reason) for result in results] == [
        ("created", ""), ("failed", "name must have 1 to 50 characters."), ("created", ""), ("failed", "It is none.")
    ]  # fmt: skip
    assert target.batches == [2]


@pytest.mark.parametrize("bad", [1, 2, 17, 50])
def test_a_batch_that_is_refused_is_halved_until_the_row_is_found(bad: int) -> None:
    """OS2iot may be stricter than what is known of it: here it takes no device of a certain name."""
    target = Importing()
    inner = target.api._handler

    def stricter(asked: Asked) -> Told:
        if asked.path.endswith("createMany") and f'"new {bad}"' in asked.body.decode():
            wrong = {"property": "name", "constraints": {"isName": "name must not be this"}}
            return Told(400, json.dumps({"statusCode": 400, "message": [{"children": [wrong]}]}).encode())
        return inner(asked)

    target.api._handler = stricter
    results = target.run([http(number) for number in range(1, 51)])

    failed = [result for result in results if result.made is Made.FAILED]
    assert [(each.number, each.reason) for each in failed] == [
        (bad, "OS2iot refused it with 400: name must not be this")
    ]
    assert sorted(target.made) == sorted(f"new {number}" for number in range(1, 51) if number != bad)
    assert len(target.batches) <= 13


def test_after_a_failure_nothing_is_made_twice_and_nothing_is_said_to_be_made_that_is_not() -> None:
    target = Importing()
    inner = target.api._handler
    state = {"left": 1}

    def fails_behind_the_work(asked: Asked) -> Told:
        told = inner(asked)
        if asked.path.endswith("createMany") and state["left"]:
            state["left"] -= 1
            del target.backend.data.devices[-20:]  # 30 of the 50 were made before it failed
            return Told(500, b'{"statusCode":500}')
        return told

    target.api._handler = fails_behind_the_work
    results = target.run([http(number) for number in range(1, 61)])

    assert [result.number for result in results] == list(range(1, 61))
    assert {result.made for result in results} == {Made.CREATED}
    assert sorted(target.made) == sorted(f"new {number}" for number in range(1, 61))
    assert sum(target.batches) == 50 + 20 + 10


def test_an_answer_that_is_lost_is_looked_up() -> None:
    target = Importing(Fault("createMany", "broken", times=1))
    results = target.run([http(number) for number in range(1, 4)])

    assert [(result.made, bool(result.id)) for result in results] == [("created", True)] * 3
    assert target.made == ["new 1", "new 2", "new 3"]


def test_a_row_that_always_fails_is_named_and_the_others_are_made() -> None:
    target = Importing()
    inner = target.api._handler

    def fails(asked: Asked) -> Told:
        if asked.path.endswith("createMany") and b'"new 7"' in asked.body:
            return Told(500, b"")
        return inner(asked)

    target.api._handler = fails
    results = target.run([http(number) for number in range(1, 21)])

    assert [(each.number, each.reason) for each in results if each.made is Made.FAILED] == [
        (7, "OS2iot refused it with 500.")
    ]
    assert len(target.made) == 19


def test_an_application_that_is_not_there_is_said_before_anything_is_sent() -> None:
    target = Importing(application=99)

    with pytest.raises(SourceUnavailable, match="no application 99"):
        target.run([http(1)])
    assert target.batches == []


def test_who_may_not_make_devices_is_told_so() -> None:
    target = Importing(user=READER)

    with pytest.raises(RequestRefused, match="403"):
        target.run([http(1)])


# ---------------------------------------------------------------- Rows


def cells_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_csv_that_was_exported_with_its_secrets_makes_the_same_devices_elsewhere() -> None:
    source = leaving(changes={"include_secrets": True})
    header, *rows = table(source, source.export(CSV))
    away = Backend(made_up(devices=0))
    away.data.devices = []  # a devEUI may be there once only
    target = Importing(backend=away)

    cells = [dict(zip(header, row, strict=True)) for row in rows]
    results = target.run([Row(number, device_of_row(each)) for number, each in enumerate(cells, start=1)])

    assert [result for result in results if result.made is Made.FAILED] == []
    again = leaving(away, changes={"include_secrets": True})
    new_header, *new_rows = table(again, again.export(CSV))
    assert new_header == header
    hidden = {header.index(name) for name in ("id", "apiKey", "mqtttopicname")}  # made anew by OS2iot

    def seen(row: list[str]) -> list[str]:
        return [cell for column, cell in enumerate(row) if column not in hidden]

    assert sorted(map(seen, new_rows)) == sorted(map(seen, rows))


def test_os2iots_own_csv_is_taken_too() -> None:
    backend = Backend()
    own = csv_of([each for each in backend.data.devices if each["_application"] == 1])
    rows = [Row(number, device_of_row(each)) for number, each in enumerate(cells_of(own.decode()), start=1)]

    assert {result.made for result in Importing(backend=backend).run(rows)} == {Made.CREATED}


def test_records_of_an_archive_make_the_same_devices_elsewhere_with_what_the_csv_has_no_place_for() -> None:
    source = leaving(changes={"include_secrets": True})
    records: list[Any] = source.opened.records("os2iot.iot-devices")
    away = Backend(made_up(devices=0))
    away.data.devices = []
    target = Importing(backend=away)
    results = target.run([Row(number, device_of_record(each)) for number, each in enumerate(records, start=1)])

    assert {result.made for result in results} == {Made.CREATED}
    made: list[Any] = leaving(away, changes={"include_secrets": True}).opened.records("os2iot.iot-devices")
    for old, new in zip(records, made, strict=True):
        for name in ("name", "type", "location", "metadata", "lorawanSettings", "mqttExternalBrokerSettings"):
            assert (new.get(name) or None) == (_without_nulls(old.get(name)) or None)


def _without_nulls(value: Any) -> Any:
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else value


def test_a_device_without_a_place_gets_none() -> None:
    assert "latitude" not in device_of_row({"name": "a", "type": "generic_http", "latitude": "", "longitude": ""})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"type": "SIGFOX"}, "Sigfox"),
        ({"type": "GENERIC_HTTP", "latitude": "north"}, "latitude is no number"),
        ({"type": "GENERIC_HTTP", "deviceModelId": "1.5"}, "deviceModelId is no whole number"),
        ({"type": "MQTT_EXTERNAL_BROKER", "caCertificate": "-----BEGIN"}, "caCertificate is not base64"),
        ({"type": "MQTT_EXTERNAL_BROKER", "mqttPort": "x"}, "mqttPort is no whole number"),
    ],
)
def test_a_row_that_is_no_device_says_which_column(cells: dict[str, str], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        device_of_row({"name": "a", **cells})


GOOD: dict[str, Any] = {"name": "a", "type": "GENERIC_HTTP"}
LORA: dict[str, Any] = {
    "name": "a",
    "type": "LORAWAN",
    "lorawanSettings": {"devEUI": "0" * 16, "deviceProfileID": "p", "activationType": "NONE"},
}


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (GOOD | {"name": ""}, "name"),
        (GOOD | {"name": None}, "name"),
        (GOOD | {"type": "TOASTER"}, "type"),
        (GOOD | {"comment": "x" * 1025}, "comment"),
        (GOOD | {"longitude": 180.1}, "longitude"),
        (GOOD | {"latitude": float("nan")}, "latitude"),
        (GOOD | {"latitude": True}, "latitude"),
        (LORA | {"lorawanSettings": {}}, "devEUI"),
        (LORA | {"lorawanSettings": {"devEUI": "0" * 16}}, "deviceProfileID"),
        (LORA | {"lorawanSettings": LORA["lorawanSettings"] | {"activationType": "X"}}, "activationType"),
        (LORA | {"lorawanSettings": LORA["lorawanSettings"] | {"activationType": "ABP"}}, "devAddr is missing"),
        (LORA | {"lorawanSettings": LORA["lorawanSettings"] | {"activationType": "OTAA"}}, "OTAAapplicationKey is"),
        (GOOD | {"type": "MQTT_INTERNAL_BROKER"}, "authenticationType"),
        (GOOD | {"type": "MQTT_EXTERNAL_BROKER"}, "authenticationType"),
    ],
)
def test_what_is_wrong_with_a_device_is_named(device: dict[str, Any], words: str) -> None:
    assert words in problem_of(device)


@given(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=52),
            "type": st.sampled_from(["GENERIC_HTTP", "LORAWAN", "MQTT_INTERNAL_BROKER", ""]),
        },
        optional={
            "comment": st.text(max_size=3) | st.just("x" * 1025),
            "longitude": st.floats(-200, 200),
            "latitude": st.none() | st.integers(-100, 100),
            "lorawanSettings": st.just(LORA["lorawanSettings"]) | st.just({}),
            "mqttInternalBrokerSettings": st.just(
                {"authenticationType": "PASSWORD", "mqttusername": "u", "mqttpassword": "p"}
            ),
        },
    )
)
def test_what_passes_the_check_passes_os2iots(device: dict[str, Any]) -> None:
    if not problem_of(device):
        assert faults_of({"data": [{**device, "applicationId": 1}]}) == []


def test_the_header_is_the_one_that_os2iot_writes() -> None:
    assert cells_of(f"{HEADER}\n") == []
