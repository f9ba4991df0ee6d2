"""Finds the source of a doctype in the catalog."""

from collections.abc import Callable

from waybill.domain.catalog import Catalog, FilesSource
from waybill.domain.errors import CatalogError
from waybill.ports import ObjectStore, Source
from waybill.sources.dynamodb import TableClient, TableRecords
from waybill.sources.s3_files import FilesIndex


class CatalogSources:
    """Sources of a catalog. ``tables`` is the DynamoDB client, ``bucket`` gives the store of a bucket by its name."""

    def __init__(self, catalog: Catalog, *, tables: TableClient, bucket: Callable[[str], ObjectStore]) -> None:
        self._catalog = catalog
        self._tables = tables
        self._bucket = bucket

    def of(self, doctype: str) -> Source:
        """Return the doctype's source. Raises CatalogError if the catalog does not have it, or describes it wrongly."""
        known = self._catalog.doctypes.get(doctype)
        if known is None:
            raise CatalogError(f"The catalog has no doctype {doctype}, but an export asks for it.")
        if isinstance(known.source, FilesSource):
            return FilesIndex(known, self._tables, self._bucket(known.source.bucket))
        return TableRecords(known, self._tables)
