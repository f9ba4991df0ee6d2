"""OS2iot as it behaves, traps included (reference source-systems.md, A1 to A4): a function of requests.

Its Swagger says what it should do; the comments here say where it does something else.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.systems.exchange import Asked, Told
from tests.systems.os2iot import devices
from tests.systems.os2iot.data import Data, Row, made_up
from tests.systems.serving import json_told

PREFIX = "/api/v1/"
ADMIN = ("global-admin@os2iot.dk", "hunter2")
READER = ("reader@os2iot.dk", "letmein")
API_KEY = "9c5ab1de-key"

_SORTED = ("organization", "application", "user", "payload-decoder", "device-model")
_CLOSED_TO_KEYS = ("organization", "user", "permission", "api-key", "auth")
_NUMBER = re.compile(r"-?\d+")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.status)
        self.told = told


def refused(status: int, message: object, error: str | None = None) -> Refused:
    body = {"statusCode": status, "message": message} | ({"error": error} if error else {})
    return Refused(json_told(body, status))


NOT_FOUND = "MESSAGE.ID-DOES-NOT-EXIST"


@dataclass
class Caller:
    """Who asks: a user with GlobalAdmin, one who may read, or the key of organization 1."""

    kind: str


class Backend:
    """One OS2iot. The switches say what is down behind it."""

    def __init__(self, data: Data | None = None, *, token_lasts: int = 1_000_000) -> None:
        self.data = data or made_up()
        self.chirpstack_down = False
        self.sigfox_down = False
        self.unknown_in_chirpstack: set[int] = set()
        self.has_service_profiles = False
        self.token_lasts = token_lasts
        self.admin = ADMIN
        self.logins = 0
        self._token_left: dict[str, int] = {}
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Told]]] = [
            ("GET", re.compile(pattern), handler)
            for pattern, handler in (
                (r"organization", self._organizations),
                (r"application", self._applications),
                (r"application/(\d+)", self._application),
                (r"application/(\d+)/iot-devices", self._devices_of_application),
                (r"device-model", self._device_models),
                (r"iot-device/(\d+)", self._device),
                (r"iot-device/getDevicesMetadataCsv/(\d+)", self._csv),
                (r"data-target", self._data_targets),
                (r"payload-decoder", self._payload_decoders),
                (r"iot-device-payload-decoder-data-target-connection", self._connections),
                (r"user", self._users),
                (r"permission", self._permissions),
                (r"sigfox-group", self._sigfox_groups),
                (r"sigfox-device-type", self._sigfox_device_types),
                (r"sigfox-contract", self._sigfox_contracts),
                (r"chirpstack/gateway", self._gateways),
                (r"chirpstack/service-profiles", self._service_profiles),
                (r"chirpstack/device-profiles", self._device_profiles),
                (r"chirpstack/device-profiles/([0-9a-f-]+)", self._device_profile),
                (r"api-key-info/organization", self._key_organization),
            )
        ]
        self._routes.append(("POST", re.compile(r"iot-device/createMany"), self._create_many))

    def __call__(self, asked: Asked) -> Told:
        """Answer a request."""
        try:
            if not asked.path.startswith(PREFIX):
                raise refused(404, f"Cannot {asked.method} {asked.path}", "Not Found")
            path = asked.path.removeprefix(PREFIX)
            if path == "auth/login" and asked.method == "POST":
                return self._log_in(asked)
            for method, pattern, handler in self._routes:
                found = pattern.fullmatch(path)
                if found and method == asked.method:
                    return handler(asked, self._caller(asked, path), *found.groups())
            raise refused(404, f"Cannot {asked.method} {asked.path}", "Not Found")
        except Refused as error:
            return error.told

    # ------------------------------------------------------------ Sign-in

    def _log_in(self, asked: Asked) -> Told:
        body = _json_of(asked)
        if (body.get("username"), body.get("password")) not in (self.admin, READER):
            # auth/* has a filter of its own, whose answer has no message
            return json_told({"statusCode": 401, "timestamp": "2024-01-01T00:00:00.000Z", "path": asked.path}, 401)
        self.logins += 1
        kind = "admin" if body["username"] == self.admin[0] else "reader"
        token = f"jwt.{kind}.{self.logins}"
        self._token_left[token] = self.token_lasts
        return json_told({"accessToken": token}, 201)

    def _caller(self, asked: Asked, path: str) -> Caller:
        key = asked.headers.get("x-api-key")
        if key is not None:
            if key != API_KEY:
                raise refused(401, "MESSAGE.API-KEY-AUTH-FAILED", "Unauthorized")
            if path.partition("/")[0] in _CLOSED_TO_KEYS:
                raise refused(401, "Unauthorized")
            return Caller("key")
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._token_left.get(token, 0) <= 0:
            raise refused(401, "Unauthorized")
        self._token_left[token] -= 1
        return Caller(token.split(".")[1])

    # ------------------------------------------------------------ Lists

    def _organizations(self, asked: Asked, caller: Caller) -> Told:
        _want_admin(caller)
        return _paged(asked, "organization", [self._organization(each) for each in self.data.organizations])

    def _organization(self, row: Row) -> Row:
        mine = [each for each in self.data.applications if each["_organization"] == row["id"]]
        return _shown(row) | {"applications": [_shown(each) for each in mine]}

    def _key_organization(self, asked: Asked, caller: Caller) -> Told:
        if caller.kind != "key":
            raise refused(401, "Unauthorized")
        return json_told(_shown(self.data.organizations[0]))

    def _applications(self, asked: Asked, caller: Caller) -> Told:
        rows = [
            each
            for each in self.data.applications
            if (caller.kind == "admin" or each["_organization"] == 1)
            and asked.query.get("organizationId") in {None, str(each["_organization"])}
        ]
        return _paged(asked, "application", rows, self._with_devices)

    def _with_devices(self, row: Row) -> Row:
        """An application of the list: it does not say whose it is."""
        mine = [devices.table_row(each) for each in self.data.devices if each["_application"] == row["id"]]
        targets = [_shown(each) for each in self.data.data_targets if each["_application"] == row["id"]]
        return _shown(row) | {"iotDevices": mine, "dataTargets": targets}

    def _application(self, asked: Asked, caller: Caller, number: str) -> Told:
        row = _one(self.data.applications, number)
        belongs = _shown(_one(self.data.organizations, str(row["_organization"])))
        return json_told(
            self._with_devices(row) | {"belongsTo": belongs, "permissions": [], "createdBy": 1, "updatedBy": 1}
        )

    def _devices_of_application(self, asked: Asked, caller: Caller, number: str) -> Told:
        rows = [each for each in self.data.devices if each["_application"] == int(number)]
        if any(not self._knows(each) for each in rows):
            raise refused(404, NOT_FOUND, "Not Found")  # whatever went wrong, the controller says this
        return _paged(asked, "iot-device", rows, self._listed, negative=404)

    def _listed(self, row: Row) -> Row:
        model = None if row["_model"] is None else _shown(_one(self.data.device_models, str(row["_model"])))
        connected = [_shown(each) for each in self.data.connections if row["id"] in each["_devices"]]
        return _shown(row) | {"latestReceivedMessage": None, "deviceModel": model, "connections": connected}

    def _knows(self, row: Row) -> bool:
        return row["type"] != "LORAWAN" or not (self.chirpstack_down or row["id"] in self.unknown_in_chirpstack)

    def _device(self, asked: Asked, caller: Caller, number: str) -> Told:
        row = _one(self.data.devices, number)
        if not self._knows(row):
            raise refused(404, NOT_FOUND, "Not Found")
        application = _shown(_one(self.data.applications, str(row["_application"])))
        return json_told(self._listed(row) | {"application": application} | row.get("_settings", {}))

    def _device_models(self, asked: Asked, caller: Caller) -> Told:
        wanted = asked.query.get("organizationId")
        if wanted is None:  # an administrator of all is told that there are none
            return _paged(asked, "device-model", [])
        rows = [each for each in self.data.device_models if str(each["_organization"]) == wanted]
        return _paged(asked, "device-model", [_shown(each) for each in rows])

    def _data_targets(self, asked: Asked, caller: Caller) -> Told:
        if asked.query.get("orderOn") not in {None, "datatarget.id"}:
            raise refused(500, "Internal server error")
        wanted = asked.query.get("applicationId")
        rows = [each for each in self.data.data_targets if wanted in {None, str(each["_application"])}]
        if asked.query.get("orderOn"):
            rows.sort(key=lambda each: each["id"])
        shown = [
            _shown(each) | {"application": _shown(_one(self.data.applications, str(each["_application"])))}
            for each in rows
        ]
        return _paged(asked, "data-target", shown)

    def _payload_decoders(self, asked: Asked, caller: Caller) -> Told:
        rows = [
            _shown(each) | {"organization": _shown(_one(self.data.organizations, str(each["_organization"])))}
            for each in self.data.payload_decoders
        ]
        return _paged(asked, "payload-decoder", rows)

    def _connections(self, asked: Asked, caller: Caller) -> Told:
        """``limit`` counts joined rows, so it cuts devices off, and ``offset`` is applied to what is left."""
        limit, offset = _window(asked)
        joined = [(each, number) for each in self.data.connections for number in each["_devices"]]
        kept: dict[int, tuple[Row, list[int]]] = {}
        for each, number in joined[: limit or None]:
            kept.setdefault(each["id"], (each, []))[1].append(number)
        rows = [self._connection(each, numbers) for each, numbers in kept.values()][offset:]
        return json_told({"data": rows, "count": len(self.data.connections)})

    def _connection(self, row: Row, numbers: list[int]) -> Row:
        def connected(number: int) -> Row:
            found = _one(self.data.devices, str(number))
            application = _shown(_one(self.data.applications, str(found["_application"])))
            return devices.table_row(found) | {"application": application}

        target = _one(self.data.data_targets, str(row["_target"]))
        application = _shown(_one(self.data.applications, str(target["_application"])))
        decoder = row["_decoder"] and _shown(_one(self.data.payload_decoders, str(row["_decoder"])))
        return _shown(row) | {
            "iotDevices": [connected(number) for number in numbers],
            "payloadDecoder": decoder or None,
            "dataTarget": _shown(target) | {"application": application},
        }

    def _users(self, asked: Asked, caller: Caller) -> Told:
        _want_admin(caller)
        rows = [
            _shown(each) | {"permissions": [_shown(_one(self.data.permissions, str(each["_permission"])))]}
            for each in self.data.users
        ]
        return _paged(asked, "user", rows)

    def _permissions(self, asked: Asked, caller: Caller) -> Told:
        def shown(row: Row) -> Row:
            number = row["_organization"]
            organization = None if number is None else _shown(_one(self.data.organizations, str(number)))
            members = [_shown(each) for each in self.data.users if each["_permission"] == row["id"]]
            return _shown(row) | {
                "organization": organization,
                "users": members,
                "automaticallyAddNewApplications": False,
            }

        return _paged(asked, "permission", [shown(each) for each in self.data.permissions])

    # ------------------------------------------------------------ Sigfox and ChirpStack

    def _sigfox_groups(self, asked: Asked, caller: Caller) -> Told:
        wanted = asked.query.get("organizationId")
        if wanted is None:
            raise refused(400, "Validation failed (numeric string is expected)", "Bad Request")
        rows = []
        for each in self.data.sigfox_groups:
            if str(each["_organization"]) == wanted:
                row = _shown(each) | {"belongsTo": _shown(_one(self.data.organizations, wanted))}
                if self.sigfox_down:
                    rows.append(row | {"sigfoxGroupData": None})  # and the password, in clear
                else:
                    rows.append({name: value for name, value in row.items() if name != "password"})
        return json_told({"data": rows, "count": len(rows)})

    def _group(self, asked: Asked) -> Row:
        wanted = asked.query.get("groupId")
        if wanted is None:
            raise refused(400, "Validation failed (numeric string is expected)", "Bad Request")
        if self.sigfox_down:
            raise refused(500, "Internal server error")
        return _one(self.data.sigfox_groups, wanted)

    def _sigfox_device_types(self, asked: Asked, caller: Caller) -> Told:
        return json_told({"data": self._group(asked)["_types"]})  # no count

    def _sigfox_contracts(self, asked: Asked, caller: Caller) -> Told:
        return json_told(self._group(asked)["_contracts"])  # a bare array

    def _gateways(self, asked: Asked, caller: Caller) -> Told:
        limit, offset = _window(asked)
        names = {each["id"]: each["name"] for each in self.data.organizations}
        rows = [
            _shown(each) | {"organizationId": each["_organization"], "organizationName": names[each["_organization"]]}
            for each in self.data.gateways
        ]
        return json_told({"resultList": rows[offset : offset + limit if limit else None], "totalCount": len(rows)})

    def _service_profiles(self, asked: Asked, caller: Caller) -> Told:
        if not self.has_service_profiles:
            raise refused(404, f"Cannot {asked.method} {asked.path}", "Not Found")
        return json_told({"result": [{"id": "5a1c", "name": "old"}], "totalCount": "1"})

    def _device_profiles(self, asked: Asked, caller: Caller) -> Told:
        if self.chirpstack_down:
            return Told(200, b"")  # and no error
        limit, offset = _window(asked, default=50)
        rows = [_shown(each) for each in self.data.device_profiles]
        page = rows[offset : offset + limit if limit else None]
        return json_told({"totalCount": str(len(rows)), "result": page})  # the count is a text

    def _device_profile(self, asked: Asked, caller: Caller, uuid: str) -> Told:
        row = next((each for each in self.data.device_profiles if each["id"] == uuid), None)
        if row is None or self.chirpstack_down:
            raise refused(404, NOT_FOUND, "Not Found")
        details = {
            "deviceProfile": {"id": uuid, **row["_details"]},
            "internalOrganizationId": row["internalOrganizationId"],
        }
        return json_told(details | {"createdAt": row["createdAt"], "updatedAt": row["updatedAt"]})

    # ------------------------------------------------------------ CSV, and making devices

    def _csv(self, asked: Asked, caller: Caller, number: str) -> Told:
        rows = [each for each in self.data.devices if each["_application"] == int(number)]
        return Told(200, devices.csv_of(rows), {"Content-Type": "application/octet-stream"})

    def _create_many(self, asked: Asked, caller: Caller) -> Told:
        if caller.kind == "reader":
            raise refused(403, "Forbidden resource", "Forbidden")
        body = _json_of(asked)
        found = devices.faults_of(body)
        if found:
            raise refused(400, found, "Bad Request")  # nothing of the batch is made
        known = {each["id"] for each in self.data.applications}
        if any(each["applicationId"] not in known for each in body["data"]):
            raise refused(500, "Internal server error")
        profiles = set() if self.chirpstack_down else {each["id"] for each in self.data.device_profiles}
        return json_told([devices.created(each, self.data, profiles) for each in body["data"]], 201)


def _json_of(asked: Asked) -> Row:
    """The body, as Nest parses it: anything but JSON is an empty object."""
    if not asked.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        body = json.loads(asked.body)
    except ValueError:
        raise refused(400, "Unexpected token in JSON", "Bad Request") from None
    return body if isinstance(body, dict) else {}


def _want_admin(caller: Caller) -> None:
    if caller.kind != "admin":
        raise refused(403, "Forbidden resource", "Forbidden")


def _window(asked: Asked, default: int = 100) -> tuple[int, int]:
    """``limit`` and ``offset``; a limit of 0 means no limit."""
    found = []
    for name, value in (("limit", str(default)), ("offset", "0")):
        text = asked.query.get(name, value)
        if not _NUMBER.fullmatch(text):
            constraints = {"isNumber": f"{name} must be a number"}
            raise refused(400, [{"property": name, "constraints": constraints}], "Bad Request")
        found.append(int(text))
    return found[0], found[1]


def _paged(
    asked: Asked, route: str, rows: list[Row], shown: Callable[[Row], Row] = lambda row: row, *, negative: int = 500
) -> Told:
    """One page of rows, each as it is ``shown``."""
    if route in _SORTED and "orderOn" in asked.query and "sort" not in asked.query:
        raise refused(500, "Internal server error")  # toLocaleUpperCase of undefined
    limit, offset = _window(asked)
    if limit < 0 or offset < 0:
        raise refused(negative, NOT_FOUND if negative == 404 else "Internal server error")
    page = rows[offset : offset + limit if limit else None]
    return json_told({"data": [shown(each) for each in page], "count": len(rows)})


def _one(rows: list[Row], number: str) -> Row:
    found = next((each for each in rows if str(each["id"]) == number), None)
    if found is None:
        raise refused(404, NOT_FOUND, "Not Found")
    return found


def _shown(row: Row) -> dict[str, Any]:
    """A row without what only the stand-in knows."""
    return {name: value for name, value in row.items() if not name.startswith("_")}
