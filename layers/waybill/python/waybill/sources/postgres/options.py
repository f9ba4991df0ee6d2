"""How to reach a database, as a secret says it."""

from typing import Any

import msgspec
from psycopg import OperationalError, pq

from waybill.domain.errors import SourceUnavailable

_DEFAULTS = {
    "sslmode": "require",
    "connect_timeout": "10",
    "application_name": "waybill",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""What the secret may say otherwise. libpq's own default would do without TLS where the server has none."""

_NAMES = {"host": "host", "port": "port", "dbname": "dbname", "username": "user", "password": "password"}
"""The fields of a secret that Amazon RDS manages, with their names in libpq."""


def connection_options(secret: str, source: str) -> dict[str, str]:
    """Return libpq's connection options from a secret.

    It is a connection URI or string (PostgreSQL manual, section 34.1.1), or the JSON that Secrets Manager keeps for a
    database of RDS; its ``sslmode`` and ``sslrootcert`` are taken too. Raises SourceUnavailable, and never quotes it.
    """
    options = _of_json(secret) if secret.lstrip().startswith("{") else _of_text(secret)
    if not options:
        raise SourceUnavailable(
            f"The secret of the source {source} does not say how to reach its PostgreSQL database. Store a connection "
            "URI in it, postgresql://user:password@host:port/database, or the JSON that Secrets Manager keeps for RDS."
        )
    return {**_DEFAULTS, **options, "client_encoding": "UTF8"}


def conninfo(options: dict[str, str]) -> bytes:
    """Return options as libpq's connection string."""
    words = (f"{name}='{_escaped(value)}'" for name, value in options.items())
    return " ".join(words).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _of_text(secret: str) -> dict[str, str]:
    try:
        parsed = pq.Conninfo.parse(secret.strip().encode())
    except (OperationalError, UnicodeEncodeError):
        return {}
    return {option.keyword.decode(): option.val.decode() for option in parsed if option.val is not None}


def _of_json(secret: str) -> dict[str, str]:
    try:
        fields = msgspec.json.decode(secret, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}
    names = {**_NAMES, "sslmode": "sslmode", "sslrootcert": "sslrootcert"}
    found = {names[name]: str(value) for name, value in fields.items() if name in names and value not in (None, "")}
    return found if "host" in found else {}
