"""The parts of a Cozy's export, each downloaded once and kept for as long as it is read.

A Cozy makes a part anew for every download, from files as they are at that moment. So where reading stopped in a part
is told together with the download that it was, and a shard goes on in the same one, whatever others have downloaded.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from waybill.domain.errors import InvalidAddress, SourceNotReady, SourceUnavailable
from waybill.domain.plan import KeptContent
from waybill.intake.cozy_link import (
    NO_LIMITS,
    PART_SECONDS,
    CozyExport,
    CozyManifest,
    CozyPart,
    CozyUnavailable,
    check_part,
)
from waybill.intake.members import BadArchive
from waybill.intake.zip_reader import ZipReader
from waybill.ports import Clock, Staging, Web

CLAIM = timedelta(seconds=PART_SECONDS + 120)
"""For so long nobody else begins with a part that somebody downloads."""

CLAIM_PAUSE = 15
"""Seconds after which is looked whether another one is done with a part."""

PATIENCE = timedelta(hours=2)
"""For how long a Cozy may ask to be left alone."""


class _Claim(msgspec.Struct, frozen=True):
    shard: int
    at: datetime


class _Plan(msgspec.Struct, frozen=True):
    """What all readers go by: the parts by their cursors, and which doctypes were asked for; none means all."""

    cursors: tuple[str, ...]
    doctypes: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[CozyPart, ...]:
        count = len(self.cursors) + 1
        return tuple(CozyPart(number, count, each) for number, each in enumerate(("", *self.cursors), start=1))


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part that can be read. ``download`` says which one it is of those that were made of it."""

    part: CozyPart
    download: str
    archive: ZipReader


class Downloads:
    """The parts of one export. ``name`` is that of the source in the catalog, ``link`` reads the link when needed."""

    def __init__(self, name: str, link: Callable[[], str], *, web: Web, staging: Staging | None, clock: Clock) -> None:
        self._name = name
        self._link = link
        self._web = web
        self._kept_in = staging
        self._clock = clock
        self._prefix = f"cozy-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        self._plan: _Plan | None = None

    @property
    def _staging(self) -> Staging:
        if self._kept_in is None:
            raise SourceUnavailable(f"The source {self._name} can be read for an export only.")
        return self._kept_in

    def manifest(self) -> CozyManifest:
        """Ask the Cozy what it says of the export. Raises SourceUnavailable."""
        try:
            return self._export().manifest()
        except (CozyUnavailable, InvalidAddress) as error:
            raise self._unavailable(error) from None

    def plan(self) -> tuple[CozyPart, ...]:
        """Ask the Cozy which parts there are, and note it for those who read them. Raises SourceUnavailable."""
        if self._plan is None:
            manifest = self.manifest()
            self._plan = _Plan(tuple(part.cursor for part in manifest.parts[1:]), manifest.doctypes)
            self._staging.put_note(f"{self._prefix}/plan", msgspec.json.encode(self._plan))
        return self._plan.parts

    def holds(self, doctype: str) -> bool:
        """Whether the export was made of all doctypes, or of some of which this is one. Raises SourceUnavailable."""
        asked_for = self._planned().doctypes
        return not asked_for or doctype in asked_for

    def opened(self, number: int, *, shard: int, download: str | None) -> OpenPart:
        """Return a part, in a certain ``download`` if reading began in it. Raises SourceUnavailable and SourceNotReady.

        ``shard`` is the number of the one that it is opened for.
        """
        part = self._planned().parts[number - 1]
        download = download or self._finished(part) or self._downloaded(part, shard)
        content = self._staging.kept(self._content(part, download))
        if content is None:
            raise SourceUnavailable(
                f"{self._told(part)} was downloaded, and is not there any more. Create the export again."
            )
        try:
            return OpenPart(part, download, ZipReader(content.size, self._reader(content), NO_LIMITS))
        except BadArchive as error:
            raise SourceUnavailable(f"{self._told(part)} cannot be read. {error} Create the export again.") from None

    def _planned(self) -> _Plan:
        if self._plan is None:
            text = self._staging.note(f"{self._prefix}/plan")
            if text is None:
                raise SourceUnavailable(f"The parts of {self._name} were not planned. Create the export again.")
            self._plan = msgspec.json.decode(text, type=_Plan)
        return self._plan

    def _finished(self, part: CozyPart) -> str | None:
        """Return the download of a part that is there already."""
        text = self._staging.note(f"{self._prefix}/{part.name}.finished")
        return None if text is None else text.decode()

    def _downloaded(self, part: CozyPart, shard: int) -> str:
        """Download a part, unless somebody else is at it; return which download it is."""
        self._claim(part, shard)
        tries = f"{self._prefix}/{part.name}.{shard:05}.tries"
        attempt = int(self._staging.note(tries) or b"1")
        download = f"{shard:05}.{attempt:03}"
        name = self._content(part, download)
        try:
            content = self._export().keep(part, lambda _, chunks: self._staging.keep(name, chunks))
            check_part(part, content.size, self._reader(content))
        except (CozyUnavailable, InvalidAddress) as error:
            if self._staging.kept(name) is not None:
                self._staging.put_note(tries, b"%d" % (attempt + 1))  # what is kept stays, so the next has another name
            self._wait(part, error)
            raise self._unavailable(error) from None
        self._staging.put_note(f"{self._prefix}/{part.name}.finished", download.encode())
        return download

    def _claim(self, part: CozyPart, shard: int) -> None:
        """Note who downloads a part. Raises SourceNotReady if somebody else does."""
        name = f"{self._prefix}/{part.name}.claim"
        text = self._staging.note(name)
        now = self._clock()
        if text is not None:
            claim = msgspec.json.decode(text, type=_Claim)
            if claim.shard != shard and now < claim.at + CLAIM:
                raise SourceNotReady(f"{self._told(part)} is being downloaded.", seconds=CLAIM_PAUSE)
        self._staging.put_note(name, msgspec.json.encode(_Claim(shard, now)))

    def _wait(self, part: CozyPart, error: CozyUnavailable | InvalidAddress) -> None:
        """Raise SourceNotReady if the Cozy has asked to be left alone, and that not for too long already."""
        if isinstance(error, InvalidAddress) or not error.retry_after:
            return
        name = f"{self._prefix}/{part.name}.refused"
        now = self._clock()
        text = self._staging.note(name)
        since = now if text is None else msgspec.json.decode(text, type=datetime)
        if text is None:
            self._staging.put_note(name, msgspec.json.encode(now))
        message = f"{self._told(part)} cannot be had yet. {error}"
        raise SourceNotReady(message, seconds=error.retry_after, deadline=since + PATIENCE)

    def _export(self) -> CozyExport:
        return CozyExport(self._link(), self._web)

    def _content(self, part: CozyPart, download: str) -> str:
        return f"{self._prefix}/{part.name}.{download}.zip"

    def _reader(self, content: KeptContent) -> Callable[[int, int], bytes]:
        return lambda offset, length: b"".join(self._staging.read(content, offset, length))

    def content_name(self, opened: OpenPart, place: int) -> str:
        """Return the name under which the content of a file is kept that stands at a place of a part."""
        return f"{self._prefix}/{opened.part.name}.{opened.download}/{place:09}"

    def _told(self, part: CozyPart) -> str:
        return f"Part {part.number} of {part.parts} of the Cozy {self._name}"

    def _unavailable(self, error: CozyUnavailable | InvalidAddress) -> SourceUnavailable:
        return SourceUnavailable(f"The source {self._name} cannot be read. {error}")
