"""Passwords of imported users: what is kept of them is a salted scrypt hash (RFC 7914), never the password."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

PASSWORD = "Password"  # noqa: S105 the name of the field
PASSWORD_HASH = "PasswordHash"  # noqa: S105 the name of the field

LEAST_SALT = 16
"""Bytes (RFC 7914, section 2 leaves it open; NIST SP 800-132 wants 128 bits)."""

_LOG_N, _R, _P = 14, 8, 5
"""16 MiB and some tenths of a second for one: as hard to guess as OWASP's N=2^17, p=1, in an eighth of the memory."""

_MOST_MEMORY = 64 * 1024 * 1024
_HASH_BYTES = 32


def stored(row: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """Return an accepted user row as it is written: with PasswordHash if it has a password, and without Password.

    The hash says with what it was made: ``$scrypt$ln=14,r=8,p=5$<salt>$<hash>``, both in base64 without padding. The
    salt must be of its own for every user, and made by chance or from a secret, never from the row; a step that may run
    twice takes the same one again. Raises ValueError for one of less than LEAST_SALT bytes.
    """
    if len(salt) < LEAST_SALT:
        raise ValueError(f"A salt has at least {LEAST_SALT} bytes.")
    kept = {name: value for name, value in row.items() if name != PASSWORD}
    password = row.get(PASSWORD)
    if password:
        digest = hashlib.scrypt(
            password.encode(), salt=salt, n=1 << _LOG_N, r=_R, p=_P, maxmem=_MOST_MEMORY, dklen=_HASH_BYTES
        )
        kept[PASSWORD_HASH] = f"$scrypt$ln={_LOG_N},r={_R},p={_P}${_base64(salt)}${_base64(digest)}"
    return kept


def _base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()
