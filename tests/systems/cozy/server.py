"""A Cozy's routes for exports, as the real one answers them (reference cozy-move, section 1), and what it does wrong.

``CozyServer`` needs no network: ``answer`` takes a request and returns what is to be sent.
"""

import base64
import binascii
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.systems.cozy.data import Cozy, made_up
from tests.systems.cozy.parts import Cut, Spoiled, cut, entries, json_size, zipped

EXPORT = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
"""The id of the one export, which is not the one in its link."""

PREFIX = "/move/exports/"
MAX_AGE = timedelta(days=7)
PARTS_SIZE = 64 * 1024
"""The real one takes no less than 1 GiB; the stand-in's data are small."""


@dataclass
class Faults:
    """What goes wrong. Counts say how often it does before it is well again.

    ``status`` is answered to the next ``times`` requests, with ``retry_after`` if that is not 0, or to those for the
    part ``only_part`` alone. ``break_off`` is after how many bytes a download ends without its end.
    """

    status: int = 0
    times: int = 0
    retry_after: int = 0
    only_part: int = -1
    break_off: int = 0
    break_times: int = 0
    state: str = "done"
    manifest: str = ""
    replaced: bool = False
    redirect: str = ""
    endless: bool = False
    lost: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What is sent. A body without end breaks off: ``whole`` says that its end is told."""

    status: int
    headers: dict[str, str]
    body: Iterable[bytes]
    whole: bool = True


@dataclass
class _Refused(Exception):
    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


class CozyServer:
    """One Cozy with one export that is done."""

    def __init__(
        self,
        cozy: Cozy | None = None,
        *,
        parts_size: int = PARTS_SIZE,
        doctypes: tuple[str, ...] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.cozy = cozy or made_up()
        self.parts: list[Cut] = cut(self.cozy, parts_size, doctypes)
        self.faults = Faults()
        self.asked: list[str] = []
        self.created_at = clock()
        self._parts_size = parts_size
        self._doctypes = doctypes
        self._clock = clock
        self._secret = hashlib.sha256(b"a session's secret").digest()

    @property
    def identifier(self) -> str:
        """The opaque identifier: 128 characters, made anew for every mail ("Opaque identifier")."""
        return self._signed(self.created_at, EXPORT)

    def link(self, origin: str) -> str:
        """The link of the mail."""
        return f"{origin}/#/exports/{self.identifier}"

    def answer(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        """Answer a request. Header names are in lower case."""
        self.asked.append(f"{method} {target.partition('?')[0].removeprefix(PREFIX)[:4]}")
        url = urlsplit(target)
        if method != "GET" or not url.path.startswith(PREFIX):
            return _error(_Refused(404, "Not Found"), headers.get("accept", ""))
        path = url.path.removeprefix(PREFIX)
        try:
            if path.startswith("data/"):
                return self._data(path.removeprefix("data/"), parse_qs(url.query, keep_blank_values=True))
            return self._manifest(path, headers)
        except _Refused as refused:
            return _error(refused, headers.get("accept", ""))

    def _data(self, identifier: str, query: dict[str, list[str]]) -> Answer:
        cursor = query.get("cursor", [""])[0]
        number = next((number for number, part in enumerate(self.parts) if part.cursor == cursor), None)
        self._fail(number)
        self._check(identifier)
        if number is None:
            raise _Refused(400, "export: cursor is invalid")
        name = f"My Cozy - part{number:03}.zip" if len(self.parts) > 1 else "My Cozy.zip"
        told = {"content-type": "application/zip", "content-disposition": f"attachment; filename={name}"}
        if self.faults.endless:
            return Answer(200, told, _endless())
        faults = self.faults
        spoiled = Spoiled(faults.lost, faults.cut, faults.altered, faults.gone)
        found = entries(self.cozy, self.parts[number], self._doctypes, spoiled)
        body = zipped(iter(()) if faults.replaced and number == 0 else found)
        if faults.break_times:
            faults.break_times -= 1
            return Answer(200, told, _beginning(body, faults.break_off), whole=False)
        return Answer(200, told, body)

    def _manifest(self, identifier: str, headers: dict[str, str]) -> Answer:
        self._fail(None)
        self._check(identifier)
        text = self.faults.manifest.encode() or json.dumps({"data": self._document()}).encode()
        told = {"content-type": "application/vnd.api+json", "vary": "Accept-Encoding"}
        if "gzip" in headers.get("accept-encoding", ""):
            return Answer(200, {**told, "content-encoding": "gzip"}, [gzip.compress(text)])
        return Answer(200, told, [text])

    def _document(self) -> dict[str, Any]:
        done = self.faults.state == "done"
        attributes: dict[str, Any] = {
            "domain": self.cozy.domain,
            "parts_size": self._parts_size,
            "parts_cursors": [part.cursor for part in self.parts[1:]] if done else None,
            "state": self.faults.state,
            "created_at": self.created_at.isoformat(),
            "expires_at": (self.created_at + MAX_AGE).isoformat(),
            "total_size": json_size(self.cozy) if done else -1,
            "creation_duration": 1_234_567_890,
        }
        if self._doctypes:
            attributes["with_doctypes"] = list(self._doctypes)
        if self.faults.state == "error":
            attributes["error"] = "something broke"
        return {"type": "io.cozy.exports", "id": EXPORT, "attributes": attributes, "meta": {"rev": "2-abc"}}

    def _fail(self, part: int | None) -> None:
        faults = self.faults
        if faults.redirect:
            raise _Refused(302, "Found", {"location": faults.redirect})
        if faults.times and faults.only_part in (-1, part):
            faults.times -= 1
            retry = {"retry-after": str(faults.retry_after)} if faults.retry_after else {}
            raise _Refused(faults.status, "something broke", retry)

    def _check(self, identifier: str) -> None:
        """Look at the identifier as the real one does: form, signature, age, document, its expiry."""
        try:
            inner = base64.b64decode(identifier, b"-_", validate=True)
            raw = base64.b64decode(inner + b"=" * (-len(inner) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _Refused(400, "illegal base64 data") from None
        made, name = raw[:8], raw[8:40]
        age = self._clock() - datetime.fromtimestamp(int.from_bytes(made, "big"), UTC)
        if not hmac.compare_digest(raw[40:], self._mac(made, name)) or age > MAX_AGE:
            raise _Refused(401, "exports: invalid mac")
        if name.decode() != EXPORT:
            raise _Refused(404, "exports: not found")
        if self._clock() >= self.created_at + MAX_AGE:
            raise _Refused(404, "exports: has expired")

    def _signed(self, at: datetime, name: str) -> str:
        made = int(at.timestamp()).to_bytes(8, "big")
        raw = made + name.encode() + self._mac(made, name.encode())
        return base64.urlsafe_b64encode(base64.urlsafe_b64encode(raw).rstrip(b"=")).decode()

    def _mac(self, made: bytes, name: bytes) -> bytes:
        return hmac.digest(self._secret, b"exports" + made + name, "sha256")

    def set_faults(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Set faults by their names, and return all of them."""
        self.faults = Faults(**changes)
        return asdict(self.faults)


def _error(refused: _Refused, accept: str) -> Answer:
    """An error as it is rendered for what is accepted: not in JSON:API."""
    if "application/json" in accept:
        kind, text = "application/json", json.dumps({"error": refused.message})
    elif "text/html" in accept:
        kind, text = "text/html", f"<html>{refused.message}</html>"
    else:
        kind, text = "text/plain", refused.message
    return Answer(refused.status, {"content-type": kind, **refused.headers}, [text.encode()])


def _beginning(body: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in body:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _endless() -> Iterator[bytes]:
    while True:
        yield bytes(64 * 1024)
