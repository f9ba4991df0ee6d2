"""Where imports write: the tables and buckets that the catalog's doctypes are read from."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.import_table import ImportTable
from waybill.adapters.s3_contents import S3Contents
from waybill.domain.catalog import Catalog, FilesSource
from waybill.domain.errors import CatalogError, ObjectMissing, StorageUnavailable
from waybill.ports import NewContent, NewRecord, OldRecord, Refusal, Standing

_MOST_OBJECT_KEY = 1_024
"""Bytes (S3)."""


class CatalogSink:
    """Sink on DynamoDB and S3.

    ``tables`` is the DynamoDB client, ``contents`` gives the contents in a bucket by its name, ``archives`` is the
    bucket that contents come from and are kept in.
    """

    def __init__(
        self, catalog: Catalog, *, tables: AwsJsonClient, contents: Callable[[str], S3Contents], archives: str
    ) -> None:
        self._catalog = catalog
        self._tables = tables
        self._contents = contents
        self._archives = archives

    def existing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Set[str]:
        """Return which of at most 100 records there are."""
        return self._table(tenant, doctype).existing(keys)

    def records(self, tenant: str, doctype: str, *, after: str = "") -> Iterator[tuple[str, str]]:
        """Yield the keys and bodies of all records behind a key, in the order of their keys."""
        return self._table(tenant, doctype).records(after)

    def standing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Mapping[str, Standing]:
        """Return those of at most 100 records that there are."""
        return self._table(tenant, doctype).standing(keys)

    def stood(self, tenant: str, doctype: str, item: bytes) -> Standing:
        """Return the record that an item is."""
        return self._table(tenant, doctype).stood(item)

    def write(self, tenant: str, doctype: str, import_id: str, records: Sequence[NewRecord]) -> Mapping[int, Refusal]:
        """Write all records, or none if some of them are refused; return the positions of these."""
        return self._table(tenant, doctype, import_id).write(records)

    def take_back(self, tenant: str, doctype: str, import_id: str, records: Sequence[OldRecord]) -> Set[int]:
        """Take back all records, or none if some of them have changed; return the positions of these."""
        return self._table(tenant, doctype, import_id).take_back(records)

    def most_key_bytes(self, tenant: str, doctype: str) -> int:
        """Return how many bytes the key of a record may have, so that a content has room under it."""
        return _MOST_OBJECT_KEY - len(self._prefix(tenant, doctype).encode())

    def content_of(self, tenant: str, doctype: str, key: str) -> str | None:
        """Return which import wrote the content of a record; empty if none did, None if there is no content."""
        contents, name = self._place(tenant, doctype, key)
        return contents.writer(name)

    def put_content(self, tenant: str, doctype: str, import_id: str, content: NewContent) -> None:
        """Write a content, replacing what was there."""
        contents, name = self._place(tenant, doctype, content.key)
        source = (self._archives, content.source)
        contents.put(name, source, content.size, import_id=import_id, media_type=content.media_type)

    def keep_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        """Copy the content of a record to an object of the archives bucket. Raises ObjectMissing."""
        contents, name = self._place(tenant, doctype, key)
        bucket = self._files(doctype).bucket
        _move(contents, (bucket, name), self._contents(self._archives), kept)

    def remove_content(self, tenant: str, doctype: str, key: str) -> None:
        """Remove the content of a record."""
        contents, name = self._place(tenant, doctype, key)
        contents.remove(name)

    def restore_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        """Put back a content that was kept. Raises ObjectMissing."""
        contents, name = self._place(tenant, doctype, key)
        _move(self._contents(self._archives), (self._archives, kept), contents, name)

    def _table(self, tenant: str, doctype: str, import_id: str = "") -> ImportTable:
        known = self._catalog.doctypes.get(doctype)
        table = known.target if known is not None else None
        if table is None:
            raise CatalogError(f"The doctype {doctype} cannot be imported, because of what the catalog says of it.")
        partition = table.partition_value.format(tenant=tenant, doctype=doctype)
        return ImportTable(self._tables, table, partition, import_id)

    def _files(self, doctype: str) -> FilesSource:
        known = self._catalog.doctypes.get(doctype)
        if known is None or not isinstance(known.source, FilesSource):
            raise CatalogError(f"The catalog names no bucket for the files of {doctype}.")
        return known.source

    def _prefix(self, tenant: str, doctype: str) -> str:
        """Return where the tenant's objects lie. Raises StorageUnavailable if another tenant's could lie there too."""
        files = self._files(doctype)
        separator = files.key_prefix.partition("{tenant}")[2][:1]
        if not separator or separator in tenant:
            raise StorageUnavailable(
                "Files cannot be imported: the tenant's name has what ends the name in the files bucket, so they could "
                "not be told from another tenant's."
            )
        return files.key_prefix.format(tenant=tenant, doctype=doctype)

    def _place(self, tenant: str, doctype: str, key: str) -> tuple[S3Contents, str]:
        return self._contents(self._files(doctype).bucket), f"{self._prefix(tenant, doctype)}{key}"


def _move(found_in: S3Contents, source: tuple[str, str], into: S3Contents, key: str) -> None:
    """Copy an object as it is, its marks too."""
    headers = found_in.head(source[1])
    if headers is None:
        raise ObjectMissing("There is no content to be copied.")
    into.copy_as_it_is(key, source, headers)
