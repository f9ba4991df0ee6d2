"""What the catalog file may say of a PostgreSQL database, and of the doctypes in it. docs/postgres.md explains it."""

from typing import Annotated, Literal

import msgspec

from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresDump, PostgresRows

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class Read(msgspec.Struct, forbid_unknown_fields=True):
    """What of the database a doctype is: a table, a query, or a dump of the whole."""

    table: _Text | None = None
    query: _Text | None = None
    dump: Literal["plain", "custom"] | None = None
    key: list[_Text] = []
    updated_at: str = ""


class Postgres(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="postgres"):
    """A database."""

    secret: _Text
    tenants: Annotated[list[_Text], msgspec.Meta(min_length=1)]

    def source(self, where: str, name: str, read: Read | None) -> PostgresRows | PostgresDump:
        """Return the source of a doctype in the database that the catalog calls ``name``. Raises CatalogError."""
        read = read or Read()
        if sum(each is not None for each in (read.table, read.query, read.dump)) != 1:
            raise CatalogError(
                f"{where}.read: it must have one of table, query and dump, because {name} is PostgreSQL."
            )
        if read.dump is not None:
            if read.key or read.updated_at:
                raise CatalogError(f"{where}.read: a dump has no key and no updated_at.")
            return PostgresDump(name, self.secret, tuple(self.tenants), read.dump)
        if read.query is not None and not read.key:
            raise CatalogError(f"{where}.read: a query needs a key, the columns that tell its rows apart.")
        if len(set(read.key)) < len(read.key):
            raise CatalogError(f"{where}.read.key: a column is named twice.")
        tenants = tuple(self.tenants)
        return PostgresRows(
            name, self.secret, tenants, read.table or "", read.query or "", tuple(read.key), read.updated_at
        )
