"""What the stand-in holds: made up, and the same every time.

Everything that is secret begins with SECRET, so that a test can look for it where it must not be.
"""

from dataclasses import dataclass, field
from typing import Any

SECRET = "SECRET"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRET}key\n-----END PRIVATE KEY-----\n"
PROFILE = "3f2c8b1e-6f5d-4f3a-9d0e-0a1b2c3d4e5f"
OTHER_PROFILE = "0b9a7c56-1111-4222-8333-944455566677"

Row = dict[str, Any]


def moment(number: int) -> str:
    """A moment as OS2iot writes it."""
    return f"2024-0{1 + number % 9}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00.000Z"


def base(number: int) -> Row:
    return {"id": number, "createdAt": moment(number), "updatedAt": moment(number + 1)}


@dataclass
class Data:
    """The tables of a backend."""

    organizations: list[Row] = field(default_factory=list)
    applications: list[Row] = field(default_factory=list)
    device_models: list[Row] = field(default_factory=list)
    devices: list[Row] = field(default_factory=list)
    data_targets: list[Row] = field(default_factory=list)
    payload_decoders: list[Row] = field(default_factory=list)
    connections: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    permissions: list[Row] = field(default_factory=list)
    sigfox_groups: list[Row] = field(default_factory=list)
    gateways: list[Row] = field(default_factory=list)
    device_profiles: list[Row] = field(default_factory=list)


def device(number: int, application: int, kind: str = "GENERIC_HTTP", **more: Any) -> Row:
    """A device as its table has it. ``_settings`` are what ``GET /iot-device/{id}`` shows besides."""
    return {
        **base(number),
        "name": f"device {number}",
        "type": kind,
        "location": {"type": "Point", "coordinates": [10.2 + number / 1000, 56.1]},
        "commentOnLocation": "",
        "comment": "",
        "metadata": None,
        "_application": application,
        "_model": None,
        **more,
    }


def http_device(number: int, application: int, **more: Any) -> Row:
    return device(number, application, apiKey=f"{SECRET}api{number}", **more)


def lorawan(number: int, application: int, activation: str = "OTAA", **more: Any) -> Row:
    eui = f"{number:016X}"
    settings: Row = {
        "activationType": activation,
        "devEUI": eui,
        "deviceProfileID": PROFILE,
        "skipFCntCheck": number % 2 == 0,
        "isDisabled": False,
        "OTAAapplicationKey": f"{SECRET}ota{number}" if activation == "OTAA" else None,
    }
    if activation == "ABP":
        settings |= {
            "devAddr": f"{number:08X}",
            "fCntUp": number,
            "nFCntDown": number + 1,
            "networkSessionKey": f"{SECRET}net{number}",
            "applicationSessionKey": f"{SECRET}app{number}",
        }
    return device(
        number,
        application,
        "LORAWAN",
        deviceEUI=eui,
        OTAAapplicationKey=settings["OTAAapplicationKey"],
        deviceProfileName="profile",
        chirpstackApplicationId="7",
        lorawanSettings=settings,
        **more,
    )


def mqtt_internal(number: int, application: int) -> Row:
    return device(
        number,
        application,
        "MQTT_INTERNAL_BROKER",
        authenticationType="PASSWORD",
        mqttusername="user",
        mqttpassword="U2FsdGVkX1" + f"{number:020}",
        mqttURL="mqtts://os2iot.example",
        mqttPort=8884,
        mqtttopicname=f"devices/{number}",
        invalidMqttConfig=False,
        _settings={
            "mqttInternalBrokerSettings": {
                "authenticationType": "PASSWORD",
                "mqttusername": "user",
                "mqttpassword": f"{SECRET}mqtt{number}",
            }
        },
    )


def mqtt_external(number: int, application: int) -> Row:
    certificates = {"caCertificate": CERTIFICATE, "deviceCertificate": CERTIFICATE, "deviceCertificateKey": KEY}
    settings = {
        "mqttURL": "mqtts://broker.example",
        "mqttPort": 8883,
        "mqtttopicname": "all, of/them",
        "authenticationType": "CERTIFICATE",
        "mqttusername": "user",
        "mqttpassword": f"{SECRET}mqtt{number}",
        **certificates,
    }
    shown = settings | {"mqttpassword": "U2FsdGVkX1" + f"{number:020}", "invalidMqttConfig": False}
    return device(
        number, application, "MQTT_EXTERNAL_BROKER", **shown, _settings={"mqttExternalBrokerSettings": settings}
    )


def sigfox(number: int, application: int) -> Row:
    more = {"deviceId": f"{number:X}", "deviceTypeId": "5d7b", "groupId": 1, "downlinkPayload": None}
    return device(number, application, "SIGFOX", **more)


