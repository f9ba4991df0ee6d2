"""What the stand-in answers. It knows no sockets: a request comes in as what was sent, and an answer goes out."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.systems.exchange import Asked, Told
from tests.systems.serving import json_told
from tests.systems.uforge import data
from tests.systems.uforge.faults import Fault
from tests.systems.uforge.signin import Account
from tests.systems.uforge.tickets import Counter, Ticket
from tests.systems.uforge.xml_text import document, listing

BASE = "/api/"
XML = "application/xml"
_LIST_PARAMETERS = frozenset(("query", "descending", "orderBy", "count", "offset"))
_SIGNING = frozenset(("apiKey", "signature"))

Record = dict[str, Any]


class Reset(ConnectionResetError):
    """The connection goes away without an answer."""


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Parsed:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def check(self, *parameters: str, accept: str = XML) -> None:
        """Refuse what a route does not know."""
        unknown = set(self.query) - set(parameters) - _SIGNING
        if unknown:
            raise _Refused(400, f"Unknown parameter {sorted(unknown)[0]}")
        if self.headers.get("accept", XML) != accept:
            raise _Refused(406, f"This is only to be had as {accept}")
        if self.body:
            raise _Refused(415, "No request body is required")


@dataclass
class UForge:
    """A UForge with one user. ``requests`` is all that was asked of it, method and path with query.

    ``GET /_state`` tells how many tickets there are and ever were.
    """

    account: Account = field(default_factory=Account)
    appliances: int = 3
    bundles: int = 2
    archive_size: int = 2_000
    polls: int = 2
    faults: list[Fault] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    requests: list[str] = field(default_factory=list)
    fates: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        login = self.account.login
        self.lock = threading.Lock()
        self.tickets = Counter(self.polls, self.fates)
        self.lists: dict[str, list[Record]] = {
            "appliances": [data.appliance(login, 10 + 7 * number % 1009) for number in range(self.appliances)],
            "mysoftware": [data.bundle(login, 100 + number) for number in range(self.bundles)],
            "accounts": data.accounts(login),
        }

    def uri(self, kind: str, number: int) -> str:
        """The URI of an object."""
        return f"users/{self.account.login}/{kind}/{number}"

    def __call__(self, asked: Asked) -> Told:
        """Answer a request. Raises Reset."""
        with self.lock:
            if asked.path == "/_state":
                return json_told({"tickets": len(self.tickets.tickets), "asked": self.tickets.asked})
            return self.answer(asked.method, asked.target, asked.headers, asked.body)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Told:
        """Answer a request. ``target`` is path and query as they were sent. Raises Reset."""
        headers = {name.lower(): value for name, value in headers.items()}
        if not target.startswith(BASE):
            return Told(404, b"<html>Not Found</html>", {"content-type": "text/html"})
        relative = target.removeprefix(BASE)
        path, _, query = relative.partition("?")
        shown = "&".join(each for each in query.split("&") if each and each.partition("=")[0] not in _SIGNING)
        asked = f"{method} {path}?{shown}" if shown else f"{method} {path}"
        self.requests.append(asked)
        fault = next((each for each in self.faults if each.hits(asked)), None)
        if fault is not None and fault.what.isdecimal():
            return self._error(int(fault.what), "Something went wrong", asked, dict(fault.headers))
        if not self.account.admits(relative, headers):
            return Told(401, b"<html>Unauthorized</html>", {"content-type": "text/html"})
        if fault is not None and fault.what == "first-page":
            query = re.sub(r"offset=\d+", "offset=0", query)
        parsed = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        answer = self._routed(_Parsed(method, unquote(path), parsed, headers, body), asked)
        return answer if fault is None else _spoilt(answer, fault.what)

    def _routed(self, asked: _Parsed, shown: str) -> Told:
        found = [
            (method, route, match.groups())
            for method, pattern, route in self._routes()
            if (match := re.fullmatch(pattern, asked.path))
        ]
        if not found:
            return self._error(404, "No such resource", shown)
        for method, route, parts in found:
            if method == asked.method:
                try:
                    return route(asked, *parts)
                except _Refused as refused:
                    return self._error(refused.status, str(refused), shown)
        return self._error(405, "Method Not Allowed", shown)

    def _routes(self) -> Sequence[tuple[str, str, Callable[..., Told]]]:
        user = f"users/{re.escape(self.account.login)}"
        ticket = rf"{user}/(appliances|mysoftware)/(\d+)/exports/(\d+)"
        return (
            ("GET", user, self._user),
            ("GET", f"{user}/(appliances|mysoftware|accounts)", self._list),
            ("GET", f"{user}/exports", self._tickets),
            ("POST", rf"{user}/(appliances|mysoftware)/(\d+)/exports", self._export),
            ("GET", rf"{user}/(appliances)/(\d+)/exports/(\d+)", self._ticket),
            ("DELETE", ticket, self._delete),
            ("GET", f"{ticket}/status", self._status),
            ("DELETE", rf"{user}/(appliances)/(\d+)/exports/(\d+)/status", self._cancel),
            ("GET", f"{ticket}/downloads", self._download),
        )

    def _user(self, asked: _Parsed) -> Told:
        asked.check()
        return _xml(document("user", data.user(self.account.login)))

    def _list(self, asked: _Parsed, kind: str) -> Told:
        asked.check(*_LIST_PARAMETERS)
        name, element = {
            "appliances": ("appliances", "appliance"),
            "mysoftware": ("mySoftwareList", "mySoftware"),
            "accounts": ("credAccounts", "credAccount"),
        }[kind]
        return _page(asked, name, element, self.lists[kind])

    def _tickets(self, asked: _Parsed) -> Told:
        asked.check(*_LIST_PARAMETERS)
        rows = [ticket.fields for ticket in self.tickets.of_kind("appliances")]
        return _page(asked, "applianceExports", "applianceExport", rows)

    def _export(self, asked: _Parsed, kind: str, number: str) -> Told:
        asked.check("outputFormat")
        output_format = asked.query.get("outputFormat", "yaml")
        if output_format not in {"yaml", "json"}:
            raise _Refused(400, "The output format is yaml or json")
        parent = self._parent(kind, number)
        if self.tickets.fates.get(str(parent["uri"])) == "refused":
            raise _Refused(409, "This appliance is being changed")
        moment = self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        ticket = self.tickets.ask(kind, parent, output_format, moment)
        root = "applianceExport" if kind == "appliances" else "softwareBundleExport"
        return _xml(document(root, ticket.fields), 201)

    def _ticket(self, asked: _Parsed, kind: str, number: str, ticket: str) -> Told:
        asked.check()
        return _xml(document("applianceExport", self._found(kind, number, ticket).fields))

    def _status(self, asked: _Parsed, kind: str, number: str, ticket: str) -> Told:
        asked.check()
        found = self._found(kind, number, ticket)
        found.looks += 1
        if found.has_ended and found.fate == "vanishes":
            del self.tickets.tickets[found.number]
            raise _Refused(404, "No such export")
        return _xml(document("status", found.status))

    def _cancel(self, asked: _Parsed, kind: str, number: str, ticket: str) -> Told:
        asked.check()
        found = self._found(kind, number, ticket)
        if found.has_ended:
            raise _Refused(409, "The export has ended")
        found.is_cancelled = True
        return _xml(document("status", found.status))

    def _download(self, asked: _Parsed, kind: str, number: str, ticket: str) -> Told:
        asked.check(accept="*/*")
        found = self._found(kind, number, ticket)
        if not found.is_complete:
            raise _Refused(404, "The archive is not complete")
        found.downloaded = True
        content = data.archive(found.parent, found.output_format, self.archive_size)
        return Told(200, content, {"content-type": "application/octet-stream"})

    def _delete(self, asked: _Parsed, kind: str, number: str, ticket: str) -> Told:
        asked.check()
        found = self._found(kind, number, ticket)
        if kind == "appliances" and not found.has_ended:
            raise _Refused(409, "The export is still running")
        del self.tickets.tickets[found.number]
        return Told(204)

    def _parent(self, kind: str, number: str) -> Record:
        for each in self.lists[kind]:
            if each["dbId"] == int(number):
                return each
        raise _Refused(404, f"There is no object {number}")

    def _found(self, kind: str, number: str, ticket: str) -> Ticket:
        found = self.tickets.find(kind, self._parent(kind, number), int(ticket))
        if found is None:
            raise _Refused(404, f"There is no export {ticket}")
        return found

    def _error(self, status: int, message: str, asked: str, headers: Mapping[str, str] | None = None) -> Told:
        fields = {
            "localizedErrorMsg": {"message": message, "messageId": "error"},
            "requestMethod": asked.partition(" ")[0],
            "requestUri": asked.partition(" ")[2].partition("?")[0],
            "statusCode": status,
        }
        return Told(status, document("uforgeError", fields), {"content-type": XML, **(headers or {})})


def _page(asked: _Parsed, name: str, element: str, rows: Sequence[Record]) -> Told:
    try:
        offset, count = int(asked.query.get("offset", "0")), int(asked.query.get("count", str(len(rows))))
    except ValueError:
        raise _Refused(400, "count and offset are numbers") from None
    return _xml(listing(name, element, len(rows), rows[offset : offset + count]))


def _xml(body: bytes, status: int = 200) -> Told:
    return Told(status, body, {"content-type": XML, "etag": '"1"'})


def _spoilt(answer: Told, what: str) -> Told:
    """Return an answer as a fault leaves it."""
    match what:
        case "resets":
            raise Reset
        case "malformed":
            return Told(answer.status, answer.body.replace(b"</", b"<", 1), answer.headers)
        case "truncated":
            return Told(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        case "doctype":
            bomb = b'<!DOCTYPE a [<!ENTITY x "boom"><!ENTITY y SYSTEM "file:///etc/passwd">]><a>&x;&y;</a>'
            return Told(answer.status, bomb, answer.headers)
        case "other":
            return Told(answer.status, b"<html><body>Maintenance</body></html>", answer.headers)
        case "breaks":
            return Told(answer.status, answer.body, answer.headers, len(answer.body) // 2)
    return answer
