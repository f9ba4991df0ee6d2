"""UForge AppCenter: one person's profile, appliances, software and cloud accounts, as seed 001 asks for.

Every appliance and every bundle of software comes with the archive that UForge makes of it. Facts are in the reference
source-systems, part B.

Passwords, keys and tokens are left out by name, wherever they stand: an appliance has the accounts of its machine in
it, a profile licenses. What is inside an archive is as UForge made it.
"""

from collections.abc import Callable

from waybill.domain.catalog import Doctype, SystemSource
from waybill.ports import Source
from waybill.sources.system import Collection, System, Tools

SECRETS = (
    "certificates.certificate.content",
    *(
        f"**.{name}"
        for name in (
            "activationKey",
            "applicationKey",
            "downloadKey",
            "licenseKey",
            "password",
            "secretAccessKeyId",
            "secretApiKey",
            "token",
            "userPassword",
        )
    ),
)
"""What the kinds of cloud accounts sign in with (B3), and what else in a person's objects opens something."""


def _opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    from waybill.sources.uforge.source import opened  # noqa: PLC0415 - who reads the catalog needs none of it

    return opened(source, tools)


UFORGE = System(
    "UForge",
    {
        "profile": Collection(leave_out=SECRETS),
        "appliances": Collection(leave_out=SECRETS, has_files=True),
        "mysoftware": Collection(leave_out=SECRETS, has_files=True),
        "accounts": Collection(leave_out=SECRETS),
    },
    _opened,
)
