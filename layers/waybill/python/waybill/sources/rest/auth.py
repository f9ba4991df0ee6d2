"""How requests are signed. Whatever signs them goes to the host of the client's base alone."""

import base64
import threading
from collections.abc import Callable
from typing import Protocol

from waybill.sources.rest.requests import Reply, Request

Ask = Callable[[Request], Reply]
"""Sends a request that is not signed."""


class Auth(Protocol):
    """Signs requests. Used by several threads at once."""

    def signed(self, request: Request, ask: Ask) -> Request:
        """Return the request with what the API wants to see. May ``ask`` for a token first."""
        ...

    def renewed(self, refused: Request) -> bool:
        """Take notice that a signed request was refused with 401; return whether to sign and send it once more."""
        ...


class Nobody:
    """Signs nothing: for APIs that need no sign-in, and for links that are secrets by themselves."""

    def signed(self, request: Request, ask: Ask) -> Request:  # noqa: ARG002 - as the protocol says
        """Return the request as it is."""
        return request

    def renewed(self, refused: Request) -> bool:  # noqa: ARG002
        """Say that nothing can be renewed."""
        return False


class HeaderAuth:
    """Signs with headers that ``read`` gives. ``read(fresh)`` is asked once, and anew, with True, after a 401.

    So a secret that was changed while a function lives is read again.
    """

    def __init__(self, read: Callable[[bool], tuple[tuple[str, str], ...]]) -> None:
        self._read = read
        self._headers: tuple[tuple[str, str], ...] | None = None
        self._lock = threading.Lock()

    def signed(self, request: Request, ask: Ask) -> Request:  # noqa: ARG002
        """Return the request with the headers. Raises SourceUnavailable if the secret cannot be read."""
        with self._lock:
            if self._headers is None:
                self._headers = self._read(False)  # noqa: FBT003 - the one argument there is
            return request.with_headers(*self._headers)

    def renewed(self, refused: Request) -> bool:
        """Read the secret again, unless another thread has; return whether it is another one now."""
        with self._lock:
            if self._headers is not None and _carries(refused, self._headers):
                self._headers = self._read(True)  # noqa: FBT003
            return self._headers is not None and not _carries(refused, self._headers)


class TokenAuth:
    """Signs with a token that ``log_in`` gets. It is got when first needed, and anew after a 401.

    ``log_in`` is given what sends an unsigned request, and whether the secret must be read anew because the last token
    was refused. It returns the headers to sign with. Several threads that are refused at once log in once.
    """

    def __init__(self, log_in: Callable[[Ask, bool], tuple[tuple[str, str], ...]]) -> None:
        self._log_in = log_in
        self._headers: tuple[tuple[str, str], ...] | None = None
        self._was_refused = False
        self._lock = threading.Lock()

    def signed(self, request: Request, ask: Ask) -> Request:
        """Return the request with the token. Raises SourceUnavailable if there is none to be had."""
        with self._lock:
            if self._headers is None:
                self._headers = self._log_in(ask, self._was_refused)
            return request.with_headers(*self._headers)

    def renewed(self, refused: Request) -> bool:
        """Forget the token that was refused, unless there is another one already; the next request logs in."""
        with self._lock:
            if self._headers is not None and _carries(refused, self._headers):
                self._headers, self._was_refused = None, True
            return True


def basic(user: str, password: str) -> tuple[str, str]:
    """Return the header of HTTP Basic (RFC 7617), in UTF-8."""
    return ("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def bearer(token: str) -> tuple[str, str]:
    """Return the header of a bearer token (RFC 6750, section 2.1)."""
    return ("authorization", f"Bearer {token}")


def _carries(request: Request, headers: tuple[tuple[str, str], ...]) -> bool:
    return request.headers[-len(headers) :] == headers
