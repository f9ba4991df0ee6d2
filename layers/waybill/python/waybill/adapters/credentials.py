"""The credentials that requests are signed with."""

from collections.abc import Callable
from typing import NamedTuple


class Credentials(NamedTuple):
    """An access key of AWS; ``token`` is the session token of temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None


CredentialSource = Callable[[], Credentials]
"""Returns credentials that are valid now; called for every request."""


def ambient() -> Credentials:
    """Return the process's own credentials: the environment's, as Lambda sets them, else what botocore finds."""
    raise NotImplementedError
