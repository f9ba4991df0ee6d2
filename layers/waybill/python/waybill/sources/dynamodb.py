"""Records in a DynamoDB table.

Read by Query, eventually consistent (half the price), in pages of up to 1 MB. A page is decoded from its raw body;
records that are stored as text are checked and passed on without being taken apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from typing import NamedTuple, Protocol

import msgspec

from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.chain import JOINT
from waybill.domain.errors import CatalogError, SourceUnavailable, StorageUnavailable
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import Shard
from waybill.ports import Budget, Measure, SourceItem
from waybill.sources import attribute_json, json_text
from waybill.sources.attribute_json import Attribute
from waybill.sources.key_ranges import cuts
from waybill.sources.measuring import PageLimit, Stretch, measured
from waybill.sources.moments import unix_seconds


class TableClient(Protocol):
    """What a source needs of a DynamoDB client; ``adapters.aws_json`` has one."""

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        """Do an operation and return the raw body of its answer. Raises StorageUnavailable."""
        ...


class _Page(msgspec.Struct, rename="pascal"):
    """A page. Its items are decoded one by one as they are used: that is twice as fast, and memory stays small."""

    items: list[msgspec.Raw] = []
    last_evaluated_key: msgspec.Raw = msgspec.Raw()


_PAGE = msgspec.json.Decoder(_Page)
_ITEM = msgspec.json.Decoder(dict[str, Attribute])


class _Record(NamedTuple):
    """An item, with the text of its sort key and of its id."""

    sort: str
    id: str
    item: dict[str, Attribute]


class TableRecords:
    """Source of a doctype whose records, or whose files' index, are in a DynamoDB table."""

    def __init__(self, doctype: Doctype, client: TableClient) -> None:
        source = doctype.source.index if isinstance(doctype.source, FilesSource) else doctype.source
        if not isinstance(source, TableSource):
            raise CatalogError(f"The doctype {doctype.name} is in no table.")
        if source.index is not None and source.id_attribute is None:
            raise CatalogError(f"The doctype {doctype.name} is read from an index, so it needs an id_attribute.")
        if "{tenant}" not in source.partition_value:
            raise CatalogError(f"The partition_value of {doctype.name} must hold {{tenant}}.")
        if source.sort_key_type not in {"S", "N"} or (source.sort_key_type == "N" and source.sort_prefix):
            raise CatalogError(f"The sort_key_type of {doctype.name} must be S, or N without a sort_prefix.")
        self._doctype = doctype
        self._source = source
        self._client = client

    def shards(self, *, tenant: str, start: int) -> list[Shard]:
        """Cut the tenant's records into ranges of sort keys, numbered from ``start``.

        A set that fits in one page of DynamoDB (1 MB) is one shard. Together the shards hold every possible key, so
        records that are written meanwhile are read too, wherever they fall. Raises SourceUnavailable.
        """
        bounds = [None, *self._cuts(tenant), None]
        return [
            Shard(number=start + position, doctype=self._doctype.name, first=first, last=last, index=position + 1)
            for position, (first, last) in enumerate(pairwise(bounds))
        ]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:
        """Yield the shard's records in the order of their keys, those behind ``after``.

        A record that cannot be turned into JSON is a gap. Raises SourceUnavailable.
        """
        for position, record in self._positioned(tenant, shard, after):
            yield self._source_item(position, record)

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        """Count the tenant's records (``ports.Source.measure``). Raises SourceUnavailable."""
        return measured(self, tenant, pages=pages, budget=budget)

    @property
    def numeric_keys(self) -> bool:
        """Whether sort keys are numbers."""
        return self._source.sort_key_type == "N"

    def stretch(
        self, tenant: str, low: str | None, high: str | None, *, limit: PageLimit, records: int | None = None
    ) -> Stretch:
        """Read the records with sort keys in ``[low, high)`` as far as ``limit`` allows, ``records`` to a page."""
        shard = Shard(0, self._doctype.name, low, high)
        keys: list[str] = []
        items: list[SourceItem] = []
        for position, record in self._positioned(tenant, shard, None, limit=limit, page=records):
            keys.append(record.sort)
            items.append(self._source_item(position, record))
        end = (keys[-1] if keys else low or "") if limit.reached else None
        return Stretch(keys, items, end)

    def last_key(self, tenant: str) -> str | None:
        """Return the last sort key of the tenant's records, if there are any."""
        keys_only = self._query(tenant, attributes=[self._source.sort_key])
        page = self._page({**keys_only, "ScanIndexForward": False, "Limit": 1})
        return self._sort_key(_ITEM.decode(page.items[0])) if page.items else None

    def _cuts(self, tenant: str) -> list[str]:
        if self._doctype.shards == 1 or self._source.sort_key_type != "S":
            return []
        keys_only = self._query(tenant, attributes=[self._source.sort_key])
        first_page = self._page(keys_only)
        if not first_page.last_evaluated_key or not first_page.items:
            return []
        last = self.last_key(tenant)
        if last is None:
            return []
        sample = [self._sort_key(_ITEM.decode(raw)) for raw in first_page.items]
        return cuts(sample, last, self._doctype.shards)

    def _positioned(
        self, tenant: str, shard: Shard, after: str | None, *, limit: PageLimit | None = None, page: int | None = None
    ) -> Iterator[tuple[str, _Record]]:
        """Yield the shard's records behind ``after``, each with the position to resume behind it.

        In a table the position is the sort key. In an index sort keys may repeat, so there it is the sort key and the
        id, and records of the same sort key (held in memory together) are put in the order of their ids.
        """
        if self._source.index is None:
            for record in self._records(tenant, low=after or shard.first, high=shard.last, limit=limit, page=page):
                if record.sort != after:
                    yield record.sort, record
            return
        after_sort, _, after_id = (after or "").rpartition(JOINT)
        low = after_sort if after else shard.first
        records = self._records(tenant, low=low, high=shard.last, limit=limit, page=page)
        for sort, same_sort in groupby(records, key=lambda record: record.sort):
            for record in sorted(same_sort, key=lambda record: record.id):
                if after is None or sort != after_sort or record.id > after_id:
                    yield f"{sort}{JOINT}{record.id}", record

    def _records(
        self, tenant: str, *, low: str | None, high: str | None, limit: PageLimit | None = None, page: int | None = None
    ) -> Iterator[_Record]:
        """Yield the records with sort keys in ``[low, high)`` in the order of their sort keys.

        ``limit`` says how many pages may be read, ``page`` how many records one may have.
        """
        source = self._source
        id_attribute = source.id_attribute or source.sort_key
        wanted = [source.sort_key, id_attribute, source.body_attribute, source.updated_at_attribute]
        query = self._query(tenant, low, high, attributes=wanted if source.body_attribute else ())
        if page is not None:
            query["Limit"] = page
        while True:
            found = self._page(query)
            for raw in found.items:
                item = _ITEM.decode(raw)
                sort = self._sort_key(item)
                if sort == high or not sort.startswith(source.sort_prefix):
                    return
                yield _Record(sort, _scalar(item.get(id_attribute)) or sort, item)
            if not found.last_evaluated_key or (limit is not None and not limit.another()):
                return
            query["ExclusiveStartKey"] = found.last_evaluated_key

    def _query(
        self, tenant: str, low: str | None = None, high: str | None = None, *, attributes: Iterable[str | None]
    ) -> dict[str, object]:
        """Return the Query for sort keys from ``low`` to ``high``, both included, and ``attributes``, all if none."""
        source = self._source
        names: dict[str, str] = {}

        def name(attribute: str) -> str:
            return names.setdefault(attribute, f"#{len(names)}")

        partition = source.partition_value.format(tenant=tenant, doctype=self._doctype.name)
        values = {":partition": {"S": partition}}
        condition = f"{name(source.partition_key)} = :partition"
        low = low or source.sort_prefix
        if low:
            values[":low"] = {source.sort_key_type: low}
        if high is not None:
            values[":high"] = {source.sort_key_type: high}
        if low and high is not None:
            condition += f" AND {name(source.sort_key)} BETWEEN :low AND :high"
        elif high is not None:
            condition += f" AND {name(source.sort_key)} < :high"
        elif low and low == source.sort_prefix:
            condition += f" AND begins_with({name(source.sort_key)}, :low)"
        elif low:
            condition += f" AND {name(source.sort_key)} >= :low"
        projection = ", ".join(dict.fromkeys(name(attribute) for attribute in attributes if attribute))
        query: dict[str, object] = {
            "TableName": source.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {placeholder: attribute for attribute, placeholder in names.items()},
            "ExpressionAttributeValues": values,
        }
        if projection:
            query["ProjectionExpression"] = projection
        if source.index is not None:
            query["IndexName"] = source.index
        return query

    def _page(self, query: Mapping[str, object]) -> _Page:
        try:
            return _PAGE.decode(self._client.call("Query", query))
        except (StorageUnavailable, msgspec.DecodeError) as error:
            raise SourceUnavailable(
                f"The doctype {self._doctype.name} cannot be read from the table {self._source.table}: {error}"
            ) from error

    def _sort_key(self, item: Mapping[str, Attribute]) -> str:
        source = self._source
        try:
            return str(item[source.sort_key][source.sort_key_type])
        except KeyError:
            raise CatalogError(
                f"The catalog says that {source.sort_key} of the table {source.table} is a sort key of type "
                f"{source.sort_key_type}, but the table's records say otherwise."
            ) from None

    def _source_item(self, position: str, record: _Record) -> SourceItem:
        source = self._source
        try:
            if source.body_attribute is None:
                line = attribute_json.one_line(record.item, self._doctype.leave_out)
            else:
                line = json_text.one_line(_text(record.item.get(source.body_attribute)), self._doctype.leave_out)
        except json_text.NotAnObject as error:
            return self._gap(position, record, "invalid_json", f"The record's {source.body_attribute} {error}.")
        except attribute_json.NotConvertible as error:
            return self._gap(position, record, "invalid_attribute", f"The record {error}.")
        updated_at = unix_seconds(_scalar(record.item.get(source.updated_at_attribute or "")))
        return SourceItem(key=position, line=line, updated_at=updated_at, id=record.id)

    def _gap(self, position: str, record: _Record, code: str, reason: str) -> SourceItem:
        return SourceItem(
            key=position,
            gap=Gap(
                doctype=self._doctype.name,
                kind="record",
                id=record.id,
                outcome=Outcome.FAILED,
                code=code,
                reason=reason,
            ),
        )


def _scalar(attribute: Attribute | None) -> str:
    """Return a string's or number's text, else nothing."""
    return str(attribute.get("S") or attribute.get("N") or "") if attribute else ""


def _text(attribute: Attribute | None) -> str:
    """Return a string attribute's text. Raises NotAnObject."""
    if attribute is None:
        raise json_text.NotAnObject("is missing")
    text = attribute.get("S")
    if not isinstance(text, str):
        raise json_text.NotAnObject("is not text")
    return text
