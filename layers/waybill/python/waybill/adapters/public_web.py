"""GET requests to addresses that somebody else has chosen (port Web).

Nothing is sent that could be a secret: no cookie, no credential, no ``Referer``. A redirect is followed to addresses
that are allowed themselves, and never from ``https`` to ``http``.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from random import uniform
from urllib.parse import urljoin

from waybill.adapters.guarded_connection import GuardedConnector, Resolve, ended_after, resolve, sender
from waybill.domain.errors import AddressUnavailable, InvalidAddress
from waybill.domain.web_address import WebAddress, web_address

SILENT_SECONDS = 60.0
"""For connecting, and for any silence of the server."""

GET_SECONDS = 120.0
"""For an answer that is taken whole."""

MOST_REDIRECTS = 5
MOST_REDIRECT_CHARACTERS = 8_192
"""A presigned link with a session's token has more characters than an address that people write."""

ATTEMPTS = 4
MOST_RETRY_AFTER = 20
"""Seconds that a server may ask to be waited for here; what takes longer is told to the caller."""

_CHUNK = 256 * 1024
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "connection": "close", "user-agent": "waybill"}
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a download stands: how much of it is here, and which version it is of, if the server can say that."""

    position: int = 0
    etag: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What asks for the rest (RFC 9110, sections 13.1.5 and 14.2)."""
        return {"range": f"bytes={self.position}-", "if-range": self.etag} if self.position and self.etag else {}


class _BrokenOff(ConnectionError):
    """The answer ended before its end."""


class PublicWeb:
    """Web on the standard library.

    With ``allow_private`` it goes to private addresses and speaks ``http`` too. ``sleep`` is for the tests, which wait
    for nothing.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        seconds: float = SILENT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connector = GuardedConnector(allow_private=allow_private, seconds=seconds, resolve=resolve, trust=trust)
        self._sleep = sleep

    def get(self, url: str, *, most: int) -> bytes:
        """Return what is there. One that breaks off is asked for again."""
        for attempt in range(ATTEMPTS):
            try:
                return b"".join(self._attempt(url, _Place(), most, GET_SECONDS))
            except AddressUnavailable as error:
                self._wait(error, attempt)
        raise AssertionError  # the last attempt raises

    def stream(self, url: str, *, most: int, seconds: float) -> Iterator[bytes]:
        """Yield what is there."""
        place, attempt = _Place(), 0
        while True:
            try:
                for chunk in self._attempt(url, place, most, seconds, started := _Started()):
                    place = _Place(place.position + len(chunk), started.etag)
                    yield chunk
            except AddressUnavailable as error:
                if place.position and not place.headers:
                    raise
                self._wait(error, attempt)
                attempt += 1
            else:
                return

    @contextmanager
    def opened(self, url: str, *, start: int, etag: str, seconds: float) -> Iterator[http.client.HTTPResponse]:
        """Give the answer with what is there, from byte ``start`` on in the version ``etag`` if the server can do that.

        It is ended after so many seconds. What does not begin is tried again; whoever reads it copes with what breaks.
        """
        headers = _Place(start, etag or None).headers
        with ExitStack() as stack:
            answer = None
            for attempt in range(ATTEMPTS):
                try:
                    answer = stack.enter_context(self._answered(url, headers, seconds))
                    break
                except AddressUnavailable as error:
                    self._wait(error, attempt)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    self._wait(AddressUnavailable(_told(error, 0, seconds), transient=_may_pass(error)), attempt)
            if answer is None:
                raise AssertionError  # the last attempt raises
            yield answer

    def _wait(self, error: AddressUnavailable, attempt: int) -> None:
        """Wait before another attempt. Raises the error again if there is none."""
        if not error.transient or attempt + 1 >= ATTEMPTS or (error.retry_after or 0) > MOST_RETRY_AFTER:
            raise error
        self._sleep(uniform(0, 2.0**attempt) if error.retry_after is None else error.retry_after)  # noqa: S311

    def _attempt(
        self, url: str, place: _Place, most: int, seconds: float, started: "_Started | None" = None
    ) -> Iterator[bytes]:
        """Yield an answer's body from a place on. Raises AddressUnavailable and InvalidAddress."""
        position = place.position
        try:
            with self._answered(url, place.headers, seconds) as answer:
                if started is not None:
                    started.note(answer)
                _check_range(answer, place)
                for chunk in _body(answer):
                    position += len(chunk)
                    if position > most:
                        raise AddressUnavailable(f"The server sends more than {most:,} bytes, which is the most.")
                    yield chunk
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AddressUnavailable(_told(error, position, seconds), transient=_may_pass(error)) from None

    @contextmanager
    def _answered(self, url: str, headers: Mapping[str, str], seconds: float) -> Iterator[http.client.HTTPResponse]:
        """Give the answer with the content, at the end of all redirects."""
        address = web_address(url, allow_private=self._connector.allow_private)
        for _ in range(MOST_REDIRECTS + 1):
            connected = self._connector.connect(address)
            with ended_after(connected, seconds), _asked(connected, address, headers) as answer:
                if answer.status not in _REDIRECTS:
                    _check_status(answer)
                    yield answer
                    return
                url = urljoin(url, answer.getheader("location") or "")
            address = self._redirected(address, url)
        raise AddressUnavailable(f"The server redirects more than {MOST_REDIRECTS} times.")

    def _redirected(self, before: WebAddress, url: str) -> WebAddress:
        url = url.partition("#")[0]
        try:
            address = web_address(url, allow_private=self._connector.allow_private, most=MOST_REDIRECT_CHARACTERS)
        except InvalidAddress as refusal:
            raise InvalidAddress(f"The server redirects to an address that is not allowed. {refusal}") from None
        if before.secure and not address.secure:
            raise InvalidAddress("The server redirects to an address that is not allowed. It leaves https.")
        return address


