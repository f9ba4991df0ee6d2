"""The credentials that requests are signed with."""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from waybill.domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from botocore.credentials import Credentials as BotocoreCredentials


class Credentials(NamedTuple):
    """An access key of AWS. ``token`` is the session token that comes with a temporary one."""

    access_key: str
    secret_key: str
    token: str | None = None


CredentialSource = Callable[[], Credentials]
"""Returns credentials that are valid now. Called anew for every request, so it may renew them."""


def ambient() -> Credentials:
    """Return the process's own credentials.

    Lambda puts them into the environment, and so they are read from there. Elsewhere (a profile, single sign-on, a
    container) botocore finds and renews them; it is loaded only then, as it takes longer to load than all of Waybill.
    Raises StorageUnavailable if there are none.
    """
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)
    found = _botocore()
    if found is None:
        raise StorageUnavailable("There are no AWS credentials here. Give the process a role, or set a profile.")
    frozen = found.get_frozen_credentials()
    return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)


@functools.cache
def _botocore() -> "BotocoreCredentials | None":
    from botocore.session import get_session  # noqa: PLC0415 - see ambient

    return get_session().get_credentials()
