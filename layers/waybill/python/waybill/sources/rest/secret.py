"""What a source signs with, from a secret that the catalog names."""

from collections.abc import Mapping

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.ports import Secrets

_FIELDS = msgspec.json.Decoder(dict[str, str])


def secret_fields(secrets: Secrets, name: str, system: str, *, fresh: bool = False) -> Mapping[str, str]:
    """Return the fields of a secret that is a JSON object of texts, as Secrets Manager makes them.

    ``fresh`` reads it again if it was read before. Raises SourceUnavailable, in which nothing of the secret stands.
    """
    try:
        return _FIELDS.decode(secrets.get(name, fresh=fresh))
    except (msgspec.DecodeError, UnicodeError):
        raise SourceUnavailable(
            f"The secret of {system} must be a JSON object whose values are texts, and it is not."
        ) from None


def required(fields: Mapping[str, str], names: tuple[str, ...], system: str) -> tuple[str, ...]:
    """Return these fields of a secret. Raises SourceUnavailable, naming those that are missing or empty."""
    missing = [name for name in names if not fields.get(name)]
    if missing:
        raise SourceUnavailable(f"The secret of {system} must have {' and '.join(names)}, but lacks {missing[0]}.")
    return tuple(fields[name] for name in names)
