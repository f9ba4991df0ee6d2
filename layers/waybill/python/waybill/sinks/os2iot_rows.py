"""Devices as ``createMany`` takes them, from rows of OS2iot's CSV or from exported records, and what is wrong in them.

Rows are mapped as OS2iot's own bulk import does it (reference source-systems.md, A5), but for two things: a device
without a place gets none, where that one puts it to 0, 0; and a Sigfox device is refused by name, where that one gives
up the file.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

TYPES = ("GENERIC_HTTP", "LORAWAN", "MQTT_INTERNAL_BROKER", "MQTT_EXTERNAL_BROKER", "SIGFOX")
MOST_NAME = 50
MOST_COMMENT = 1024

_LORAWAN = ("devEUI", "deviceProfileID", "activationType", "OTAAapplicationKey")
_ABP = ("devAddr", "networkSessionKey", "applicationSessionKey")
_COUNTERS = ("fCntUp", "nFCntDown")
_SIGN_IN = ("authenticationType", "mqttusername", "mqttpassword")
_BROKER = ("mqttURL", "mqtttopicname")
_CERTIFICATES = ("caCertificate", "deviceCertificate", "deviceCertificateKey")
_SIGFOX = ("deviceId", "deviceTypeId", "groupId")
_EXTERNAL = (*_BROKER, "mqttPort", *_SIGN_IN, *_CERTIFICATES)
_EUI = re.compile(r"[0-9A-Fa-f]{16}")
_BROKER_URL = re.compile(r"mqtts?://\S+")
_PEM = re.compile(r"-----[\s\S]*-----\s?")
_MOST_PORT = 65_535


class BadRow(ValueError):
    """A row that is no device. The message is a sentence and holds nothing of the row but names of columns."""


def device_of_row(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the device of a row of the CSV. ``id`` and ``apiKey`` are not taken: both are made anew. Raises BadRow."""
    kind = cells.get("type", "").upper()
    device: dict[str, Any] = {"name": cells.get("name", ""), "type": kind}
    for name in ("commentOnLocation", "comment"):
        if cells.get(name):
            device[name] = cells[name]
    for name in ("longitude", "latitude"):
        if cells.get(name):
            device[name] = _number(cells, name)
    if cells.get("deviceModelId"):
        device["deviceModelId"] = _whole(cells, "deviceModelId")
    settings = _SETTINGS_OF_ROW.get(kind)
    if settings is not None:
        name, made = settings
        device[name] = made(cells)
    if kind == "SIGFOX":
        raise BadRow("It is a Sigfox device, and the CSV has nothing of Sigfox. Import the exported records instead.")
    return device


