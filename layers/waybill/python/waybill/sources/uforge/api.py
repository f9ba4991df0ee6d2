"""UForge's API, as far as a person's own data go (reference source-systems, part B)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from waybill.domain.errors import SourceUnavailable
from waybill.sources.moments import unix_seconds
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.paging import Page, pages
from waybill.sources.rest.requests import XML, Pairs, Reply, Request
from waybill.sources.rest.xml_body import NotXml, parsed
from waybill.sources.uforge.xml_record import NAMESPACE, is_true, number_of, record_of, text_of

PAGE_SIZE = 50
"""Objects in a page: an appliance has up to some hundred kilobytes, and a page must be less than 16 MiB."""

MOST_MESSAGE = 300
"""Characters of a message of UForge's that are passed on."""

_NOT_FOUND, _CONFLICT = 404, 409
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: where the list of them is below the user, and the names of its elements.

    ``ticket`` is the element of an export ticket, empty if there are no archives of this kind. ``tickets`` is where all
    tickets of the user are listed, and whether they ``can_be_cancelled``: bundles have neither.
    """

    path: str
    listed_in: str
    element: str
    ticket: str = ""
    tickets: str = ""
    can_be_cancelled: bool = False


APPLIANCES = Kind("appliances", "appliances", "appliance", "applianceExport", "exports", can_be_cancelled=True)
MY_SOFTWARE = Kind("mysoftware", "mySoftwareList", "mySoftware", "softwareBundleExport")
ACCOUNTS = Kind("accounts", "credAccounts", "credAccount")

KINDS = {kind.path: kind for kind in (APPLIANCES, MY_SOFTWARE, ACCOUNTS)}
"""By what a doctype calls them behind its dot."""


class Thing(NamedTuple):
    """One object: its number in UForge, and the whole of it."""

    number: int
    record: dict[str, object]

    @property
    def name(self) -> str:
        """What people call it."""
        name = self.record.get("name")
        return name if isinstance(name, str) else ""

    @property
    def version(self) -> str:
        """Its version."""
        version = self.record.get("version")
        return version if isinstance(version, str) else ""


class Status(NamedTuple):
    """What has become of a ticket. ``message`` says why, if it has failed."""

    complete: bool
    failed: bool
    cancelled: bool
    message: str


class Ticket(NamedTuple):
    """An export ticket: its path, and when it was made in Unix seconds, 0 if UForge does not say."""

    path: str
    created: int


class _Page(NamedTuple):
    rows: list[Element]
    total: int


class UForgeApi:
    """One user's account. ``user`` gives the login name. Methods raise SourceUnavailable."""

    def __init__(self, client: RestClient, user: Callable[[], str]) -> None:
        self._client = client
        self._user = user

    @property
    def _base(self) -> str:
        return f"users/{quote(self._user(), safe='')}"

    def profile(self) -> Element:
        """Return the user's own record."""
        return _root(self._client.send(self._request(self._base)), "user")

    def things(self, kind: Kind) -> list[Thing]:
        """Return all objects of a kind, sorted by their numbers.

        The list has no order of its own, so while it is read an object that goes can hide another one: a list that does
        not have as many as it says is read again.
        """
        for _ in range(_LOOKS):
            total = 0
            found: dict[int, Thing] = {}
            for page in self._pages(kind.path, kind.listed_in, kind.element):
                total = page.total
                found.update((thing.number, thing) for thing in map(self._thing, page.rows))
            if len(found) == total:
                return [found[number] for number in sorted(found)]
        raise SourceUnavailable(
            f"UForge said that there are {total} {kind.path}, and gave {len(found)}, {_LOOKS} times. Retry the export "
            "when nobody changes them."
        )

    def some_things(self, kind: Kind, most_pages: int) -> tuple[list[Thing], int, int]:
        """Return the first objects, how many there are altogether, and how many pages were read."""
        total = count = 0
        found: list[Thing] = []
        for page in islice(self._pages(kind.path, kind.listed_in, kind.element), most_pages):
            total, count = page.total, count + 1
            found += map(self._thing, page.rows)
        return found, max(total, len(found)), max(count, 1)

    def ask(self, kind: Kind, number: int, output_format: str) -> str:
        """Ask for the archive of an object; return the ticket's path. Raises RequestRefused."""
        path = f"{self._base}/{kind.path}/{number}/exports"
        reply = self._client.send(self._request(path, method="POST", query=(("outputFormat", output_format),)))
        ticket = number_of(_root(reply, kind.ticket), "dbId")
        if ticket is None:
            raise SourceUnavailable(f"{reply.asked} was answered with a ticket that has no number.")
        return f"{path}/{ticket}"

    def tickets(self, kind: Kind, number: int) -> list[Ticket]:
        """Return all tickets that there are of an object, by their numbers; none if UForge does not list such."""
        if not kind.tickets:
            return []
        found = {
            number_of(each, "dbId"): unix_seconds(text_of(each, "created"))
            for page in self._pages(kind.tickets, f"{kind.ticket}s", kind.ticket)
            for each in page.rows
            if text_of(each, "parentUri").endswith(f"/{kind.path}/{number}")
        }
        of = f"{self._base}/{kind.path}/{number}/exports"
        return [Ticket(f"{of}/{ticket}", found[ticket]) for ticket in sorted(filter(None, found))]

    def status(self, ticket: str) -> Status | None:
        """Return what has become of a ticket, None if it is not there any more."""
        reply = self._client.send(self._request(f"{ticket}/status", taken=(_NOT_FOUND,)))
        if reply.status == _NOT_FOUND:
            return None
        root = _root(reply, "status")
        failed = is_true(root, "error")
        texts = ("errorMessage", "detailedErrorMsg") if is_true(root, "detailedError") else ("errorMessage",)
        return Status(
            complete=is_true(root, "complete"),
            failed=failed,
            cancelled=is_true(root, "cancelled"),
            message=_clean(
                ". ".join(filter(None, (text_of(root, each) for each in texts))) or text_of(root, "message")
            ),
        )

    def download(self, ticket: str) -> Iterator[bytes]:
        """Yield the archive of a ticket that is complete. Raises RequestRefused."""
        return self._client.stream(self._request(f"{ticket}/downloads", accept="*/*"))

    def cancel(self, kind: Kind, ticket: str) -> None:
        """Let an archive not be made further, where UForge can do that. Safe to repeat."""
        if kind.can_be_cancelled:
            self._client.send(self._request(f"{ticket}/status", method="DELETE", taken=(_NOT_FOUND, _CONFLICT)))

    def delete(self, ticket: str) -> None:
        """Delete a ticket with its archive. Safe to repeat."""
        self._client.send(self._request(ticket, method="DELETE", taken=(_NOT_FOUND,)))

    def _request(
        self, path: str, *, method: str = "GET", query: Pairs = (), accept: str = XML, taken: tuple[int, ...] = ()
    ) -> Request:
        """Return a request that is shown in errors without whose account it is about."""
        shown = path.replace(self._base, "users/{user}", 1) + (f"?{urlencode(query)}" if query else "")
        return Request(path, method=method, query=query, accept=accept, shown=shown, taken=frozenset(taken))

    def _pages(self, path: str, listed_in: str, element: str) -> Iterator[Page[Element]]:
        def at(offset: int) -> Request:
            return self._request(f"{self._base}/{path}", query=(("count", str(PAGE_SIZE)), ("offset", str(offset))))

        def read(reply: Reply) -> _Page:
            root = _root(reply, listed_in)
            total = number_of(root, "total")
            if total is None:
                raise SourceUnavailable(f"{reply.asked} was answered with a list that does not say how long it is.")
            return _Page(root.findall(f"{listed_in}/{element}"), total)

        return pages(self._client, at, read, size=PAGE_SIZE)

    def _thing(self, element: Element) -> Thing:
        number = number_of(element, "dbId")
        if number is None or number < 0:
            raise SourceUnavailable(
                "UForge listed an object without a number (dbId), so it cannot be told from others."
            )
        return Thing(number, record_of(element))


def message_of(body: bytes) -> str:
    """Return what UForge says about a request that it refused, an empty text if it says nothing that can be read."""
    try:
        return _clean(text_of(parsed(body), "localizedErrorMsg/message"))
    except NotXml:
        return ""


def _root(reply: Reply, name: str) -> Element:
    """Return the root of an answer. Raises SourceUnavailable if it is another element than was asked for."""
    root = reply.xml()
    if root.tag != f"{{{NAMESPACE}}}{name}":
        raise SourceUnavailable(f"{reply.asked} was answered with XML that is no {name} of UForge's.")
    return root


def _clean(text: str) -> str:
    """Return a text as part of a sentence: one line, and not too long."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:MOST_MESSAGE]
