"""API keys: an app id with a secret, in place of a token, for clients that have none.

A secret is 256 random bits that Waybill makes, never a password that a person chose. So it cannot be guessed, however
fast somebody tries, and a plain SHA-256 keeps it: a slow hash protects secrets that can be guessed, and would cost
every request time. The salt makes two keys' digests differ even if their secrets did not.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from waybill.domain.date_range import DEFAULT_TIME_ZONE

SECRET_BYTES = 32
SCOPES = ("exports.read", "exports.create", "exports.delete", "imports.read", "imports.create")
"""Of every key, unless it is made with fewer; without ``ScopePrefix``, which is the issuer's."""

_SALT_BYTES = 16
_APP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key. It belongs to one tenant. ``digest`` is that of the salt and the secret, which is kept nowhere."""

    app_id: str
    tenant: str
    scopes: tuple[str, ...]
    time_zone: str
    created_at: datetime
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    enabled: bool = True

    def opens_with(self, secret: str) -> bool:
        """Whether this is the key's secret and the key is still taken. Compared in constant time."""
        return hmac.compare_digest(_digest(self.salt, secret), self.digest) and self.enabled


def new_key(
    tenant: str, *, app_id: str | None = None, scopes: tuple[str, ...] = SCOPES, time_zone: str, now: datetime
) -> tuple[ApiKey, str]:
    """Return a new key and its secret, which nobody can read again later. Raises ValueError for no form of app id."""
    name = app_id or f"waybill-{secrets.token_hex(6)}"
    if not is_app_id(name):
        raise ValueError("An app id has up to 64 letters, digits, dots, dashes and underscores.")
    secret, salt = secrets.token_urlsafe(SECRET_BYTES), secrets.token_bytes(_SALT_BYTES)
    return ApiKey(name, tenant, scopes, time_zone, now, salt, _digest(salt, secret)), secret


def is_app_id(text: str) -> bool:
    """Whether a text has the form of an app id."""
    return _APP_ID.fullmatch(text) is not None


def nobodys_key(app_id: str, now: datetime) -> ApiKey:
    """Return a key that no secret opens, to spend on an unknown app id what a known one takes."""
    return ApiKey(
        app_id, "", (), DEFAULT_TIME_ZONE, now, bytes(_SALT_BYTES), bytes(hashlib.sha256().digest_size), enabled=False
    )


def _digest(salt: bytes, secret: str) -> bytes:
    return hashlib.sha256(salt + secret.encode("utf-8", "surrogatepass")).digest()
