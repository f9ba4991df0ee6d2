"""A device as a row of OS2iot's CSV, which its bulk import takes (reference source-systems.md, A5).

OS2iot's own export writes the same columns and loses data: it quotes nothing, leaves the device model and everything of
ABP out, and is empty as soon as one device has no place. Here cells are quoted (RFC 4180), and those gaps are filled.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from waybill.domain.ledger import Gap, Outcome
from waybill.ports import SourceItem
from waybill.sources.os2iot.device_columns import ABP_COLUMNS, COLUMNS

_CERTIFICATES = ("caCertificate", "deviceCertificate", "deviceCertificateKey")
_SETTINGS = ("mqttInternalBrokerSettings", "mqttExternalBrokerSettings", "lorawanSettings")
_RECORD = msgspec.json.Decoder(dict[str, Any])
_LONGITUDE_LATITUDE = 2


def as_row(item: SourceItem, doctype: str) -> SourceItem:
    """Return a device's item with its row in place of its record: the columns' names to texts, numbers and booleans.

    A Sigfox device is a gap, left out on purpose: the import has no place for it, and gives up the whole file for it.
    """
    if item.line is None:
        return item
    record = _RECORD.decode(item.line)
    if record.get("type") == "SIGFOX":
        reason = "OS2iot's bulk import takes no Sigfox devices, and no file that has one. Other formats have it."
        return SourceItem(key=item.key, gap=_gap(doctype, item.id, "not_importable", reason), id=item.id)
    return SourceItem(item.key, msgspec.json.encode(row_of(record)), updated_at=item.updated_at, id=item.id)


def _gap(doctype: str, name: str, code: str, reason: str) -> Gap:
    return Gap(doctype=doctype, kind="record", id=name, outcome=Outcome.SKIPPED, code=code, reason=reason)


def row_of(record: Mapping[str, Any]) -> dict[str, object]:
    """Return the cells of a device that have something in them, in the order of the columns."""
    flat = dict(record)
    for settings in _SETTINGS:
        flat |= {name: value for name, value in (record.get(settings) or {}).items() if value is not None}
    flat["longitude"], flat["latitude"] = _place(record)
    flat["deviceModelId"] = (record.get("deviceModel") or {}).get("id")
    flat["devEUI"] = flat.get("devEUI") or record.get("deviceEUI")
    for name in _CERTIFICATES:
        flat[name] = base64.b64encode(str(flat[name]).encode()).decode() if flat.get(name) else None
    more = ABP_COLUMNS if flat.get("activationType") == "ABP" else ()
    return {name: flat[name] for name in (*COLUMNS, *more) if flat.get(name) is not None}


def _place(record: Mapping[str, Any]) -> tuple[object, object]:
    """Return longitude and latitude of a GeoJSON Point (RFC 7946, section 3.1.1), or nothing."""
    coordinates: Sequence[object] = (record.get("location") or {}).get("coordinates") or ()
    return (coordinates[0], coordinates[1]) if len(coordinates) >= _LONGITUDE_LATITUDE else (None, None)
