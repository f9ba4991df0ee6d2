"""Reads an export by a Cozy's link: its manifest, which parts there are, and each of them (cozy-move, sections 1, 4).

A link is a secret: whoever has it has the data. It is shown nowhere, neither here nor in an error.

    cozy = CozyExport(link, web)                # the mail's link, or the address of the manifest; raises InvalidAddress
    manifest = cozy.manifest()                  # asks the Cozy; raises CozyUnavailable, with a sentence for people
    for part in manifest.parts:                 # at least one; ``part.name`` is short, and safe in keys and file names
        kept = cozy.keep(part, staging.keep)    # downloads it, again if it breaks off; gives what ``keep`` gives
        check_part(part, size, read_at)         # raises CozyUnavailable if it is not what the part must be

Then ``ZipReader(size, read_at, …)`` and ``cozy_items`` read it. ``web`` is a ``ports.Web``, which decides whether
private addresses are asked. ``keep(name, chunks)`` must forget what it has if drawing a chunk raises an error. A Cozy
makes a part anew for every download, from files as they are at that moment: two downloads may differ, so keep one.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from waybill.archive.cozy import DATA
from waybill.domain.errors import AddressUnavailable, InvalidAddress, WaybillError
from waybill.intake.cozy_reader import FILES_DOCTYPE, VERSIONS_DOCTYPE
from waybill.intake.members import BadArchive, Limits
from waybill.intake.zip_reader import ReadAt, ZipReader

MOST_MANIFEST = 16 * 1024 * 1024
"""Bytes: room for some 200,000 parts."""

MOST_PART = 5 * 1024**4
"""Bytes. A part is as large as its largest file, and S3 takes no object above 5 TiB."""

PART_SECONDS = 780.0
"""How long the download of one part may take: a Lambda function's 15 minutes, and time to store the end of it."""

DOWNLOADS = 3
"""How often a part is downloaded anew that broke off and could not be taken up."""

NO_LIMITS = Limits(total=MOST_PART, member=MOST_PART, ratio=2_000, members=100_000_000)
"""For a part in which only its directory is read. Deflate makes nothing 2,000 times smaller."""

_LINK = re.compile(r"/exports/([A-Za-z0-9_=-]{8,256})/?")
_MANIFEST_PATH = re.compile(r"(/(?:[^/]+/)*?move/exports/)([A-Za-z0-9_=-]{8,256})/?")
_CURSOR = re.compile(r"[^\x00-\x20\x7f]{1,512}")
_SETTINGS_PREFIX, _SETTINGS_SUFFIX = "settings.", "-settings"

Kept = TypeVar("Kept")


