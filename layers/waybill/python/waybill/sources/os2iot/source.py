"""OS2iot as a source: one shard for each kind of record, because several would share the same few requests."""

import functools
from collections.abc import Callable, Iterator

import msgspec

from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.plan import Shard
from waybill.ports import Budget, Measure, Source, SourceItem
from waybill.sources import json_text
from waybill.sources.moments import unix_seconds
from waybill.sources.os2iot.api import PAGE, client_of, uses_key
from waybill.sources.os2iot.device_csv import as_row
from waybill.sources.os2iot.reading import READERS, Backend, Found, count
from waybill.sources.rest.measuring import measured_by_reading
from waybill.sources.system import Tools


def opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    """Return what gives the source of each doctype of one backend (``sources.system.System``)."""
    by_key = functools.cache(lambda: uses_key(source, tools))
    backend = Backend(client_of(source, tools), by_key, with_secrets=source.include_secrets)
    return lambda doctype: (Os2iotDevices if doctype.columns else Os2iotRecords)(doctype, backend)


class Os2iotRecords:
    """Source of one kind of OS2iot's records. They belong to no tenant: the catalog says who may read them."""

    def __init__(self, doctype: Doctype, backend: Backend) -> None:
        self._doctype = doctype
        self._backend = backend
        self._read = READERS[doctype.collection]

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002 - the data are nobody's in particular
        """Return the one shard, without asking anything."""
        return [Shard(number=start, doctype=self._doctype.name)]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the shard's records in the order of their keys, those behind ``after``. Raises SourceUnavailable."""
        for found in self._read(self._backend, after):
            if shard.last is not None and found.position >= shard.last:
                return
            if shard.first is None or found.position >= shard.first:
                yield self._item(found)

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        """Read as much as ``pages`` pages hold, while ``budget`` is not spent (``ports.Source.measure``).

        If that is not all, the lists are asked how many there are. Raises SourceUnavailable.
        """
        items = self.read(tenant=tenant, shard=Shard(0, self._doctype.name), after=None)
        total = functools.partial(count, self._backend, self._doctype.collection)
        return measured_by_reading(items, page=PAGE, pages=pages, budget=budget, total=total)

    def _item(self, found: Found) -> SourceItem:
        if found.fields is None:
            return SourceItem(key=found.position, gap=found.gap_of(self._doctype.name), id=found.id)
        text = msgspec.json.encode(found.fields).decode()
        line = json_text.one_line(text, self._doctype.leave_out)
        updated_at = _moment(found.fields.get("updatedAt"))
        return SourceItem(key=found.position, line=line, updated_at=updated_at, id=found.id)


class Os2iotDevices(Os2iotRecords):
    """Devices, which OS2iot has a CSV for (``ports.HasRows``)."""

    def as_row(self, item: SourceItem) -> SourceItem:
        """Return an item with the row of OS2iot's CSV in place of its record."""
        return as_row(item, self._doctype.name)


def _moment(value: object) -> int:
    return unix_seconds(msgspec.json.decode(value)) if isinstance(value, msgspec.Raw) else 0
