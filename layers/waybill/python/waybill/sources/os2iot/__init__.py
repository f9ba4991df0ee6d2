"""OS2iot, by its REST API: everything that its exit strategy names (seed 000; reference source-systems.md, part A).

Secrets are left out by name wherever they stand, because the API puts records into records: a connection has its
devices in it, an application its data targets.
"""

from collections.abc import Callable

from waybill.domain.catalog import Doctype, SystemSource
from waybill.ports import Source
from waybill.sources.os2iot.device_columns import COLUMNS
from waybill.sources.system import Collection, System, Tools

SECRETS = tuple(
    f"**.{name}"
    for name in (
        "OTAAapplicationKey",
        "apiKey",
        "applicationSessionKey",
        "authorizationHeader",
        "clientSecret",
        "deviceCertificateKey",
        "mqttPassword",
        "mqttpassword",
        "mqttpasswordhash",
        "networkSessionKey",
        "password",
        "passwordHash",
    )
)
"""What the reference (A4, A6) names: it stands in clear in answers, or as a hash or cipher that is worth guessing."""

_NAMES = (
    "organizations",
    "applications",
    "device-models",
    "data-targets",
    "payload-decoders",
    "connections",
    "users",
    "permissions",
    "sigfox-groups",
    "sigfox-device-types",
    "sigfox-contracts",
    "gateways",
    "service-profiles",
    "device-profiles",
)


def _opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    from waybill.sources.os2iot.source import opened  # noqa: PLC0415 - who reads the catalog needs none of it

    return opened(source, tools)


OS2IOT = System(
    "OS2iot",
    {name: Collection(leave_out=SECRETS) for name in _NAMES}
    | {"iot-devices": Collection(leave_out=SECRETS, columns=COLUMNS)},
    _opened,
)
