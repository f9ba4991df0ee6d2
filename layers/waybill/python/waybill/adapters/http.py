"""Keep-alive HTTP connections to one endpoint.

On the standard library alone: a GET of a small object through it costs about a fifth of botocore's processor time
(reference performance.md, section 3), and it loads in a tenth of the time.
"""

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

_IDLE_SECONDS = 15.0
"""AWS closes a connection that is idle for 20 seconds and more; one that Lambda froze is older than it looks."""


class SizedChunks(Protocol):
    """A body that is not in memory: its length, and its bytes in chunks."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


class Disconnected(ConnectionError):
    """The connection failed before the answer was complete. Whether the request took effect is unknown."""


class Answer:
    """The answer to one request. A context manager, left by ``close``."""

    def __init__(self, response: http.client.HTTPResponse, done: Callable[[bool], None]) -> None:
        self._response = response
        self._done = done
        self._broken = False
        self.status = response.status

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return self._response.getheader(name)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, by their names in small letters."""
        return {name.lower(): value for name, value in self._response.getheaders()}

    @property
    def whole_length(self) -> int:
        """How many bytes the whole resource has, if the answer is a range of it, else the body."""
        of_range = (self.header("content-range") or "").rpartition("/")[2]
        return int(of_range or self.header("content-length") or 0)

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes of the body, less at its end, or all the rest.

        Raises Disconnected if the body ends before the length that the server gave.
        """
        try:
            data = self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            self._broken = True
            raise Disconnected(_told(error)) from error
        if size is not None and len(data) < size and self._response.length:
            self._broken = True
            raise Disconnected(f"The body ended {self._response.length} bytes early.")
        return data

    def close(self) -> None:
        """Give the connection back for the next request, or drop it if the body is unread."""
        whole = self._response.isclosed() or (self._response.length == 0 and not self._response.chunked)
        reusable = whole and not self._broken and not self._response.will_close
        self._response.close()
        self._done(reusable)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Endpoint:
    """The connections to one server. Safe to use from several threads; each request has a connection of its own.

    ``url`` is ``http(s)://host[:port]``. ``timeout`` is how many seconds the server may be silent. ``idle`` is for how
    many seconds a connection without a request is thought to be alive, and ``trust`` says whose certificates are taken,
    instead of what the system trusts. There is no support for proxies: the functions talk to AWS, to the embedded stack
    and to sources directly.
    """

    def __init__(
        self, url: str, *, timeout: float, idle: float = _IDLE_SECONDS, trust: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._secure = parts.scheme == "https"
        self._timeout = timeout
        self._lifetime = idle
        self._trust = trust
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | SizedChunks = b"") -> Answer:
        """Send a request and return its answer, the body not yet read. Raises Disconnected."""
        connection = self._take()
        sent = {"accept-encoding": "identity", **headers}
        if not isinstance(body, bytes):
            sent["content-length"] = str(len(body))  # or it would be sent chunked, which S3 does not take
        try:
            connection.request(method, target, body or None, sent)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Disconnected(_told(error)) from error

        def done(reusable: bool) -> None:  # noqa: FBT001 - one flag, named where it is made
            if reusable:
                self._idle.append((connection, time.monotonic()))
            else:
                connection.close()

        return Answer(response, done)

    def close(self) -> None:
        """Close the connections that no request is using."""
        while self._idle:
            self._idle.pop()[0].close()

    def __del__(self) -> None:
        self.close()

    def _take(self) -> http.client.HTTPConnection:
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                if self._secure:
                    return http.client.HTTPSConnection(self.host, timeout=self._timeout, context=self._trust)
                return http.client.HTTPConnection(self.host, timeout=self._timeout)
            if time.monotonic() - since < self._lifetime:
                return connection
            connection.close()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
