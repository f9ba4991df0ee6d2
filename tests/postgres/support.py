"""What the tests on a real PostgreSQL share."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from psycopg import pq

from waybill.domain.catalog import Doctype
from waybill.domain.plan import Shard
from waybill.domain.postgres import PostgresRows
from waybill.ports import SourceItem
from waybill.sources.postgres.database import Database
from waybill.sources.postgres.options import connection_options, conninfo
from waybill.sources.postgres.rows import TableRows

SOURCE = "shop"
SECRET = "shop-database"
TENANT = "operator"


def options_of(dsn: str) -> dict[str, str]:
    """The connection options of a DSN."""
    return connection_options(dsn, SOURCE)


class TestDatabase:
    """A connection that may do anything, to prepare a database and to look into it."""

    __test__ = False

    def __init__(self, options: Mapping[str, str]) -> None:
        self.options = dict(options)
        self._connection = pq.PGconn.connect(conninfo(self.options))
        assert self._connection.status == pq.ConnStatus.OK, self._connection.error_message

    @property
    def dsn(self) -> str:
        """A DSN that leads here."""
        return self.dsn_of(self.options)

    @staticmethod
    def dsn_of(options: Mapping[str, str]) -> str:
        """The DSN of options."""
        return conninfo(dict(options)).decode()

    def run(self, statement: str, *values: str | None) -> list[list[str | None]]:
        """Run a statement and return its rows as text; ``values`` stand for $1, $2 and so on."""
        encoded = [None if value is None else value.encode() for value in values]
        if values:
            result = self._connection.exec_params(statement.encode(), encoded)
        else:
            result = self._connection.exec_(statement.encode())
        assert result.status in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}, result.error_message
        texts = [[result.get_value(row, cell) for cell in range(result.nfields)] for row in range(result.ntuples)]
        return [[None if text is None else text.decode() for text in row] for row in texts]

    def close(self) -> None:
        """End the connection."""
        self._connection.finish()


_numbers = count(1)


@contextmanager
def made_database(server: str, *, encoding: str = "UTF8") -> Iterator[TestDatabase]:
    """An empty database on the server of a DSN, for a while."""
    name = f"waybill_test_{os.getpid()}_{next(_numbers)}"
    outer = TestDatabase(options_of(server))
    outer.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    inner = TestDatabase({**options_of(server), "dbname": name})
    try:
        yield inner
    finally:
        inner.close()
        outer.run(f"DROP DATABASE {name} WITH (FORCE)")
        outer.close()


@dataclass
class FakeSecrets:
    """The port Secrets, in memory."""

    kept: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, *, fresh: bool = False) -> str:
        """Return a secret."""
        return self.kept[name]


def connected(dsn: str) -> Database:
    """A database as a source of the catalog has it."""
    return Database(SOURCE, SECRET, FakeSecrets({SECRET: dsn}))


def table_rows(
    database: Database,
    table: str = "",
    *,
    query: str = "",
    key: Sequence[str] = (),
    updated_at: str = "",
    shards: int = 1,
    leave_out: Sequence[str] = (),
) -> TableRows:
    """The source of a doctype."""
    rows = PostgresRows(SOURCE, SECRET, (TENANT,), table, query, tuple(key), updated_at)
    doctype = Doctype("shop.orders", rows, "{}", leave_out=tuple(leave_out), shards=shards)
    return TableRows(doctype, rows, database)


def whole(source: TableRows) -> list[SourceItem]:
    """All items of all shards."""
    return [item for shard in shards(source) for item in source.read(tenant=TENANT, shard=shard, after=None)]


def shards(source: TableRows) -> list[Shard]:
    """The shards, numbered from 0."""
    return source.shards(tenant=TENANT, start=0)


def lines(items: Iterable[SourceItem]) -> list[bytes]:
    """The lines of items that are no gaps."""
    return [item.line for item in items if item.line is not None]