class CozyUnavailable(WaybillError):
    """The Cozy does not give its export, or not all of it. The message says which request, why, and what to do.

    ``transient`` says that trying later may help, and ``retry_after`` in how many seconds, if the Cozy said so.
    """

    code = "cozy_unavailable"

    def __init__(self, message: str, *, transient: bool = False, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.transient = transient
        self.retry_after = retry_after


class Web(Protocol):
    """What is needed of ``ports.Web``."""

    def get(self, url: str, *, most: int) -> bytes:
        """Return what is there."""
        ...

    def stream(self, url: str, *, most: int, seconds: float) -> Iterator[bytes]:
        """Yield what is there."""
        ...


@dataclass(frozen=True, slots=True)
class CozyPart:
    """One of ``parts`` parts, numbered from 1. Only the first has no ``cursor``: the name of the first file in it."""

    number: int
    parts: int
    cursor: str

    @property
    def name(self) -> str:
        """A name that says nothing of what is in it."""
        return f"part-{self.number:05}"

    @property
    def first(self) -> tuple[str, str] | None:
        """The doctype and the id of the document that it must begin with, if its cursor names one."""
        for doctype in (VERSIONS_DOCTYPE, FILES_DOCTYPE):
            if self.cursor.startswith(f"{doctype}/"):
                return doctype, self.cursor.removeprefix(f"{doctype}/")
        return None


@dataclass(frozen=True, slots=True)
class CozyManifest:
    """What a Cozy says of an export that is done. ``doctypes`` are those that were asked for; none means all.

    ``json_bytes`` is the size of all documents, ``parts_size`` that of the contents after which a part was cut, both in
    bytes as they are unpacked, and 0 if the Cozy does not say.
    """

    parts: tuple[CozyPart, ...]
    doctypes: tuple[str, ...]
    json_bytes: int = 0
    parts_size: int = 0


@dataclass(frozen=True, slots=True)
class _Addresses:
    manifest: str = field(repr=False)
    data: str = field(repr=False)


class CozyExport:
    """One export of a Cozy, by its link. Making one asks nobody. Raises InvalidAddress for a text that is no link."""

    def __init__(self, link: str, web: Web) -> None:
        self._addresses = _addresses(link.strip())
        self._web = web

    def manifest(self) -> CozyManifest:
        """Ask for the manifest. Raises CozyUnavailable, also for an export that is not done, and InvalidAddress."""
        try:
            text = self._web.get(self._addresses.manifest, most=MOST_MANIFEST)
        except AddressUnavailable as error:
            raise _unavailable("its manifest", error) from None
        return _manifest(text)

    def address(self, part: CozyPart) -> str:
        """Return where a part can be downloaded, which is as secret as the link."""
        query = f"?cursor={quote(part.cursor, safe='')}" if part.cursor else ""
        return f"{self._addresses.data}{query}"

    def chunks(self, part: CozyPart) -> Iterator[bytes]:
        """Download a part. Raises CozyUnavailable and InvalidAddress while it is drawn, never ending early without."""
        try:
            yield from self._web.stream(self.address(part), most=MOST_PART, seconds=PART_SECONDS)
        except AddressUnavailable as error:
            raise _unavailable(f"part {part.number} of {part.parts}", error) from None

    def keep(self, part: CozyPart, keep: Callable[[str, Iterable[bytes]], Kept]) -> Kept:
        """Hand a part over to whoever keeps it; begin anew if the download breaks off, DOWNLOADS times in all."""
        for left in range(DOWNLOADS - 1, -1, -1):
            try:
                return keep(part.name, self.chunks(part))
            except CozyUnavailable as error:
                if not (left and error.transient) or error.retry_after:
                    raise
        raise AssertionError  # the last download raises


def check_part(part: CozyPart, size: int, read_at: ReadAt) -> None:
    """Look whether a downloaded part is one.

    Raises CozyUnavailable if it is no whole zip, and for a first part without the document that every export begins
    with: a Cozy empties an export when a later one is begun, and still says that it is done (section 3).
    """
    try:
        first = ZipReader(size, read_at, NO_LIMITS).first_name()
    except BadArchive as error:
        sentence = f"Part {part.number} of {part.parts} is no zip archive that can be read: {error} Try again."
        raise CozyUnavailable(sentence, transient=True) from None
    if part.number == 1 and (first is None or not first.startswith(f"{DATA}/")):
        raise CozyUnavailable(
            "The first part of the export is empty: a later export has replaced it, or it was too old. Make a new "
            "export in the Cozy, and use its link."
        )


def _addresses(link: str) -> _Addresses:
    """Return where manifest and parts are. A stage in the path of a manifest's address is kept (section 4)."""
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise _no_link() from None
    if parts.scheme not in ("https", "http") or not host or parts.username is not None or parts.query:
        raise _no_link()
    by_mail, direct = _LINK.fullmatch(parts.fragment), _MANIFEST_PATH.fullmatch(parts.path)
    if by_mail is not None:
        base, name, host = "/move/exports/", by_mail[1], _host_of_cozy(host)
    elif direct is not None and not parts.fragment:
        base, name = direct[1], direct[2]
    else:
        raise _no_link()
    host = f"[{host}]" if ":" in host else host
    return _Addresses(
        urlunsplit((parts.scheme, f"{host}{port}", f"{base}{name}", "", "")),
        urlunsplit((parts.scheme, f"{host}{port}", f"{base}data/{name}", "", "")),
    )


def _host_of_cozy(host: str) -> str:
    """Return the host of a Cozy, whose mail has the one of its settings (section 1, "Mail link")."""
    if host.startswith(_SETTINGS_PREFIX):
        return host.removeprefix(_SETTINGS_PREFIX)
    label, dot, rest = host.partition(".")
    return f"{label.removesuffix(_SETTINGS_SUFFIX)}{dot}{rest}"


def _no_link() -> InvalidAddress:
    return InvalidAddress(
        "The address is not that of a Cozy's export. It looks like https://…/#/exports/… or https://…/move/exports/…."
    )


def _manifest(text: bytes) -> CozyManifest:
    """Return what a manifest says (section 1, "GET /move/exports/:id")."""
    try:
        attributes = _object(_object(_object(json.loads(text)).get("data")).get("attributes"))
    except (ValueError, RecursionError):
        raise _not_understood() from None
    state = attributes.get("state")
    if state == "exporting":
        raise CozyUnavailable("The Cozy is still making the export. Try again when its mail has come.", transient=True)
    if state != "done":
        raise CozyUnavailable("The Cozy could not make the export. Make a new one there, and use its link.")
    cursors = _texts(attributes.get("parts_cursors"))
    if not all(map(_CURSOR.fullmatch, cursors)) or len(set(cursors)) < len(cursors):
        raise _not_understood()
    sizes = [_number(attributes.get(name)) for name in ("total_size", "parts_size")]
    parts = tuple(CozyPart(number, len(cursors) + 1, each) for number, each in enumerate(("", *cursors), start=1))
    return CozyManifest(parts, _texts(attributes.get("with_doctypes")), *sizes)


def _texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts, which may be null or left out."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _not_understood()
    return tuple(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _not_understood()
    return value


def _not_understood() -> CozyUnavailable:
    return CozyUnavailable(
        "What the link leads to is not the manifest of a Cozy's export. Copy the link from the Cozy's mail again."
    )


def _unavailable(what: str, error: AddressUnavailable) -> CozyUnavailable:
    """Return what an error means for whoever has the link (section 1, "Errors")."""
    advice = {
        400: "The link is not whole: copy it again from the Cozy's mail.",
        401: "The link has ended, or was never one: make a new export in the Cozy, and use its link.",
        404: "The Cozy has no such export, or it has expired: make a new one there, and use its link.",
        410: "The export has expired or was deleted: make a new one, and use its link.",
    }.get(error.status or 0, "Try again later; if that does not help, make a new export in the Cozy.")
    sentence = f"The Cozy does not give {what}. {error} {advice}"
    return CozyUnavailable(sentence, transient=error.transient, retry_after=error.retry_after)
