"""OS2iot, read from a stand-in that has every trap of the real one."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.fakes import FakeBudget
from tests.system_sources import OpenedSystem
from tests.systems.os2iot.backend import ADMIN, API_KEY, READER, Backend
from tests.systems.os2iot.data import OTHER_PROFILE, PROFILE, SECRET, http_device, made_up
from tests.systems.serving import Fault

from waybill.domain.catalog import SystemSource
from waybill.domain.errors import SourceUnavailable
from waybill.domain.ledger import Outcome
from waybill.sources.os2iot import OS2IOT
from waybill.sources.rest.failures import RequestRefused

DOCTYPES = [f"os2iot.{name}" for name in OS2IOT.collections]


def opened(backend: Backend | None = None, user: tuple[str, str] = ADMIN, **options: Any) -> OpenedSystem:
    secret = {"username": user[0], "password": user[1]}
    return OpenedSystem("os2iot", backend or Backend(), secret, **options)


def ids(system: OpenedSystem, doctype: str) -> list[object]:
    return [record["id"] for record in system.records(f"os2iot.{doctype}")]


def test_everything_of_the_exit_strategy_is_read() -> None:
    backend = Backend()
    system = opened(backend)

    assert ids(system, "organizations") == [1, 2, 3]
    assert ids(system, "applications") == [1, 2, 3, 4]
    assert ids(system, "device-models") == [1, 2, 3]
    assert ids(system, "iot-devices") == [each["id"] for each in backend.data.devices]
    assert ids(system, "data-targets") == [1, 3, 2, 4]  # by application
    assert ids(system, "payload-decoders") == [1, 2]
    assert ids(system, "connections") == [1, 2, 3, 4]
    assert ids(system, "users") == [1, 2]
    assert ids(system, "permissions") == [1, 2]
    assert ids(system, "sigfox-groups") == [1]
    assert ids(system, "sigfox-device-types") == ["5d7a", "5d7b"]
    assert ids(system, "sigfox-contracts") == ["c1"]
    assert ids(system, "gateways") == [1, 2]
    assert ids(system, "device-profiles") == [OTHER_PROFILE, PROFILE]
    assert backend.logins == 1
    assert set(DOCTYPES) == set(system.catalog.doctypes)


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_keys_grow_and_reading_goes_on_behind_any_of_them(doctype: str) -> None:
    system = opened(Backend(made_up(devices=120)))
    items = system.items(doctype)

    keys = [item.key for item in items]
    assert keys == sorted(set(keys))
    for position in {0, 1, len(items) // 2, len(items) - 1}:
        assert (
            system.items(doctype, after=keys[min(position, len(keys) - 1)]) == items[min(position, len(keys) - 1) + 1 :]
        )


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_records_are_as_their_schema_says(doctype: str) -> None:
    system = opened()
    validator = Draft202012Validator(json.loads(system.catalog.doctypes[doctype].schema))

    for record in system.records(doctype):
        validator.validate(record)


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_no_secret_leaves_unless_it_is_asked_for(doctype: str) -> None:
    backend = Backend()
    backend.sigfox_down = doctype == "os2iot.sigfox-groups"  # then their passwords come in clear
    lines = b"\n".join(item.line or b"" for item in opened(backend).items(doctype))

    assert SECRET.encode() not in lines
    assert b"U2FsdGVkX1" not in lines


@pytest.mark.parametrize(
    ("doctype", "secrets"),
    [
        ("iot-devices", ["SECRETapi2", "SECRETota233", "SECRETnet234", "SECRETapp234", "SECRETmqtt235", "SECRETkey"]),
        ("data-targets", ["SECRETtarget1", "SECRETtarget2"]),
        ("connections", ["SECRETapi2", "SECRETtarget1"]),
    ],
)
def test_secrets_are_there_if_the_catalog_asks_for_them(doctype: str, secrets: list[str]) -> None:
    lines = b"\n".join(
        item.line or b"" for item in opened(changes={"include_secrets": True}).items(f"os2iot.{doctype}")
    ).decode()

    assert [secret for secret in secrets if secret not in lines] == []


def test_a_record_keeps_every_digit_and_says_whose_it_is() -> None:
    data = made_up(devices=1)
    data.devices[0]["metadata"] = {"reading": 12345678901234567890, "share": 0.10}
    items = opened(Backend(data)).items("os2iot.iot-devices")

    first = (items[0].line or b"").decode()
    assert '"metadata":{"reading":12345678901234567890,"share":0.1}' in first
    assert json.loads(first)["applicationId"] == 1
    assert (items[0].key, items[0].id) == ("0000000001/0000000002", "2")
    assert items[0].updated_at > 1_700_000_000


def test_applications_say_which_organization_they_belong_to() -> None:
    applications: list[Any] = opened().records("os2iot.applications")

    assert [each["belongsTo"]["name"] for each in applications] == ["Aarhus", "Aarhus", "Værløse", "Værløse"]


def test_device_models_are_asked_for_by_organization() -> None:
    assert {each["organizationId"] for each in opened().records("os2iot.device-models")} == {1, 2}


def test_connections_keep_all_of_their_devices() -> None:
    connections: list[Any] = opened().records("os2iot.connections")

    assert [[device["id"] for device in each["iotDevices"]] for each in connections] == [
        [2, 3, 4], [5, 6, 7], [2, 5, 6], [234]
    ]  # fmt: skip


def test_connections_that_are_not_all_there_are_not_taken_for_all() -> None:
    backend = Backend()

    class Cuts(Backend):
        def _connections(self, asked: Any, caller: Any) -> Any:
            told = backend._connections(asked, caller)
            return type(told)(200, told.body.replace(b'"count":4', b'"count":5'))

    with pytest.raises(SourceUnavailable, match="gave 4 rows, although it says that it has 5"):
        opened(Cuts()).items("os2iot.connections")


def test_nothing_is_asked_that_the_api_answers_with_500() -> None:
    system = opened()
    for doctype in DOCTYPES:
        system.items(doctype)

    assert not any("orderOn" in target or "sort" in target or "limit=0" in target for target in system.api.targets)


def test_no_more_requests_are_in_flight_than_the_catalog_allows() -> None:
    system = opened(Backend(made_up(devices=900)), changes={"requests": 3})

    assert len(system.items("os2iot.iot-devices")) == 907
    assert system.api.most <= 3


# ---------------------------------------------------------------- ChirpStack and Sigfox behind it


def test_chirpstack_that_is_down_is_no_empty_application() -> None:
    backend = Backend()
    backend.chirpstack_down = True

    with pytest.raises(SourceUnavailable, match="the ChirpStack behind it does not answer"):
        opened(backend).items("os2iot.iot-devices")
    with pytest.raises(SourceUnavailable, match="the ChirpStack behind it does not answer"):
        opened(backend).items("os2iot.device-profiles")
    assert ids(opened(backend), "gateways") == [1, 2]


def test_a_device_that_chirpstack_does_not_know_is_a_gap_and_hides_no_other() -> None:
    backend = Backend()
    backend.unknown_in_chirpstack = {234}
    items = opened(backend).items("os2iot.iot-devices")

    assert [item.id for item in items] == [str(each["id"]) for each in backend.data.devices]
    [gap] = [item.gap for item in items if item.gap]
    assert (gap.id, gap.code, gap.outcome, gap.kind) == ("234", "record_refused", Outcome.FAILED, "record")
    assert all(json.loads(item.line)["applicationId"] for item in items if item.line)
    behind = next(item.key for item in items if item.id == "233")
    assert opened(backend).items("os2iot.iot-devices", after=behind)[0].gap == gap


def test_sigfox_that_is_down_leaves_a_gap_beside_its_group() -> None:
    backend = Backend()
    backend.sigfox_down = True
    record, gap = opened(backend).items("os2iot.sigfox-groups")

    assert json.loads(record.line or b"")["sigfoxGroupData"] is None
    assert gap.gap is not None
    assert (gap.gap.code, gap.gap.id, gap.gap.outcome) == ("record_incomplete", "1 (sigfoxGroupData)", Outcome.FAILED)
    with pytest.raises(RequestRefused, match="sigfox-device-type"):
        opened(backend).items("os2iot.sigfox-device-types")


def test_a_gap_is_not_lost_when_reading_stops_between_it_and_its_record() -> None:
    backend = Backend()
    backend.sigfox_down = True
    record, gap = opened(backend).items("os2iot.sigfox-groups")

    assert opened(backend).items("os2iot.sigfox-groups", after=record.key) == [gap]
    assert opened(backend).items("os2iot.sigfox-groups", after=gap.key) == []


def test_service_profiles_that_the_version_does_not_have_are_said_to_be_none() -> None:
    [item] = opened().items("os2iot.service-profiles")
    assert item.gap is not None
    assert (item.gap.code, item.gap.outcome) == ("not_supported", Outcome.SKIPPED)

    backend = Backend()
    backend.has_service_profiles = True
    assert ids(opened(backend), "service-profiles") == ["5a1c"]


# ---------------------------------------------------------------- Sign-in


def test_a_token_that_ends_in_the_middle_is_replaced() -> None:
    backend = Backend(token_lasts=3)

    assert ids(opened(backend), "applications") == [1, 2, 3, 4]
    assert backend.logins >= 2


def test_a_wrong_password_is_said() -> None:
    with pytest.raises(RequestRefused, match=r"POST /api/v1/auth/login, was answered with 401. The secret") as refused:
        opened(user=("global-admin@os2iot.dk", "wrong")).items("os2iot.users")
    assert "wrong" not in str(refused.value)


def test_a_password_that_was_changed_since_it_was_read_is_read_again() -> None:
    backend = Backend()
    system = opened(backend)
    [source] = {each.source for each in system.catalog.doctypes.values()}
    assert isinstance(source, SystemSource)
    backend.admin = (ADMIN[0], "changed")
    system.secrets.get(source.secret)  # as an earlier call of the function has
    system.secrets.change(source.secret, json.dumps({"username": ADMIN[0], "password": "changed"}))

    assert ids(system, "users") == [1, 2]
    assert [target for target in system.api.targets if "login" in target] == ["/api/v1/auth/login"] * 2


def test_a_user_who_may_not_read_it_is_told_so() -> None:
    with pytest.raises(RequestRefused, match=r"was answered with 403\. The account that the secret names may not"):
        opened(user=READER).items("os2iot.users")


def test_a_key_opens_what_it_opens() -> None:
    system = OpenedSystem("os2iot", Backend(), {"apiKey": API_KEY})

    assert ids(system, "organizations") == [1]
    assert ids(system, "applications") == [1, 2]
    assert ids(system, "device-models") == [1, 2]
    for doctype in ("os2iot.users", "os2iot.permissions"):
        with pytest.raises(SourceUnavailable, match="An API key opens neither"):
            system.items(doctype)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ({}, "must have username and password, but lacks username"),
        ({"username": "x", "password": ""}, "lacks password"),
    ],
)
def test_a_secret_without_what_is_needed_is_said(secret: dict[str, str], words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words):
        OpenedSystem("os2iot", Backend(), secret).items("os2iot.users")


# ---------------------------------------------------------------- Bad input


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(r"offset=99\b", "status", status=500), r"iot-devices\?limit=100&offset=99, was answered with 500"),
        (Fault(r"offset=99\b", "malformed"), r"offset=99, was answered with what is not JSON"),
        (Fault(r"offset=99\b", "truncated"), r"offset=99, was answered with what is not JSON"),
        (Fault(r"offset=99\b", "empty"), r"offset=99, was answered with what is not JSON but an empty body"),
        (Fault(r"offset=99\b", "broken"), r"offset=99, got no answer"),
        (Fault(r"application/1/iot-devices", "repeat"), r"offset=99, gave the same page as before"),
    ],
)
def test_what_goes_wrong_says_where_and_what_was_read_stays(fault: Fault, words: str) -> None:
    system = opened(faults=[fault])
    source = system.sources.of("os2iot.iot-devices")
    [shard] = source.shards(tenant="operator", start=0)
    items = source.read(tenant="operator", shard=shard, after=None)

    got = [next(items) for _ in range(100)]
    with pytest.raises(SourceUnavailable, match=words):
        next(items)
    system.faulty.faults.clear()
    assert got + system.items("os2iot.iot-devices", after=got[-1].key) == system.items("os2iot.iot-devices")


def test_what_passes_is_waited_for() -> None:
    passing = [
        Fault("organization", "status", times=2, status=502),
        Fault("organization", "status", times=1, status=429, headers={"Retry-After": "3"}),
        Fault("organization", "broken", times=1),
    ]
    system = opened(faults=passing)

    assert ids(system, "organizations") == [1, 2, 3]
    assert 3.0 in system.time.slept


def test_devices_that_go_while_they_are_read_hide_no_other() -> None:
    backend = Backend()
    system = opened(backend, changes={"requests": 1})
    source = system.sources.of("os2iot.iot-devices")
    [shard] = source.shards(tenant="operator", start=0)
    items = source.read(tenant="operator", shard=shard, after=None)
    got = [next(items).id for _ in range(100)]

    backend.data.devices = [each for each in backend.data.devices if not 50 <= each["id"] < 60]
    got += [item.id for item in items]

    assert set(got) >= {str(each["id"]) for each in backend.data.devices}
    assert len(got) == len(set(got))


def test_an_application_that_goes_while_it_is_read_is_named() -> None:
    backend = Backend()
    inner = backend.__call__

    def gone(asked: Any) -> Any:
        if asked.path.endswith("/application/3"):
            backend.data.applications = [each for each in backend.data.applications if each["id"] != 3]
        return inner(asked)

    secret = {"username": ADMIN[0], "password": ADMIN[1]}
    items = OpenedSystem("os2iot", gone, secret).items("os2iot.applications")

    assert [(item.id, item.gap.code if item.gap else "") for item in items] == [
        ("1", ""), ("2", ""), ("3", "record_refused"), ("4", "")
    ]  # fmt: skip


def test_an_estimate_counts_what_there_is_and_says_if_that_is_all() -> None:
    source = opened().sources.of("os2iot.iot-devices")

    whole = source.measure(tenant="operator", pages=20, budget=FakeBudget())
    assert (whole.exact, whole.amount.records) == (True, 237)
    part = source.measure(tenant="operator", pages=1, budget=FakeBudget())
    assert (part.exact, part.read.records) == (False, 100)
    assert part.amount.records >= 200


def test_a_device_of_another_application_comes_in_its_place() -> None:
    data = made_up(devices=2)
    data.devices.append(http_device(900, 1))
    items = opened(Backend(data)).items("os2iot.iot-devices")

    assert [item.id for item in items][:4] == ["2", "3", "900", "4"]
