"""XML as UForge writes it: the root in its namespace, all below without one and in the order of the schema (B1, B3)."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

NAMESPACE = "http://www.usharesoft.com/uforge"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
TYPE = "@type"

_BASE = ("created", "dbId", "digest", "lastModified")
_ACCOUNT = (*_BASE, "name", "parentUri", "uri", "targetPlatform", "secretsMissing")

# fmt: off
ORDER: Mapping[str, Sequence[str]] = {
    "user": (
        *_BASE, "loginName", "active", "company", "email", "firstName", "surname", "jobTitle", "photo", "website",
        "address", "admin", "apiKeysQuota", "applianceUris", "creationCode", "lang", "mobilePhone", "name",
        "orgUris", "password", "roles", "sshKeys", "uri",
    ),
    "role": (*_BASE, "name", "description", "entitlements"),
    "entitlement": (*_BASE, "name"),
    "sshKey": (*_BASE, "name", "publicKey", "uri"),
    "appliance": (
        *_BASE, "uuid", "archName", "bootScriptUris", "description", "distributionName", "distributionUri",
        "exportsUri", "imported", "installedSize", "installProfile", "mySoftwareUris", "name", "nbSecurityUpdates",
        "nbUpdates", "orgUri", "revision", "shared", "size", "tag", "uri", "version",
    ),
    "installProfile": (*_BASE, "diskSize", "rootUser", "timezone"),
    "rootUser": (*_BASE, "name", "password", "passwordAuto"),
    "mySoftware": (
        *_BASE, "tag", "name", "version", "description", "restricted", "installedSize", "size", "revision", "uri",
        "exportUri", "maintainer", "website", "imported", "generationEnabled",
    ),
    "CredAccountAws": (
        *_ACCOUNT, "certificates", "accessKeyId", "accountNumber", "keyPairName", "secretAccessKeyId",
    ),
    "CredAccountOpenStack": (*_ACCOUNT, "glanceUrl", "keystoneUrl", "login", "password", "keystoneVersion"),
    "CredAccountAzure": (*_ACCOUNT, "tenantId", "subscriptionId", "applicationId", "applicationKey"),
    "certificate": (*_BASE, "content", "name", "type"),
    "targetPlatform": (*_BASE, "name", "type"),
    "applianceExport": (
        *_BASE, "applianceName", "applianceVersion", "downloadUri", "downloaded", "location", "parentUri", "status",
        "uri",
    ),
    "softwareBundleExport": (
        *_BASE, "bundleName", "bundleVersion", "downloadUri", "location", "parentUri", "status", "uri",
    ),
    "status": (
        *_BASE, "bytesLoaded", "bytesTotal", "cancelled", "complete", "detailedError", "detailedErrorMsg", "error",
        "errorMessage", "eta", "message", "parentUri", "percentage", "published", "totalTime", "uri",
    ),
    "uforgeError": ("localizedErrorMsg", "requestMethod", "requestUri", "statusCode", "timestamp"),
    "localizedErrorMsg": ("message", "messageId", "parameters"),
}
# fmt: on

Fields = Mapping[str, object]


def document(name: str, fields: Fields) -> bytes:
    """Return a document with an object as its root."""
    return _with_root(name, _inner(name, fields))


def listing(name: str, element: str, total: int, rows: Sequence[Fields]) -> bytes:
    """Return a document with a list as its root: the total, and the list inside an element of the same name."""
    inner = "".join(_element(element, row) for row in rows)
    return _with_root(name, f"<total>{total}</total><{name}>{inner}</{name}>")


def _with_root(name: str, inner: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f'{head}<ns2:{name} xmlns:ns2="{NAMESPACE}" xmlns:xsi="{XSI}">{inner}</ns2:{name}>'.encode()


def _element(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        kind = value.get(TYPE)
        attribute = f' xsi:type="ns2:{kind}"' if kind else ""
        return f"<{name}{attribute}>{_inner(str(kind or name), value)}</{name}>"
    if isinstance(value, tuple):  # the name of a list's elements, and the elements
        element, rows = value
        return f"<{name}>{''.join(_element(element, row) for row in rows)}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"


def _inner(kind: str, fields: Fields) -> str:
    unknown = set(fields) - {TYPE, *ORDER[kind]}
    assert not unknown, f"{kind} has no {unknown}"
    return "".join(_element(name, fields[name]) for name in ORDER[kind] if name in fields)
