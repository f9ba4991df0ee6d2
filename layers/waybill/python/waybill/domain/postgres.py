"""What the catalog says of a PostgreSQL database that is exported: its tables and queries, or the whole of it."""

from dataclasses import dataclass

PLAIN = "plain"
CUSTOM = "custom"
DUMP_FORMATS = (PLAIN, CUSTOM)
"""Of a dump: SQL text for ``psql``, or what ``pg_restore`` reads."""

MOST_RECORD_BYTES = 16 * 1024 * 1024
"""A larger row is a gap: it would take a reader several times its size in memory."""


@dataclass(frozen=True, slots=True)
class PostgresRows:
    """The rows of a table or of a query, each a record.

    ``source`` is the database's name in the catalog, ``secret`` the name of the secret that says how to reach it. One
    of ``table`` and ``query`` is there. ``key`` are the columns that tell rows apart, empty for a table's primary key;
    ``updated_at`` is the column that says when a row was last changed, if any does. The rows belong to no tenant in
    particular, so ``tenants`` are those who may export them.
    """

    source: str
    secret: str
    tenants: tuple[str, ...]
    table: str = ""
    query: str = ""
    key: tuple[str, ...] = ()
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class PostgresDump:
    """The whole database as one file, made by ``pg_dump`` in one of DUMP_FORMATS; the other fields as above."""

    source: str
    secret: str
    tenants: tuple[str, ...]
    format: str = PLAIN
