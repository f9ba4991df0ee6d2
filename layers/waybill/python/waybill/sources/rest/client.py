"""The client of a REST API; ``waybill.sources.rest`` says what it promises."""

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from waybill.domain.errors import CatalogError, SourceNotReady, SourceUnavailable
from waybill.sources.rest.auth import Auth, Nobody
from waybill.sources.rest.failures import NoAnswer, RequestRefused, is_final
from waybill.sources.rest.requests import Reply, Request
from waybill.sources.rest.timing import Timing, Tries, seconds_of
from waybill.sources.rest.window import Stop, in_order

DEFAULT_LIMIT = 16
"""Requests in flight at once, unless the catalog says otherwise."""

_MOST_HOPS = 5
_MOST_REFUSAL = 64 * 1024
_CHUNK = 256 * 1024
_MOST_RESUMED = 5
"""How often in a row a download may break off without a byte more."""

_SUCCESS = 2
_PARTIAL = 206
_UNAUTHORIZED = 401
_TOO_MANY = 429
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_ASKS_TO_WAIT = frozenset((429, 503))
_LONGEST_WAIT = 6 * 3600
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_BROKEN = (OSError, http.client.HTTPException)

T = TypeVar("T")
R = TypeVar("R")


class Answer(Protocol):
    """An answer whose body is not yet read. A context manager."""

    @property
    def status(self) -> int:
        """Its status."""
        ...

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        ...

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes of the body, less at its end. Raises OSError if it breaks off."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Connections(Protocol):
    """The connections to one server; ``adapters.http.Endpoint`` has them."""

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send a request and return its answer. Raises OSError."""
        ...


class Connect(Protocol):
    """Makes the connections to ``http(s)://host[:port]``. ``timeout`` is how many seconds the server may be silent."""

    def __call__(self, url: str, *, timeout: float) -> Connections:
        """Return the connections to a server. Nothing is sent yet."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request is sent: at first below the base of the client, later where a redirect leads."""

    connections: Connections
    origin: str
    base: str
    target: str | None = None

    def of(self, request: Request) -> str:
        """Return path and query to send."""
        return self.base + request.target if self.target is None else self.target


class _Open:
    """An answer whose body is to be read, and its place among those in flight. A context manager."""

    def __init__(self, answer: Answer, slots: threading.BoundedSemaphore) -> None:
        self.answer = answer
        self._slots = slots

    def __enter__(self) -> Answer:
        return self.answer.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.answer.__exit__(kind, error, traceback)
        finally:
            self._slots.release()


