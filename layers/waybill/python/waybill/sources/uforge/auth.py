"""How requests to UForge are signed: HTTP Basic, or a pair of API keys (reference source-systems, B1)."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from waybill.sources.rest.auth import Ask, basic
from waybill.sources.rest.requests import Pairs, Request
from waybill.sources.rest.secret import required

LOGIN, PASSWORD, PUBLIC_KEY, SECRET_KEY = "login", "password", "api_key", "secret_key"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks, and what with: a password, or the two halves of a pair of API keys."""

    login: str
    password: str = ""
    public_key: str = ""
    secret_key: str = ""


def credentials(fields: Mapping[str, str]) -> Credentials:
    """Return what a secret holds. API keys win over a password. Raises SourceUnavailable if something is missing."""
    if fields.get(PUBLIC_KEY) or fields.get(SECRET_KEY):
        login, public, secret = required(fields, (LOGIN, PUBLIC_KEY, SECRET_KEY), "UForge")
        return Credentials(login, public_key=public, secret_key=secret)
    login, password = required(fields, (LOGIN, PASSWORD), "UForge")
    return Credentials(login, password)


class UForgeAuth:
    """Signs with what ``read`` gives; it is read anew, with True, after a 401 (``rest.auth.Auth``)."""

    def __init__(self, read: Callable[[bool], Credentials]) -> None:
        self._read = read
        self._known: Credentials | None = None
        self._lock = threading.Lock()

    @property
    def login(self) -> str:
        """Whose account it is, as UForge knows it. Raises SourceUnavailable."""
        return self._credentials().login

    def signed(self, request: Request, ask: Ask) -> Request:  # noqa: ARG002 - as the protocol says
        """Return the request as UForge wants to see it. Raises SourceUnavailable if the secret cannot be read."""
        known = self._credentials()
        if known.public_key:
            return replace(request, secret_query=_signed_query(request, known))
        return request.with_headers(_header(known))

    def renewed(self, refused: Request) -> bool:
        """Read the secret again, unless another thread has; return whether it is another one now."""
        with self._lock:
            if self._known is not None and _carries(refused, self._known):
                self._known = self._read(True)  # noqa: FBT003 - the one argument there is
            return self._known is not None and not _carries(refused, self._known)

    def _credentials(self) -> Credentials:
        with self._lock:
            if self._known is None:
                self._known = self._read(False)  # noqa: FBT003
            return self._known


def _header(known: Credentials) -> tuple[str, str]:
    return basic(known.login, known.password)


def _signed_query(request: Request, known: Credentials) -> Pairs:
    key = ("apiKey", known.public_key)
    to_sign = f"{request.path}?{urlencode((*request.query, key), quote_via=quote)}"
    return (key, ("signature", signature(known.secret_key, to_sign)))


def _carries(request: Request, known: Credentials) -> bool:
    if known.public_key:
        return request.secret_query == _signed_query(request, known)
    return _header(known) in request.headers


def signature(secret_key: str, to_sign: str) -> str:
    """Return the signature of path and query, relative to the base, as they are sent and with ``apiKey`` last."""
    digest = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
