"""What is read: a table or a query, its columns, and the key that tells its rows apart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresRows
from waybill.sources.postgres.keys import KeyColumn
from waybill.sources.postgres.session import Session

_GEO_DIGITS = 15
"""Decimal places of coordinates, the most that PostGIS writes."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``type`` is the name of its base type, ``function`` a quoted function that makes JSON of it."""

    name: str
    type: str
    is_filled: bool
    by_bytes: bool
    function: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a query, as SQL behind FROM. ``columns`` are what a record has, ``key`` is never empty.

    ``key_is_filled`` says that the database lets no key be NULL. ``moment`` is the quoted column that dates a row.
    ``leave_out`` is what is left out within columns; columns that are left out whole are none of ``columns``.
    """

    sql: str
    columns: tuple[str, ...]
    key: tuple[KeyColumn, ...]
    key_is_filled: bool
    moment: str = ""
    leave_out: tuple[str, ...] = ()


def described(session: Session, doctype: str, rows: PostgresRows, leave_out: Collection[str]) -> Relation:
    """Look up what the catalog names. Raises SourceUnavailable, and CatalogError if the database has it otherwise."""
    if rows.table:
        sql, columns, names = _table(session, doctype, rows)
    else:
        sql = f"({rows.query.strip().rstrip(';')}\n)"
        columns, names = _query_columns(session, sql), list(rows.key)
    found = {column.name: column for column in columns}
    if len(found) < len(columns):
        raise CatalogError(f"The query of {doctype} has two columns of one name. Give one of them another name, by AS.")
    _check(doctype, rows, names, found)
    return Relation(
        sql,
        tuple(_made(session, column) for column in columns if column.name not in leave_out),
        tuple(KeyColumn(session.identifier(name), found[name].type, found[name].by_bytes) for name in names),
        all(found[name].is_filled for name in names),
        session.identifier(rows.updated_at) if rows.updated_at else "",
        tuple(each for each in leave_out if each not in found),
    )


def _check(doctype: str, rows: PostgresRows, names: Sequence[str], found: Collection[str]) -> None:
    what = f"The table {rows.table}" if rows.table else "The query"
    if not names:
        raise CatalogError(
            f"{what} of {doctype} has no primary key, so its rows cannot be told apart when reading goes on after a "
            "stop. Name columns that do under read.key in the catalog, or export the whole database by read.dump."
        )
    for name in (*names, *([rows.updated_at] if rows.updated_at else [])):
        if name not in found:
            raise CatalogError(f"{what} of {doctype} has no column {name!r}, which the catalog names.")


def _table(session: Session, doctype: str, rows: PostgresRows) -> tuple[str, list[Column], list[str]]:
    name = session.literal(rows.table)
    found = session.rows(f"SELECT oid, oid::regclass FROM pg_class WHERE oid = to_regclass({name})")
    if not found:
        raise CatalogError(
            f"The table {rows.table} of {doctype} is not there. Name it with its schema, as in public.orders, and in "
            "double quotes if it has capital letters."
        )
    oid, named = found[0]
    columns = session.rows(
        f"SELECT a.attname, {_BASE_TYPE}, a.attnotnull, {_BY_BYTES}, {_GEO_FUNCTION} "
        "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
        f"WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    key = list(rows.key) or [
        str(row[0])
        for row in session.rows(
            "SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY "
            "k(number, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
            f"WHERE i.indrelid = {oid} AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place"
        )
    ]
    return str(named), [_column(row) for row in columns], key


def _query_columns(session: Session, sql: str) -> list[Column]:
    named = session.columns(f"SELECT * FROM {sql} AS record LIMIT 0")
    types = session.rows(
        f"SELECT t.oid, {_BASE_TYPE}, false, false, {_GEO_FUNCTION} FROM pg_type t WHERE t.oid IN "
        f"({', '.join(str(oid) for _, oid in named) or '0'})"
    )
    by_oid = {row[0]: row for row in types}
    return [_column([name, *by_oid[str(oid)][1:]]) for name, oid in named]


_BASE_TYPE = (
    "(WITH RECURSIVE base AS (SELECT t.oid, t.typname, t.typbasetype, t.typnamespace UNION ALL SELECT d.oid, "
    "d.typname, d.typbasetype, d.typnamespace FROM base JOIN pg_type d ON d.oid = base.typbasetype) SELECT CASE WHEN "
    "typnamespace = 'pg_catalog'::regnamespace THEN typname ELSE '' END FROM base WHERE typbasetype = 0)"
)
"""The type that a domain is made of in the end, if it is one of PostgreSQL's own, else an empty text."""

_BY_BYTES = (
    "(a.attcollation IN (950, 951) OR (a.attcollation = 100 AND (SELECT CASE "
    "coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'c' THEN d.datcollate IN ('C', 'POSIX') WHEN 'b' THEN true "
    "ELSE false END FROM pg_database d WHERE d.datname = current_database())))"
)
"""Whether a column is sorted by bytes: by libc's locale C, or by PostgreSQL's own provider, which goes by code points.

950, 951 and 100 are the collations C, POSIX and that of the database, in every PostgreSQL (``pg_collation.dat``).
"""

_GEO_FUNCTION = (
    "(SELECT format('%I.st_asgeojson', n.nspname) FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE "
    "f.proname = 'st_asgeojson' AND f.pronamespace = t.typnamespace AND f.proargtypes[0] = t.oid AND "
    "f.proargtypes[1] = 'int4'::regtype AND t.typname IN ('geometry', 'geography') LIMIT 1)"
)
"""The function of PostGIS that makes GeoJSON of a type, where the type is one of PostGIS's."""


def _column(row: Sequence[str | None]) -> Column:
    name, kind, is_filled, by_bytes, function = row
    return Column(str(name), kind or "", is_filled == "t", by_bytes == "t", function or "")


def _made(session: Session, column: Column) -> str:
    """Return the SQL of a column of the record."""
    name = session.identifier(column.name)
    if column.function:
        return f"{column.function}(record.{name}, {_GEO_DIGITS})::json AS {name}"
    return f"record.{name}"