class _Started:
    """What the beginning of an answer says of taking it up again: its version, if ranges of it can be had."""

    def __init__(self) -> None:
        self.etag: str | None = None

    def note(self, answer: http.client.HTTPResponse) -> None:
        """Look at an answer."""
        etag = answer.getheader("etag") or ""
        ranges = answer.status == HTTPStatus.PARTIAL_CONTENT or answer.getheader("accept-ranges") == "bytes"
        self.etag = etag if ranges and etag.startswith('"') else None


def _asked(connected: socket.socket, address: WebAddress, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    connection = sender(connected, address)
    connection.request("GET", address.target, headers={"host": address.authority, **_HEADERS, **headers})
    return connection.getresponse()


def _check_status(answer: http.client.HTTPResponse) -> None:
    """Raise AddressUnavailable for an answer that is not the content."""
    if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        after = answer.getheader("retry-after") or ""
        raise AddressUnavailable(
            f"The server answered {answer.status}.",
            status=answer.status,
            transient=answer.status in _TRANSIENT,
            retry_after=int(after) if after.isascii() and after.isdigit() else None,
        )
    if (answer.getheader("content-encoding") or "identity").lower() != "identity":
        raise AddressUnavailable("The server answered in an encoding that was not asked for.")


def _check_range(answer: http.client.HTTPResponse, place: _Place) -> None:
    """Raise AddressUnavailable if an answer does not go on where it was asked to."""
    if not place.position and answer.status == HTTPStatus.OK:
        return
    found = _RANGE.fullmatch(answer.getheader("content-range") or "")
    same = answer.getheader("etag") == place.etag
    if answer.status != HTTPStatus.PARTIAL_CONTENT or not same or found is None or int(found[1]) != place.position:
        raise AddressUnavailable("The download broke off, and what it was of has changed meanwhile.")


def _body(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield a body. Raises _BrokenOff if it is shorter than the server announced."""
    while chunk := answer.read1(_CHUNK):
        yield chunk
    if answer.length:
        raise _BrokenOff


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help."""
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError | ValueError)


def _told(error: Exception, position: int, seconds: float) -> str:
    """Return a sentence on why there is no answer, or no more of it. It never says where that was."""
    if position:
        late = (
            f" It stood still, or takes longer than {seconds:.0f} seconds." if isinstance(error, TimeoutError) else ""
        )
        return f"The download broke off after {position:,} bytes.{late}"
    if isinstance(error, socket.gaierror):
        return "The server cannot be found: nobody knows its name."
    if isinstance(error, ssl.SSLError):
        return "No secure connection: the server's certificate is not trusted, or it does not speak TLS."
    if isinstance(error, TimeoutError):
        return "The server did not answer in time."
    if isinstance(error, ConnectionRefusedError):
        return "The server refused the connection."
    return "The server broke the connection off before it had answered."
