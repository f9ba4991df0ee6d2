"""A database of the catalog, with the one snapshot that a worker's call sees of it."""

from waybill.ports import Secrets
from waybill.sources.postgres.options import connection_options
from waybill.sources.postgres.session import Session


class Database:
    """The database of a source. It is connected to when it is first read, and again if a connection has ended."""

    def __init__(self, source: str, secret: str, secrets: Secrets) -> None:
        self.source = source
        self._secret = secret
        self._secrets = secrets
        self._session: Session | None = None

    @property
    def options(self) -> dict[str, str]:
        """Libpq's connection options, the password among them. Raises SourceUnavailable."""
        return connection_options(self._secrets.get(self._secret), self.source)

    @property
    def session(self) -> Session:
        """The snapshot. All that is read while it lasts is of one moment. Raises SourceUnavailable."""
        if self._session is None or not self._session.usable:
            self.close()
            self._session = Session(self.options, self.source)
        return self._session

    def close(self) -> None:
        """End the connection, if there is one. Safe to repeat."""
        if self._session is not None:
            self._session.close()
            self._session = None
