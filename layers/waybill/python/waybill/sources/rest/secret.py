"""What a source signs in with, from a secret that the catalog names."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.ports import Secrets
from waybill.sources.rest.failures import RequestRefused

_FIELDS = msgspec.json.Decoder(dict[str, str])
_REFUSED = frozenset((400, 401, 403))

R = TypeVar("R")


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


def signed_in(
    secrets: Secrets, name: str, system: str, sign_in: Callable[[Mapping[str, str]], R], *, fresh: bool = False
) -> R:
    """Return what ``sign_in`` makes of a secret's fields.

    If it is refused, and the secret is another one by now, it is called once more with that: a function outlives the
    passwords that it has read. A wrong password is sent once. Raises SourceUnavailable.
    """
    fields = secret_fields(secrets, name, system, fresh=fresh)
    try:
        return sign_in(fields)
    except RequestRefused as error:
        if error.status not in _REFUSED or fresh:
            raise
        changed = secret_fields(secrets, name, system, fresh=True)
        if changed == fields:
            raise
        return sign_in(changed)