def made_up(*, devices: int = 230) -> Data:
    """A city with three organizations. Application 1 has ``devices`` devices, others one of each kind, or none."""
    data = Data()
    for number in (1, 2, 3):
        name = ("Aarhus", "Værløse", "Empty")[number - 1]
        data.organizations.append({**base(number), "name": name, "openDataDkRegistered": False})
    for number, organization in ((1, 1), (2, 1), (3, 2), (4, 2)):
        data.applications.append(_application(number, organization))
    for number, organization in ((1, 1), (2, 1), (3, 2)):
        data.device_models.append({**base(number), "body": {"name": f"model {number}"}, "_organization": organization})
    data.devices += [http_device(number, 1) for number in range(2, devices + 2)]
    first = devices + 2
    odd = {"comment": 'a, b\nand "c"', "commentOnLocation": "=1+1; æøå", "metadata": '{"color":"red"}', "_model": 1}
    data.devices += [
        http_device(first, 2, **odd),
        lorawan(first + 1, 2),
        lorawan(first + 2, 2, "ABP"),
        mqtt_internal(first + 3, 2),
        mqtt_external(first + 4, 3),
        sigfox(first + 5, 3),
        http_device(first + 6, 3, location=None),
    ]
    for number, application in ((3, 1), (1, 1), (2, 2), (4, 3)):
        data.data_targets.append(_target(number, application))
    data.payload_decoders += [
        {**base(number), "name": f"decoder {number}", "decodingFunction": f'(x) => "{number}"', "_organization": 1}
        for number in (1, 2)
    ]
    data.connections += [
        {**base(1), "_devices": [2, 3, 4], "_decoder": 1, "_target": 1},
        {**base(2), "_devices": [5, 6, 7], "_decoder": None, "_target": 3},
        {**base(3), "_devices": [2, 5, 6], "_decoder": 2, "_target": 1},
        {**base(4), "_devices": [first + 2], "_decoder": 2, "_target": 2},
    ]
    data.permissions += [
        {
            **base(1),
            "name": "GlobalAdmin",
            "_organization": None,
            "type": [{"type": "GlobalAdmin"}],
            "applicationIds": [],
        },
        {**base(2), "name": "Readers", "_organization": 1, "type": [{"type": "Read"}], "applicationIds": [1, 2]},
    ]
    data.users += [_user(1, "global-admin@os2iot.dk", 1), _user(2, "reader@os2iot.dk", 2)]
    data.sigfox_groups.append(
        {
            **base(1),
            "username": "sigfoxuser",
            "password": f"{SECRET}sigfox",
            "sigfoxGroupId": "5e3a",
            "_organization": 1,
            "sigfoxGroupData": {"id": "5e3a", "name": "City", "type": 2},
            "_types": [{"id": "5d7b", "name": "button"}, {"id": "5d7a", "name": "bin"}],
            "_contracts": [{"id": "c1", "name": "contract", "maxTokens": 5}],
        }
    )
    data.gateways += [_gateway(number, organization) for number, organization in ((2, 1), (1, 2))]
    data.device_profiles += [_profile(PROFILE, "profile", 1), _profile(OTHER_PROFILE, "other", 2)]
    return data


def _application(number: int, organization: int) -> Row:
    return {
        **base(number),
        "name": f"application {number}",
        "description": "",
        "status": "IN-OPERATION",
        "startDate": None,
        "endDate": None,
        "category": None,
        "owner": None,
        "contactPerson": "Ann",
        "contactEmail": "ann@city.example",
        "contactPhone": None,
        "personalData": False,
        "hardware": None,
        "chirpstackId": None,
        "permissionIds": [2],
        "controlledProperties": [],
        "deviceTypes": [],
        "_organization": organization,
    }


def _target(number: int, application: int) -> Row:
    shared = {**base(number), "name": f"target {number}", "_application": application}
    if number % 2:
        header = {"authorizationHeader": f"Bearer {SECRET}target{number}"}
        return shared | {"type": "HTTP_PUSH", "url": "https://sink.example", "timeout": 30000, **header}
    mqtt = {
        "mqttPort": 8883,
        "mqttTopic": "t",
        "mqttQos": 1,
        "mqttUsername": "u",
        "mqttPassword": f"{SECRET}target{number}",
    }
    return shared | {"type": "MQTT", "url": "mqtts://sink.example", "timeout": 0, **mqtt}


def _user(number: int, email: str, permission: int) -> Row:
    return {
        **base(number),
        "name": email.partition("@")[0],
        "email": email,
        "active": True,
        "lastLogin": None,
        "nameId": None,
        "awaitingConfirmation": False,
        "isSystemUser": False,
        "showWelcomeScreen": False,
        "_permission": permission,
    }


def _gateway(number: int, organization: int) -> Row:
    return {
        **base(number),
        "gatewayId": f"{number:016x}",
        "name": f"gateway {number}",
        "description": None,
        "tags": {},
        "location": {"latitude": 56.1, "longitude": 10.2, "altitude": "20"},
        "altitude": "20",
        "rxPacketsReceived": 5,
        "txPacketsEmitted": 1,
        "lastSeenAt": moment(number),
        "_organization": organization,
    }


def _profile(uuid: str, name: str, organization: int) -> Row:
    return {
        "id": uuid,
        "name": name,
        "createdAt": moment(1),
        "updatedAt": moment(2),
        "internalOrganizationId": organization,
        "createdBy": 1,
        "updatedBy": 1,
        "_details": {
            "name": name,
            "macVersion": 3,
            "regParamsRevision": 1,
            "adrAlgorithmID": "default",
            "rfRegion": "EU868",
        },
    }
