"""Files in an S3 bucket, with an index record each in a DynamoDB table.

The table gives its records in the order of their ids, the bucket lists its keys in the same order (both by UTF-8
bytes), so one pass over both, side by side, finds every file's size and version without a request per file.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from waybill.domain.catalog import Doctype, FilesSource
from waybill.domain.errors import CatalogError, SourceUnavailable, StorageUnavailable
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import Directory, FileReference, Shard
from waybill.ports import Budget, Measure, ObjectInfo, ObjectStore, SourceItem
from waybill.sources.dynamodb import TableClient, TableRecords
from waybill.sources.measuring import LISTED, PageLimit, Stretch, measured
from waybill.sources.moments import unix_seconds

_LEAST = "\0"
"""Behind an id it gives the next possible one."""


class _Found(NamedTuple):
    """An object of the listing. ``name`` is what its key has behind the prefix: the id of its record."""

    name: str
    info: ObjectInfo


class _IndexRecord(msgspec.Struct):
    """What an index record says of its file or directory (fields as Cozy's). Anything may stand in any field."""

    type: Any = None
    name: Any = None
    dir_id: Any = None
    path: Any = None
    mime: Any = None
    updated_at: Any = None
    executable: Any = None


_INDEX_RECORD = msgspec.json.Decoder(_IndexRecord)


class FilesIndex:
    """Source of a doctype whose records are the index of files.

    A file's size and version are those of the object as listed: the bytes are what they are, whatever the index says of
    them. Records of another type than ``file`` and ``directory`` are records and nothing else.
    """

    def __init__(self, doctype: Doctype, client: TableClient, objects: ObjectStore) -> None:
        source = doctype.source
        if not isinstance(source, FilesSource):
            raise CatalogError(f"The doctype {doctype.name} has no files.")
        index = source.index
        if index.index is not None or index.id_attribute not in {None, index.sort_key} or index.sort_key_type != "S":
            raise CatalogError(f"The index of {doctype.name} must be a table whose sort key, a text, is the file's id.")
        if not source.key_prefix.partition("{tenant}")[2]:
            raise CatalogError(f"The key_prefix of {doctype.name} must hold {{tenant}} and something behind it.")
        self._doctype = doctype
        self._source = source
        self._records = TableRecords(doctype, client)
        self._objects = objects

    def shards(self, *, tenant: str, start: int) -> list[Shard]:
        """Cut the index into shards as TableRecords does; the listing is cut at the same ids."""
        return self._records.shards(tenant=tenant, start=start)

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:
        """Yield the shard's items in the order of their ids, those behind ``after``.

        A file without an object, and an object without a record, are named as gaps. Raises SourceUnavailable.
        """
        records = self._records.read(tenant=tenant, shard=shard, after=after)
        yield from self._side_by_side(records, self._listed(self._prefix(tenant), shard, after))

    numeric_keys = False

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        """Count the index's records and their files (``ports.Source.measure``). Raises SourceUnavailable."""
        return measured(self, tenant, pages=pages, budget=budget)

    def stretch(
        self, tenant: str, low: str | None, high: str | None, *, limit: PageLimit, records: int | None = None
    ) -> Stretch:
        """Read the index and the listing for ids in ``[low, high)`` as far as ``limit`` allows each of them."""
        index = self._records.stretch(tenant, low, high, limit=limit, records=records)
        last = high if index.end is None else f"{index.end}{_LEAST}"
        listing = limit.again()
        found: list[_Found] = []
        for each in self._listed(self._prefix(tenant), Shard(0, self._doctype.name, low, last), None):
            if found and len(found) % LISTED == 0 and not listing.another():
                break
            found.append(each)
        end = index.end
        if listing.reached:
            end = found[-1].name if end is None else min(end, found[-1].name)
        items = list(self._side_by_side(iter(index.items), iter(found)))
        if end is not None:
            items = [item for item in items if item.key <= end]
        return Stretch([item.key for item in items], items, end)

    def last_key(self, tenant: str) -> str | None:
        """Return the last id of the tenant's index, if there are any."""
        return self._records.last_key(tenant)

    def _side_by_side(self, records: Iterator[SourceItem], objects: Iterator[_Found]) -> Iterator[SourceItem]:
        """Yield every record with its object, and what has no other half, in the order of ids."""
        record, found = next(records, None), next(objects, None)
        while record is not None or found is not None:
            if found is not None and (record is None or found.name < record.key):
                yield SourceItem(key=found.name, gap=self._without_record(found.name))
                found = next(objects, None)
            elif record is not None and (found is None or record.key < found.name):
                yield self._joined(record, None)
                record = next(records, None)
            elif record is not None:
                yield self._joined(record, found)
                record, found = next(records, None), next(objects, None)

    def _prefix(self, tenant: str) -> str:
        """Return where the tenant's objects lie. Raises SourceUnavailable if another tenant's could lie there too."""
        template = self._source.key_prefix
        separator = template.partition("{tenant}")[2][0]
        if separator in tenant:
            raise SourceUnavailable(
                f"The files of {self._doctype.name} cannot be exported: the tenant's name has a {separator!r}, which "
                "ends the name in the files bucket, so they could not be told from another tenant's."
            )
        return template.format(tenant=tenant, doctype=self._doctype.name)

    def _listed(self, prefix: str, shard: Shard, after: str | None) -> Iterator[_Found]:
        """Yield the objects whose names are in the shard's range and behind ``after``.

        A listing starts behind a key, so one that shall start at ``first`` starts a little before. The bare prefix,
        which the S3 console leaves as a folder, is no file.
        """
        first, last = shard.first or "", shard.last
        start = first[:-1] if after is None else after
        try:
            for info in self._objects.list(f"{prefix}{self._source.index.sort_prefix}", after=f"{prefix}{start}"):
                name = info.key[len(prefix) :]
                if last is not None and name >= last:
                    return
                if name and name >= first:
                    yield _Found(name, info)
        except StorageUnavailable as error:
            raise SourceUnavailable(f"The files of {self._doctype.name} cannot be listed: {error}") from error

    def _joined(self, item: SourceItem, found: _Found | None) -> SourceItem:
        """Return a record's item together with what the record points to."""
        if item.line is None:
            return replace(item, file_gap=self._unreadable(item.key)) if found else item
        record = _index_record(item.line)
        if record.type == "file":
            if found is None:
                return replace(item, file_gap=self._missing(item.key))
            return replace(item, file=_reference(item, record, found.info))
        if record.type == "directory":
            path = record.path if isinstance(record.path, str) else f"/{_name(item, record)}"
            item = replace(item, directory=Directory(id=item.key, path=path))
        return replace(item, file_gap=self._without_record(item.key)) if found else item

    def _missing(self, name: str) -> Gap:
        reason = "The file has an index record, but no content in the bucket."
        return self._gap(name, Outcome.FAILED, "file_missing", reason)

    def _unreadable(self, name: str) -> Gap:
        reason = "The file's index record cannot be read, so its name is not known."
        return self._gap(name, Outcome.FAILED, "file_record_unreadable", reason)

    def _without_record(self, name: str) -> Gap:
        reason = "The bucket has content under this id, but no index record says that it is a file."
        return self._gap(name, Outcome.SKIPPED, "file_without_record", reason)

    def _gap(self, name: str, outcome: Outcome, code: str, reason: str) -> Gap:
        return Gap(doctype=self._doctype.name, kind="file", id=name, outcome=outcome, code=code, reason=reason)


def _index_record(line: bytes) -> _IndexRecord:
    try:
        return _INDEX_RECORD.decode(line)
    except msgspec.DecodeError:
        return _IndexRecord()


def _reference(item: SourceItem, record: _IndexRecord, info: ObjectInfo) -> FileReference:
    return FileReference(
        id=item.key,
        name=_name(item, record),
        directory=record.dir_id if isinstance(record.dir_id, str) else "",
        key=info.key,
        size=info.size,
        etag=info.etag,
        mime=record.mime if isinstance(record.mime, str) else "",
        updated_at=unix_seconds(record.updated_at) or item.updated_at,
        executable=record.executable is True,
    )


def _name(item: SourceItem, record: _IndexRecord) -> str:
    """Return the file's name, its id if it has none."""
    return record.name if isinstance(record.name, str) and record.name else item.key
