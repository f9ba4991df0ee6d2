"""The sources of UForge's doctypes."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice, pairwise

import msgspec

from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.errors import SourceNotReady
from waybill.domain.estimate import Amount
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import FileReference, KeptContent, Shard
from waybill.ports import Budget, Measure, Source, SourceItem
from waybill.sources.json_text import one_line
from waybill.sources.moments import unix_seconds
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.secret import secret_fields
from waybill.sources.system import Tools
from waybill.sources.uforge.api import KINDS, Kind, Thing, UForgeApi
from waybill.sources.uforge.auth import UForgeAuth, credentials
from waybill.sources.uforge.tickets import Debt, NoArchive, TicketDesk, settle
from waybill.sources.uforge.xml_record import record_of

_WAIT = 5
"""Seconds between two looks at a ticket, at first. The official client looks every two seconds."""

_KEY_DIGITS = 19
"""Keys are numbers, which are in order as texts once they have as many digits."""

_ARCHIVE = "application/gzip"


def opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    """Return what gives the source of each doctype of one account (``sources.system.System``)."""
    auth = UForgeAuth(lambda fresh: credentials(secret_fields(tools.secrets, source.secret, "UForge", fresh=fresh)))
    client = RestClient(
        "UForge", source.url, connect=tools.connect, auth=auth, limit=source.requests, timing=tools.timing
    )
    api = UForgeApi(client, lambda: source.option("user") or auth.login)

    def of(doctype: Doctype) -> Source:
        kind = KINDS.get(doctype.collection)
        if kind is None:
            return Profile(doctype, api)
        desk = None
        if doctype.fetches_files and tools.staging is not None:
            desk = TicketDesk(
                api,
                kind,
                tools.staging,
                doctype=doctype.name,
                output_format=source.option("output_format"),
                patience=timedelta(minutes=int(source.option("archive_minutes"))),
                clock=tools.now,
            )
        return Things(doctype, api, kind, desk, ahead=int(source.option("tickets")))

    return of


class Profile:
    """Source of the user's own record, one of them."""

    def __init__(self, doctype: Doctype, api: UForgeApi) -> None:
        self._doctype = doctype
        self._api = api

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002 - the account is the secret's
        """Return one shard."""
        return [Shard(start, self._doctype.name)]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the record, unless it has been."""
        record = record_of(self._api.profile())
        name = str(record.get("loginName") or "")
        if after is None:
            yield _item("user", name, record, self._doctype)

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:  # noqa: ARG002
        """Count the record."""
        items = list(self.read(tenant=tenant, shard=Shard(0, self._doctype.name), after=None))
        amount = _amount(items)
        return Measure(amount, amount, items, exact=True, pages=1)


class Things:
    """Source of objects of one kind; with a ``desk``, each with its archive."""

    def __init__(self, doctype: Doctype, api: UForgeApi, kind: Kind, desk: TicketDesk | None, *, ahead: int) -> None:
        self._doctype = doctype
        self._api = api
        self._kind = kind
        self._desk = desk
        self._ahead = ahead

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002
        """Cut the objects into as many shards as the catalog says, of as many objects each."""
        keys = [_key(thing) for thing in self._api.things(self._kind)] if self._doctype.shards > 1 else []
        most = min(self._doctype.shards, len(keys))
        bounds = [None, *(keys[len(keys) * cut // most] for cut in range(1, most)), None]
        return [
            Shard(start + position, self._doctype.name, first, last)
            for position, (first, last) in enumerate(pairwise(bounds))
        ]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the shard's objects in the order of their numbers. Raises SourceNotReady while an archive is made."""
        things = self._within(shard, after)
        for position, thing in enumerate(things):
            if self._desk is None:
                yield self._item(thing)
            else:
                yield self._with_archive(thing, self._archive(self._desk, things, position))

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:  # noqa: ARG002
        """Count the objects. The size of their archives is not known before they are made: it is guessed."""
        things, total, read_pages = self._api.some_things(self._kind, pages)
        items = [self._guessed(thing) if self._doctype.fetches_files else self._item(thing) for thing in things]
        read = _amount(items)
        amount = read.times(total / len(things)) if things else read
        exact = total == len(things) and not any(item.file for item in items)
        return Measure(amount, read, items, exact=exact, pages=read_pages)

    def settle(self, data: bytes) -> None:
        """Give back a ticket (``ports.Debtor``)."""
        settle(self._api, msgspec.json.decode(data, type=Debt))

    def _within(self, shard: Shard, after: str | None) -> list[Thing]:
        things = self._api.things(self._kind)
        keys = [_key(thing) for thing in things]
        first = bisect_left(keys, shard.first or "")
        last = len(keys) if shard.last is None else bisect_left(keys, shard.last)
        return [thing for thing in things[first:last] if after is None or _key(thing) > after]

    def _archive(self, desk: TicketDesk, things: Sequence[Thing], position: int) -> KeptContent | NoArchive:
        """Return the archive of the thing at ``position``. Those of others behind it are made meanwhile."""
        number = things[position].number
        archive = desk.settled(number)
        if archive is not None:
            return archive
        behind = (each.number for each in islice(things, position, None))
        for each in islice((each for each in behind if desk.settled(each) is None), self._ahead):
            desk.advance(each)
        archive = desk.settled(number)
        if archive is None:
            raise SourceNotReady(
                f"UForge has not made the archive of {self._doctype.name} {number} yet.", seconds=_WAIT
            )
        return archive

    def _with_archive(self, thing: Thing, archive: KeptContent | NoArchive) -> SourceItem:
        item = self._item(thing)
        if isinstance(archive, NoArchive):
            gap = Gap(
                doctype=self._doctype.name,
                kind="file",
                id=str(thing.number),
                outcome=Outcome.FAILED,
                code=archive.code,
                reason=f"The archive of this record could not be had. {archive.reason}",
            )
            return replace(item, file_gap=gap)
        return replace(item, file=self._reference(thing, item, archive))

    def _guessed(self, thing: Thing) -> SourceItem:
        """Return an object with an archive of the size of its software, in no version."""
        item = self._item(thing)
        size = thing.record.get("size")
        unknown = KeptContent("", size if isinstance(size, int) and size > 0 else 0, "")
        return replace(item, file=self._reference(thing, item, unknown))

    def _reference(self, thing: Thing, item: SourceItem, archive: KeptContent) -> FileReference:
        name = "-".join(filter(None, (thing.name, thing.version))) or str(thing.number)
        return FileReference(
            id=str(thing.number),
            name=f"{name.replace('/', '_')}.tar.gz",
            directory=f"/{self._doctype.name}",
            key=archive.key,
            size=archive.size,
            etag=archive.etag,
            mime=_ARCHIVE,
            updated_at=item.updated_at,
            kept=True,
        )

    def _item(self, thing: Thing) -> SourceItem:
        return _item(_key(thing), str(thing.number), thing.record, self._doctype)


def _key(thing: Thing) -> str:
    return f"{thing.number:0{_KEY_DIGITS}}"


def _item(key: str, name: str, record: dict[str, object], doctype: Doctype) -> SourceItem:
    text = msgspec.json.encode(record, order="deterministic").decode()
    return SourceItem(
        key, line=one_line(text, doctype.leave_out), updated_at=unix_seconds(record.get("lastModified")), id=name
    )


def _amount(items: Sequence[SourceItem]) -> Amount:
    files = [item.file for item in items if item.file is not None]
    return Amount(
        records=len(items),
        record_bytes=sum(len(item.line or b"") + 1 for item in items),
        files=len(files),
        file_bytes=sum(file.size for file in files),
    )
