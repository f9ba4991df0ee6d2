"""The sources of doctypes that are in PostgreSQL databases, for one call of a worker."""

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresDump, PostgresRows
from waybill.ports import Secrets, Source, Staging
from waybill.sources.postgres.database import Database
from waybill.sources.postgres.dump import DatabaseDump
from waybill.sources.postgres.rows import TableRows


class Databases:
    """The databases of a catalog. Doctypes of one database share its connection, and so its snapshot."""

    def __init__(self, secrets: Secrets, staging: Staging | None) -> None:
        self._secrets = secrets
        self._staging = staging
        self._opened: dict[tuple[str, str], Database] = {}

    def of(self, doctype: Doctype) -> Source:
        """Return the source of a doctype."""
        source = doctype.source
        if isinstance(source, PostgresRows):
            return TableRows(doctype, source, self._database(source))
        if isinstance(source, PostgresDump):
            return DatabaseDump(doctype, source, self._database(source), self._staging)
        raise CatalogError(f"The doctype {doctype.name} is in no PostgreSQL database.")

    def _database(self, source: PostgresRows | PostgresDump) -> Database:
        name = source.source, source.secret
        if name not in self._opened:
            self._opened[name] = Database(*name, self._secrets)
        return self._opened[name]
