"""Finds the source of a doctype in the catalog."""

from collections.abc import Callable

from waybill.domain.catalog import Catalog, Doctype, FilesSource, SystemSource
from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresDump, PostgresRows
from waybill.ports import ObjectStore, Source
from waybill.sources.dynamodb import TableClient, TableRecords
from waybill.sources.s3_files import FilesIndex

OpenSystem = Callable[[SystemSource], Callable[[Doctype], Source]]
"""Opens another system; ``sources.system`` has the same for each."""

OpenDatabases = Callable[[], Callable[[Doctype], Source]]
"""Opens what gives the sources of PostgreSQL databases; ``sources.postgres.opening`` has it."""


class CatalogSources:
    """Sources of a catalog.

    ``tables`` is the DynamoDB client, ``bucket`` gives the store of a bucket by its name, ``system`` opens a system,
    ``databases`` what reads PostgreSQL.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        tables: TableClient,
        bucket: Callable[[str], ObjectStore],
        system: OpenSystem | None = None,
        databases: OpenDatabases | None = None,
    ) -> None:
        self._catalog = catalog
        self._tables = tables
        self._bucket = bucket
        self._system = system
        self._open_databases = databases
        self._databases: Callable[[Doctype], Source] | None = None
        self._opened: dict[SystemSource, Callable[[Doctype], Source]] = {}

    def of(self, doctype: str) -> Source:
        """Return the doctype's source. Raises CatalogError if the catalog does not have it, or describes it wrongly."""
        known = self._catalog.doctypes.get(doctype)
        if known is None:
            raise CatalogError(f"The catalog has no doctype {doctype}, but an export asks for it.")
        if isinstance(known.source, SystemSource):
            return self._opened_system(known.source)(known)
        if isinstance(known.source, PostgresRows | PostgresDump):
            return self._database(known)
        if isinstance(known.source, FilesSource):
            return FilesIndex(known, self._tables, self._bucket(known.source.bucket))
        return TableRecords(known, self._tables)

    def _opened_system(self, source: SystemSource) -> Callable[[Doctype], Source]:
        """Return what gives the sources of a system; all of its doctypes share it."""
        if self._system is None:
            raise CatalogError(f"The source {source.name} is another system, and those are not read here.")
        if source not in self._opened:
            self._opened[source] = self._system(source)
        return self._opened[source]

    def _database(self, doctype: Doctype) -> Source:
        """Return the source of a doctype that is in PostgreSQL; those of one database share a snapshot."""
        if self._open_databases is None:
            raise CatalogError(f"The doctype {doctype.name} is in a PostgreSQL database, and those are not read here.")
        if self._databases is None:
            self._databases = self._open_databases()
        return self._databases(doctype)