def device_of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the device of an exported record. Its id, its keys for HTTP and what it received are not taken."""
    kind = record.get("type")
    device: dict[str, Any] = {"name": record.get("name"), "type": kind}
    for name in ("commentOnLocation", "comment", "metadata"):
        if record.get(name):
            device[name] = record[name]
    coordinates = (record.get("location") or {}).get("coordinates")
    if coordinates:
        device["longitude"], device["latitude"] = coordinates[:2]
    if record.get("deviceModel"):
        device["deviceModelId"] = record["deviceModel"].get("id")
    if kind == "SIGFOX":
        device["sigfoxSettings"] = {**_some(record, _SIGFOX), "connectToExistingDeviceInBackend": True}
    elif kind == "LORAWAN":
        device["lorawanSettings"] = {
            name: value for name, value in (record.get("lorawanSettings") or {}).items() if value is not None
        }
    elif kind == "MQTT_INTERNAL_BROKER":
        device["mqttInternalBrokerSettings"] = _some(record.get("mqttInternalBrokerSettings") or record, _SIGN_IN)
    elif kind == "MQTT_EXTERNAL_BROKER":
        device["mqttExternalBrokerSettings"] = _some(record.get("mqttExternalBrokerSettings") or record, _EXTERNAL)
    return device


def problem_of(device: Mapping[str, Any]) -> str:
    """Return what OS2iot would not take of a device, and so refuse its whole batch for; empty if nothing is known."""
    for check in _CHECKS:
        found = check(device)
        if found:
            return found
    return ""


def _lorawan_of_row(cells: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {name: cells[name] for name in _LORAWAN if cells.get(name)}
    settings["activationType"] = settings.get("activationType", "").upper()
    settings["skipFCntCheck"] = cells.get("skipFCntCheck", "").upper() == "TRUE"
    settings |= {name: cells[name] for name in _ABP if cells.get(name)}
    settings |= {name: _whole(cells, name) for name in _COUNTERS if cells.get(name)}
    return settings


def _internal_of_row(cells: Mapping[str, str]) -> dict[str, Any]:
    return {name: cells[name] for name in _SIGN_IN if cells.get(name)}


def _external_of_row(cells: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {name: cells[name] for name in (*_BROKER, *_SIGN_IN) if cells.get(name)}
    if cells.get("mqttPort"):
        settings["mqttPort"] = _whole(cells, "mqttPort")
    for name in _CERTIFICATES:
        if cells.get(name):
            try:
                settings[name] = base64.b64decode(cells[name], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise BadRow(f"The column {name} is not base64.") from None
    return settings


_SETTINGS_OF_ROW: Mapping[str, tuple[str, Callable[[Mapping[str, str]], dict[str, Any]]]] = {
    "LORAWAN": ("lorawanSettings", _lorawan_of_row),
    "MQTT_INTERNAL_BROKER": ("mqttInternalBrokerSettings", _internal_of_row),
    "MQTT_EXTERNAL_BROKER": ("mqttExternalBrokerSettings", _external_of_row),
}


def _some(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


def _number(cells: Mapping[str, str], name: str) -> float:
    try:
        return float(cells[name])
    except ValueError:
        raise BadRow(f"The column {name} is no number.") from None


def _whole(cells: Mapping[str, str], name: str) -> int:
    text = cells[name].strip()
    if not text.isascii() or not text.isdigit():
        raise BadRow(f"The column {name} is no whole number.")
    return int(text)


def _basics(device: Mapping[str, Any]) -> str:
    name, kind = device.get("name"), device.get("type")
    if not isinstance(name, str) or not 1 <= len(name) <= MOST_NAME:
        return f"name must have 1 to {MOST_NAME} characters."
    return "" if kind in TYPES else f"type must be one of {', '.join(TYPES)}."


def _texts(device: Mapping[str, Any]) -> str:
    for name in ("comment", "commentOnLocation"):
        value = device.get(name, "")
        if not isinstance(value, str) or len(value) > MOST_COMMENT:
            return f"{name} must be a text of at most {MOST_COMMENT} characters."
    return ""


def _position(device: Mapping[str, Any]) -> str:
    for name, most in (("longitude", 180), ("latitude", 90)):
        value = device.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            return f"{name} must be a number from -{most} to {most}."
    return ""


def _lorawan(device: Mapping[str, Any]) -> str:
    if device.get("type") != "LORAWAN":
        return ""
    settings = device.get("lorawanSettings") or {}
    if not _EUI.fullmatch(str(settings.get("devEUI"))):
        return "devEUI must be 16 hexadecimal digits."
    if not settings.get("deviceProfileID"):
        return "deviceProfileID is missing."
    kind = settings.get("activationType")
    if kind not in {"NONE", "OTAA", "ABP"}:
        return "activationType must be NONE, OTAA or ABP."
    wanted = {"OTAA": ("OTAAapplicationKey",), "ABP": _ABP}.get(str(kind), ())
    missing = [name for name in wanted if not settings.get(name)]
    return f"{missing[0]} is missing. Export with include_secrets to have it." if missing else ""


def _brokers(device: Mapping[str, Any]) -> str:
    kind = str(device.get("type"))
    if kind not in {"MQTT_INTERNAL_BROKER", "MQTT_EXTERNAL_BROKER"}:
        return ""
    internal = kind == "MQTT_INTERNAL_BROKER"
    settings = device.get("mqttInternalBrokerSettings" if internal else "mqttExternalBrokerSettings") or {}
    if settings.get("authenticationType") not in {"PASSWORD", "CERTIFICATE"}:
        return "authenticationType must be PASSWORD or CERTIFICATE."
    missing = [name for name in ("mqttusername", "mqttpassword") if not settings.get(name)]
    if missing:
        return f"{missing[0]} is missing. Export with include_secrets to have it."
    return "" if internal else _external(settings)


def _external(settings: Mapping[str, Any]) -> str:
    if not _BROKER_URL.match(str(settings.get("mqttURL"))):
        return "mqttURL must begin with mqtt:// or mqtts://."
    port = settings.get("mqttPort")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _MOST_PORT:
        return f"mqttPort must be a whole number from 0 to {_MOST_PORT}."
    if not isinstance(settings.get("mqtttopicname"), str):
        return "mqtttopicname is missing."
    bad = [name for name in _CERTIFICATES if not _PEM.fullmatch(str(settings.get(name)))]
    return f"{bad[0]} must be a text in PEM." if bad else ""


_CHECKS = (_basics, _texts, _position, _lorawan, _brokers)
