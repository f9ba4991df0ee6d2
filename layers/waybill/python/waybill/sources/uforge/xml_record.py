"""UForge's objects as records: XML in, values for JSON out (reference source-systems, B1 and B3).

| XML | JSON |
|---|---|
| an element with elements in it | object, named as they are |
| a list, ``<roles><role/>…</roles>`` | object with one array, ``{"role": […]}``, also if it has one element or none |
| a number, ``true`` or ``false``, in an element that the schema says has one | number, boolean |
| any other element | text, as it stands |
| ``xsi:type`` of an element, which says what kind of account it is | ``"@type"`` |

That is what UForge's own JSON looks like, which says nothing of kinds of accounts and is not used for that reason.
"""

import re
from xml.etree.ElementTree import Element

NAMESPACE = "http://www.usharesoft.com/uforge"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE = f"{{{_XSI}}}type"
_NIL = f"{{{_XSI}}}nil"

TYPE = "@type"

_LISTS = {
    "applianceExports": "applianceExport",
    "bootScripts": "bootScript",
    "btrfsStoragePools": "btrfsStoragePool",
    "btrfsSubvolumes": "btrfsSubvolume",
    "certificates": "certificate",
    "confMgmtPlatforms": "confMgmtPlatform",
    "disks": "disk",
    "entitlements": "entitlement",
    "groups": "group",
    "ipAddresses": "ipAddress",
    "logicalGroups": "logicalGroup",
    "logicalPartitions": "logicalPartition",
    "logicalVolumes": "logicalVolume",
    "mySoftwareList": "mySoftware",
    "nics": "nic",
    "partitions": "partition",
    "projects": "project",
    "publishGalleries": "gallery",
    "publishImages": "publishImage",
    "rankings": "ranking",
    "roles": "role",
    "sshKeys": "sshKey",
    "subCategories": "category",
    "subSoftwareArtifacts": "softwareArtifact",
    "subvolumes": "subvolume",
    "users": "user",
    "volumes": "volume",
}
"""Elements that hold nothing but a list, and the name of its elements (uforge.xsd 3.8.13)."""

_URIS = re.compile(r"\w+Uri(?:s|List)")
"""Elements of the type UriList are named so, and hold elements ``uri``."""

# fmt: off
_NUMBERS = frozenset((
    "apiKeysQuota", "bytesLoaded", "bytesTotal", "dbId", "diskSize", "distroId", "fileSize", "installedSize",
    "memorySize", "nb", "nbOSPackages", "nbSecurityUpdates", "nbUpdates", "order", "port", "proxyPort",
    "repoId", "size", "swapSize", "total",
))
_BOOLEANS = frozenset((
    "access", "active", "admin", "allowed", "cache", "cancelled", "complete", "deleted", "detailedError",
    "disablePasswordLogin", "downloaded", "enabled", "error", "extract", "firewallAuto", "firewallEnabled",
    "formatDependent", "generationEnabled", "imported", "inherited", "internetSettingsAuto", "keyboardAuto",
    "mbrBoot", "partitionAuto", "passwordAuto", "published", "restricted", "runSysprep", "secretsMissing",
    "shared", "skipLicenses", "timezoneAuto", "updateTools", "uploaded",
))
# fmt: on
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def record_of(element: Element) -> dict[str, object]:
    """Return an object of UForge's. One that holds only text is an object without fields."""
    fields: dict[str, object] = {}
    kind = element.get(_TYPE)
    if kind is not None:
        fields[TYPE] = kind.rpartition(":")[2]
    for child in element:
        name, value = _local(child.tag), _value(child)
        if name not in fields:
            fields[name] = value
        else:
            before = fields[name]
            fields[name] = [*before, value] if isinstance(before, list) else [before, value]
    return fields


def text_of(element: Element, path: str) -> str:
    """Return the text at a path of names below an element; an empty text if there is none."""
    for name in path.split("/"):
        found = element.find(name)
        if found is None:
            return ""
        element = found
    return (element.text or "").strip()


def is_true(element: Element, path: str) -> bool:
    """Whether the boolean at a path is true."""
    return _TRUTHS.get(text_of(element, path), False)


def number_of(element: Element, name: str) -> int | None:
    """Return the whole number in an element, None if there is none."""
    text = text_of(element, name)
    return int(text) if _INTEGER.fullmatch(text) else None


def _value(element: Element) -> object:
    name = _local(element.tag)
    inner = "uri" if _URIS.fullmatch(name) else _LISTS.get(name)
    if inner is not None and all(_local(child.tag) == inner for child in element) and not (element.text or "").strip():
        return {inner: [_value(child) for child in element]}
    if len(element) or element.get(_TYPE) is not None:
        return record_of(element)
    text = element.text or ""
    if element.get(_NIL) == "true":
        return None
    if name in _BOOLEANS and text in _TRUTHS:
        return _TRUTHS[text]
    if name in _NUMBERS and _INTEGER.fullmatch(text):
        return int(text)
    return text


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
