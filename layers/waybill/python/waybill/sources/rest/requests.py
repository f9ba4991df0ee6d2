"""What is asked of an API, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.xml_body import NotXml, parsed

JSON = "application/json"
XML = "application/xml"

MEBIBYTE = 1024 * 1024
MOST_BODY = 16 * MEBIBYTE
"""Bytes of an answer that are held in memory, unless a request asks for more."""

_SAFE = frozenset(("GET", "HEAD", "PUT", "DELETE"))
"""Methods that may be sent twice (RFC 9110, section 9.2.2)."""

_MOST_SHOWN = 200

Pairs = tuple[tuple[str, str], ...]
T_co = TypeVar("T_co", covariant=True)


class Decoder(Protocol[T_co]):
    """What turns JSON text into values; ``msgspec.json.Decoder`` does."""

    def decode(self, buf: bytes, /) -> T_co:
        """Return the value. Raises msgspec.DecodeError, of which ValidationError is one."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request, relative to the base of a client.

    ``path`` has no slash first and is escaped already. ``query`` may stand in errors, ``secret_query`` never does and
    comes last; ``shown`` stands in errors in place of a path that is itself a secret. ``repeatable`` says whether
    it may be sent twice, None that its method does. ``taken`` are statuses beside 2xx that the caller understands.
    ``most`` bounds the answer's body in bytes.
    """

    path: str
    method: str = "GET"
    query: Pairs = ()
    secret_query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    accept: str = JSON
    shown: str = ""
    repeatable: bool | None = None
    taken: frozenset[int] = frozenset()
    most: int = MOST_BODY

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in _SAFE if self.repeatable is None else self.repeatable

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        query = urlencode(self.query + self.secret_query, quote_via=quote)
        return f"{self.path}?{query}" if query else self.path

    @property
    def told(self) -> str:
        """Method, path and query as they may stand in an error."""
        query = urlencode(self.query, quote_via=quote)
        text = self.shown or (f"{self.path}?{query}" if query else self.path)
        return f"{self.method} /{text}"[:_MOST_SHOWN]

    def with_headers(self, *headers: tuple[str, str]) -> "Request":
        """Return the same request with more headers."""
        return replace(self, headers=self.headers + headers)


def json_request(path: str, value: object, *, method: str = "POST", repeatable: bool | None = None) -> Request:
    """Return a request whose body is ``value`` as JSON."""
    return Request(
        path,
        method=method,
        headers=(("content-type", JSON),),
        body=msgspec.json.encode(value),
        repeatable=repeatable,
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. ``asked`` says in an error who was asked for what."""

    status: int
    body: bytes
    asked: str
    header: Callable[[str], str | None] = field(repr=False)

    def json(self, decoder: Decoder[T_co]) -> T_co:
        """Return what the body says. Raises SourceUnavailable if it is not JSON, or not what the decoder wants."""
        try:
            return decoder.decode(self.body)
        except msgspec.ValidationError as error:
            raise SourceUnavailable(f"{self.asked} was answered with JSON of another form: {_place(error)}.") from None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise SourceUnavailable(f"{self.asked} was answered with what is not JSON{self._about()}.") from None

    def xml(self) -> Element:
        """Return the root of the body. Raises SourceUnavailable if it is not XML, or not such as is safe to read."""
        try:
            return parsed(self.body)
        except NotXml as error:
            raise SourceUnavailable(f"{self.asked} was answered with what {error}{self._about()}.") from None

    def _about(self) -> str:
        return " but an empty body" if not self.body.strip() else f" ({len(self.body)} bytes)"


def _place(error: msgspec.ValidationError) -> str:
    """Return what is wrong with the form. msgspec names types and places, and of values only wrong tags."""
    text = str(error)
    return "a value that was not foreseen" if "Invalid value" in text else text


ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
"""Takes any JSON."""
