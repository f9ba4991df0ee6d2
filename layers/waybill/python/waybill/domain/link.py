"""Capability links: whoever has one reads the state and the parts of one export, without a token, until it ends.

Cozy's importer sends no token (reference cozy-move, section 4), so the link alone must say which export it is for and
prove that Waybill made it. It is base64url without padding of

- when it ends, Unix seconds, 8 bytes, big endian,
- the export's id, 16 bytes,
- HMAC-SHA256 (RFC 2104) over a label and both, 32 bytes, with a secret that only this export has.

The tenant is not in it. Without the secret no link can be made or checked: an export that forgets its secret has none.
"""

import base64
import hmac
import math
import re
import secrets
from datetime import datetime

from waybill.domain.errors import ExportNotFound

SECRET_BYTES = 32

_LABEL = b"waybill export link\0"
_EXPIRY_BYTES = 8
_ID_BYTES = 16
_FORM = re.compile(r"[A-Za-z0-9_-]{75}")
"""The 56 bytes of a link in base64."""


def new_secret() -> bytes:
    """Return a secret for one export."""
    return secrets.token_bytes(SECRET_BYTES)


def make_link(export_id: str, expires_at: datetime, secret: bytes) -> str:
    """Return an export's link, 75 characters that need no escaping in a URL.

    It ends at ``expires_at``, rounded up to a whole second. Same input, same link. Raises ValueError for a secret that
    is none.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError("A link needs the export's own secret.")
    claim = math.ceil(expires_at.timestamp()).to_bytes(_EXPIRY_BYTES, "big") + bytes.fromhex(export_id)
    mac = hmac.digest(secret, _LABEL + claim, "sha256")
    return base64.urlsafe_b64encode(claim + mac).rstrip(b"=").decode("ascii")


def claimed_export(link: str) -> str:
    """Return the id of the export that a text claims to be the link of. Nothing of the claim is checked yet.

    Raises ExportNotFound for what cannot be a link.
    """
    if not _FORM.fullmatch(link):
        raise no_such_link()
    return base64.urlsafe_b64decode(f"{link}=")[_EXPIRY_BYTES : _EXPIRY_BYTES + _ID_BYTES].hex()


def is_same_link(given: str, genuine: str | None) -> bool:
    """Whether a text of the form of a link is the genuine one; compared in constant time, never with one that is None.

    The whole text is compared, so that neither its end nor its id nor its MAC can be anything but what was made.
    """
    return genuine is not None and hmac.compare_digest(given.encode("ascii"), genuine.encode("ascii"))


def no_such_link() -> ExportNotFound:
    """Return the one error for every link that leads nowhere, so that a stranger does not learn why."""
    return ExportNotFound(
        "This link leads to no export. Copy it again as a whole; if that does not help, its export was deleted."
    )