class RestClient:
    """Asks one API. Safe to use from several threads.

    ``name`` is what people call the system, ``base`` the URL that requests are relative to, ``limit`` how many may be
    in flight at once. ``headers`` go with every request. A client that ``roams`` follows redirects to other hosts; it
    cannot sign. Raises CatalogError if ``base`` is no URL.
    """

    def __init__(
        self,
        name: str,
        base: str,
        *,
        connect: Connect,
        auth: Auth | None = None,
        limit: int = DEFAULT_LIMIT,
        headers: tuple[tuple[str, str], ...] = (),
        roams: bool = False,
        timing: Timing | None = None,
    ) -> None:
        parts = urlsplit(base)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise CatalogError(f"The url of {name} must be http(s)://host[:port]/path, without a user or a query.")
        if roams and auth is not None:
            raise ValueError("A client that roams signs nothing.")
        self.name = name
        self.limit = limit
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._path = parts.path.rstrip("/") + "/"
        self._connect = connect
        self._timing = timing or Timing()
        self._connections = connect(self._origin, timeout=self._timing.silence)
        self._auth: Auth = auth or Nobody()
        self._headers = headers
        self._roams = roams
        self._slots = threading.BoundedSemaphore(limit)

    def asked(self, request: Request) -> str:
        """Return the beginning of a sentence about a request."""
        method, _, path = request.told.partition(" ")
        return f"{self.name} at {self._host}, asked for {method} {self._path}{path.lstrip('/')},"

    def send(self, request: Request) -> Reply:
        """Send a request and return its answer, read whole. Raises RequestRefused or another SourceUnavailable."""
        return self._send(request, Stop())

    def many(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """Yield the answers to requests in their order, with as many in flight as ``limit`` allows."""
        return in_order(self._send, requests, limit=self.limit)

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield ``work(item)`` of every item in their order, side by side, where ``work`` sends requests here."""

        def run(item: T, stop: Stop) -> R:
            stop.check()
            return work(item)

        return in_order(run, items, limit=self.limit)

    def stream(self, request: Request) -> Iterator[bytes]:
        """Yield the body of the answer in chunks.

        One that breaks off is taken up again where the API can do that and says which version it is (RFC 9110, sections
        13.1.5 and 14.2); else SourceUnavailable is raised. Until its end it takes one of the places of ``limit``.
        """
        position, version, stuck = 0, "", 0
        while True:
            try:
                with self._opened(_from(request, position, version), Stop(), self._auth) as answer:
                    if position and answer.status != _PARTIAL:
                        raise SourceUnavailable(f"{self.asked(request)} broke off and cannot be taken up again.")
                    self._check_encoding(request, answer)
                    version = version or _version(answer)
                    while chunk := answer.read(_CHUNK):
                        position, stuck = position + len(chunk), 0
                        yield chunk
            except _BROKEN as error:
                stuck += 1
                if not version or stuck > _MOST_RESUMED:
                    raise NoAnswer(f"{self.asked(request)} broke off after {position} bytes and", error) from error
            else:
                return

    def _send(self, request: Request, stop: Stop) -> Reply:
        return self._whole(request, stop, self._auth)

    def _unsigned(self, request: Request) -> Reply:
        return self._whole(request, Stop(), Nobody())

    def _whole(self, request: Request, stop: Stop, auth: Auth) -> Reply:
        """Send a request until its answer could be read to its end."""
        tries = Tries(self._timing)
        while True:
            try:
                with self._opened(request, stop, auth, tries) as answer:
                    self._check_encoding(request, answer)
                    body = answer.read(request.most + 1)
                break
            except _BROKEN as error:
                if not request.may_repeat or not tries.again():
                    raise NoAnswer(self.asked(request), error, times=tries.count) from error
        if len(body) > request.most:
            raise SourceUnavailable(f"{self.asked(request)} was answered with more than {request.most} bytes.")
        return Reply(answer.status, body, self.asked(request), answer.header)

    def _opened(self, request: Request, stop: Stop, auth: Auth, tries: Tries | None = None) -> _Open:
        """Return an answer that the caller understands. Its body is not yet read."""
        tries = tries or Tries(self._timing)
        place = _Place(self._connections, self._origin, self._path)
        renews, hops = True, 0
        while True:
            stop.check()
            signed = auth.signed(request, self._unsigned)
            try:
                opened = self._begun(signed, place)
            except _BROKEN as error:
                if is_final(error) or not request.may_repeat or not tries.again():
                    raise NoAnswer(self.asked(request), error, times=tries.count) from error
                continue
            status, header = opened.answer.status, opened.answer.header
            if status // 100 == _SUCCESS or status in request.taken:
                return opened
            refusal = b""
            with suppress(*_BROKEN), opened as answer:
                refusal = answer.read(_MOST_REFUSAL)
            if status in _REDIRECTS and hops < _MOST_HOPS and request.may_repeat:
                place, hops = self._next(request, place, header("location")), hops + 1
            elif status == _UNAUTHORIZED and renews and auth.renewed(signed):
                renews = False
            elif not self._passes(request, status) or not tries.again(header("retry-after")):
                self._postpone(status, header("retry-after"))
                raise RequestRefused(self.asked(request), status, times=tries.count, body=refusal)

    def _postpone(self, status: int, retry_after: str | None) -> None:
        """Raise SourceNotReady if the API says when to come again, and that can be waited for."""
        seconds = seconds_of(retry_after, self._timing.now())
        if self._timing.postpones and status in _ASKS_TO_WAIT and 0 < seconds <= _LONGEST_WAIT:
            raise SourceNotReady(
                f"{self.name} at {self._host} asks to be left alone for a while.", seconds=ceil(seconds)
            )

    def _begun(self, signed: Request, place: _Place) -> _Open:
        """Send a request, as soon as it may be in flight. Raises OSError or HTTPException."""
        headers = dict((("accept", signed.accept), *self._headers, *signed.headers))
        self._slots.acquire()
        try:
            answer = place.connections.request(signed.method, place.of(signed), headers, signed.body)
            return _Open(answer, self._slots)
        except BaseException:
            self._slots.release()
            raise

    def _passes(self, request: Request, status: int) -> bool:
        """Whether the same request may be granted later. Only 429 says that nothing has been done yet."""
        return status == _TOO_MANY or (status in _PASSING and request.may_repeat)

    def _next(self, request: Request, place: _Place, location: str | None) -> _Place:
        """Return where a redirect leads. Raises SourceUnavailable if it is not followed there."""
        url = urlsplit(urljoin(place.origin + place.of(request), location or ""))
        origin = f"{url.scheme}://{url.netloc}"
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        if location and origin == place.origin:
            return _Place(place.connections, origin, place.base, target)
        is_safe = url.scheme == "https" or (url.scheme == "http" and place.origin.startswith("http:"))
        if not location or not self._roams or not is_safe:
            raise SourceUnavailable(
                f"{self.asked(request)} leads to another address, {origin}, where nothing is sent to. Look at the url "
                "in the catalog."
            )
        return _Place(self._connect(origin, timeout=self._timing.silence), origin, place.base, target)

    def _check_encoding(self, request: Request, answer: Answer) -> None:
        """Refuse a body that is packed: none was asked for, and what it unpacks to has no bound."""
        encoding = (answer.header("content-encoding") or "identity").lower()
        if encoding != "identity":
            raise SourceUnavailable(f"{self.asked(request)} was answered in the encoding {encoding[:20]!r}.")


def _from(request: Request, position: int, version: str) -> Request:
    """Return the request for what stands from ``position`` on, in the same version."""
    if not position:
        return request
    return request.with_headers(("range", f"bytes={position}-"), ("if-range", version))


def _version(answer: Answer) -> str:
    """Return what names the version for If-Range: a strong entity tag, or nothing."""
    tag = answer.header("etag") or ""
    return "" if tag.startswith("W/") else tag
