"""Devices of the stand-in: their CSV, and how createMany takes them (reference source-systems.md, A5)."""

import base64
import re
from typing import Any

from tests.systems.os2iot.data import Data, Row, base

HEADER = (
    "name,id,type,latitude,longitude,commentOnLocation,comment,deviceModelId,apiKey,mqttURL,mqttPort,mqtttopicname,"
    "authenticationType,mqttusername,mqttpassword,caCertificate,deviceCertificate,deviceCertificateKey,devEUI,"
    "deviceProfileID,skipFCntCheck,activationType,OTAAapplicationKey"
)
TYPES = ("GENERIC_HTTP", "LORAWAN", "MQTT_INTERNAL_BROKER", "MQTT_EXTERNAL_BROKER", "SIGFOX")
_CERTIFICATES = ("caCertificate", "deviceCertificate", "deviceCertificateKey")
_MOST = 50


def table_row(row: Row) -> Row:
    """A device inside another record: its own columns, without what ChirpStack knows."""
    return {name: value for name, value in row.items() if not name.startswith("_") and name != "lorawanSettings"}


def csv_of(rows: list[Row]) -> bytes:
    """OS2iot's own CSV: nothing is quoted, and any error makes it 0 bytes with status 200."""
    lines = [HEADER]
    for row in rows:
        if row["location"] is None:
            return b""
        cells = {name: row.get(name) for name in HEADER.split(",")} | row.get("lorawanSettings", {})
        for settings in row.get("_settings", {}).values():
            cells |= settings
        cells["longitude"], cells["latitude"] = row["location"]["coordinates"]
        cells["deviceModelId"] = None  # always: the relation is not loaded
        for name in _CERTIFICATES:
            cells[name] = base64.b64encode((cells[name] or "").encode()).decode()
        lines.append(",".join(_cell(cells.get(name)) for name in HEADER.split(",")))
    return ("\n".join(lines) + "\n").encode()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def faults_of(body: Row) -> list[Row]:
    """What class-validator finds wrong with CreateIoTDeviceBatchDto; the whole batch is refused for it."""
    rows = body.get("data")
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST:
        return [
            {"property": "data", "children": [], "constraints": {"arrayMaxSize": "data must contain 1 to 50 elements"}}
        ]
    faults = []
    for number, row in enumerate(rows):
        wrong = _wrong(row)
        if wrong:
            children = [{"property": name, "constraints": {"check": text}} for name, text in wrong.items()]
            faults.append({"property": "data", "children": [{"property": str(number), "children": children}]})
    return faults


def _wrong(row: Any) -> dict[str, str]:
    if not isinstance(row, dict):
        return {"": "must be an object"}
    checks = {
        "name": isinstance(row.get("name"), str) and 1 <= len(row["name"]) <= 50,
        "type": row.get("type") in TYPES,
        "applicationId": _number(row.get("applicationId"), 1, 2**31),
        "longitude": "longitude" not in row or _number(row["longitude"], -180, 180),
        "latitude": "latitude" not in row or _number(row["latitude"], -90, 90),
        "comment": _short(row.get("comment")),
        "commentOnLocation": _short(row.get("commentOnLocation")),
        "deviceModelId": row.get("deviceModelId") is None or _number(row["deviceModelId"], 0, 2**31),
        "lorawanSettings": row.get("type") != "LORAWAN" or _lorawan(row.get("lorawanSettings")),
        "mqttExternalBrokerSettings": row.get("type") != "MQTT_EXTERNAL_BROKER"
        or _external(row.get("mqttExternalBrokerSettings")),
        "mqttInternalBrokerSettings": row.get("type") != "MQTT_INTERNAL_BROKER"
        or _signs_in(row.get("mqttInternalBrokerSettings")),
    }
    return {name: f"{name} is not as it must be" for name, good in checks.items() if not good}


def _number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _short(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 1024)


def _lorawan(settings: Any) -> bool:
    return (
        isinstance(settings, dict)
        and bool(re.fullmatch(r"[0-9A-Fa-f]{16}", str(settings.get("devEUI"))))
        and isinstance(settings.get("deviceProfileID"), str)
        and settings.get("activationType") in {"NONE", "OTAA", "ABP"}
    )


def _signs_in(settings: Any) -> bool:
    wanted = ("mqttusername", "mqttpassword")
    return (
        isinstance(settings, dict)
        and settings.get("authenticationType") in {"PASSWORD", "CERTIFICATE"}
        and all(isinstance(settings.get(name), str) and settings[name] for name in wanted)
    )


def _external(settings: Any) -> bool:
    return (
        _signs_in(settings)
        and bool(re.match(r"mqtts?://\S+", str(settings.get("mqttURL"))))
        and _number(settings.get("mqttPort"), 0, 65535)
        and isinstance(settings.get("mqtttopicname"), str)
        and all(str(settings.get(name, "")).startswith("-----") for name in _CERTIFICATES)
    )


def created(row: Row, data: Data, profiles: set[str]) -> Row:
    """Make one device; return its place in the answer."""
    meta = {"name": row["name"], "applicationId": row["applicationId"]}
    refusal = _refusal(row, data, profiles)
    if refusal:
        return {"idMetadata": meta, "error": {"message": refusal}}
    made = _made(row, max((each["id"] for each in data.devices), default=1) + 1)
    data.devices.append(made)
    return {"data": table_row(made), "idMetadata": meta}


def _refusal(row: Row, data: Data, profiles: set[str]) -> str:
    models = {each["id"] for each in data.device_models}
    if row.get("deviceModelId") and row["deviceModelId"] not in models:
        return "MESSAGE.DEVICE-MODEL-DOES-NOT-EXIST"
    if row["type"] != "LORAWAN":
        return ""
    if row["lorawanSettings"]["deviceProfileID"] not in profiles:
        return "Could not get device profile"
    known = {str(each.get("deviceEUI")).upper() for each in data.devices}
    return "MESSAGE.ID-INVALID-OR-ALREADY-IN-USE" if row["lorawanSettings"]["devEUI"].upper() in known else ""


def _made(row: Row, number: int) -> Row:
    location = None
    if "longitude" in row or "latitude" in row:
        location = {"type": "Point", "coordinates": [row.get("longitude", 0), row.get("latitude", 0)]}
    made = {
        **base(number),
        "name": row["name"],
        "type": row["type"],
        "location": location,
        "commentOnLocation": row.get("commentOnLocation"),
        "comment": row.get("comment"),
        "metadata": row.get("metadata"),
        "_application": row["applicationId"],
        "_model": row.get("deviceModelId") or None,
    }
    if row["type"] == "GENERIC_HTTP":
        made["apiKey"] = f"SECRETapi{number}"
    if "lorawanSettings" in row:
        made |= {"lorawanSettings": row["lorawanSettings"], "deviceEUI": row["lorawanSettings"]["devEUI"]}
    if row["type"] == "MQTT_INTERNAL_BROKER":  # OS2iot's own broker says where it is
        made |= {"mqttURL": "mqtts://os2iot.example", "mqttPort": 8884, "mqtttopicname": f"devices/{number}"}
    for name in ("mqttInternalBrokerSettings", "mqttExternalBrokerSettings"):
        if name in row:
            made |= row[name] | {"_settings": {name: row[name]}}
    return made
