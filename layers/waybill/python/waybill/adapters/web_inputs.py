"""What the URLs of imports lead to: downloads that can be taken up by a later call, and links to exports of a Cozy.

Where it may go, and along which redirects, is for ``public_web`` to say. A server that sends a byte now and then, or
nothing that ends, must not hold up an import: below LEAST_SPEED a download is given up.
"""

import http.client
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from waybill.adapters.public_web import PublicWeb
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.errors import AddressUnavailable, InputBroken, InputRefused, InvalidAddress
from waybill.intake.cozy_link import CozyExport, CozyUnavailable
from waybill.ports import LinkedPart, RemoteBody

SECONDS = 840.0
"""How long one answer may take: a Lambda function's 15 minutes, and time to note where it stands."""

LEAST_SPEED = 16 * 1024
"""Bytes a second that must come, on average over WINDOW_SECONDS."""

WINDOW_SECONDS = 60.0
MOST_NAME = 255

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029/\\]+")


class WebInputs:
    """InputsClient. ``clock`` gives seconds that never go back, and is for the tests."""

    def __init__(self, web: PublicWeb, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._web = web
        self._clock = clock

    def parts(self, url: str) -> Sequence[LinkedPart] | None:
        """Return the parts of a Cozy's export, None if the URL is no link to one. Raises InputRefused."""
        try:
            export = CozyExport(url, self._web)
        except InvalidAddress:
            return None
        try:
            found = export.manifest().parts
        except CozyUnavailable as error:
            raise InputRefused(str(error), ArrivalCode.EXPORT_UNREADABLE) from None
        except InvalidAddress as error:
            raise _not_allowed(error) from None
        return [LinkedPart(part.number, part.parts, f"{part.name}.zip", export.address(part)) for part in found]

    @contextmanager
    def open(self, url: str, *, start: int = 0, etag: str = "") -> Iterator[RemoteBody]:
        """Ask for a file, from byte ``start`` on in the version ``etag`` if the server can do that.

        Raises InputRefused, and its kind InputBroken for what breaks off and may come through later.
        """
        try:
            with self._web.opened(url, start=start, etag=etag, seconds=SECONDS) as answer:
                yield self._body(answer, url, start, etag)
        except InvalidAddress as error:
            raise _not_allowed(error) from None
        except AddressUnavailable as error:
            code = ArrivalCode.URL_UNREACHABLE if error.status is None else ArrivalCode.URL_STATUS
            raise InputRefused(f"A file cannot be fetched. {error}", code) from None

    def _body(self, answer: http.client.HTTPResponse, url: str, start: int, etag: str) -> RemoteBody:
        told = answer.getheader("etag") or ""
        size = answer.length
        begin, whole, ranges = 0, size, answer.getheader("accept-ranges") == "bytes"
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            found = _RANGE.fullmatch(answer.getheader("content-range") or "")
            if not start or found is None or int(found[1]) != start or told != etag:
                sentence = "A file cannot be fetched. The server sends another part of it than was asked for."
                raise InputRefused(sentence, ArrivalCode.URL_CHANGED)
            begin, ranges = start, True
            whole = None if found[2] == "*" else int(found[2])
        version = told if ranges and told.startswith('"') else ""
        return RemoteBody(_name(answer, url), begin, whole, version, self._chunks(answer, size))

    def _chunks(self, answer: http.client.HTTPResponse, size: int | None) -> Iterator[bytes]:
        """Yield a body. Raises InputBroken if it ends too early, and InputRefused if it is too slow."""
        received, window, in_window = 0, self._clock(), 0
        while True:
            try:
                chunk = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException, ValueError):
                raise _broken(received) from None
            if not chunk:
                break
            received += len(chunk)
            in_window += len(chunk)
            now = self._clock()
            if now - window >= WINDOW_SECONDS:
                if in_window < LEAST_SPEED * (now - window):
                    raise InputRefused(
                        f"A file cannot be fetched. The server sends less than {LEAST_SPEED:,} bytes a second.",
                        ArrivalCode.URL_TOO_SLOW,
                    )
                window, in_window = now, 0
            yield chunk
        if size is not None and received < size:
            raise _broken(received)


def _not_allowed(error: InvalidAddress) -> InputRefused:
    return InputRefused(f"A file cannot be fetched. {error}", ArrivalCode.URL_NOT_ALLOWED)


def _broken(received: int) -> InputBroken:
    return InputBroken(
        f"A file cannot be fetched. The download broke off after {received:,} bytes.", ArrivalCode.URL_BROKEN
    )


def _name(answer: http.client.HTTPResponse, url: str) -> str:
    """Return what a file is called: as the server says (RFC 6266), else as the address ends."""
    message = Message()
    message["content-disposition"] = answer.getheader("content-disposition") or ""
    told = message.get_filename("") or unquote(urlsplit(url).path.rpartition("/")[2])
    return _UNFIT.sub("_", told).strip()[:MOST_NAME] or "download"
