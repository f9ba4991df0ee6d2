"""The catalog as it was when an export was planned.

All later steps of the export go by it, so that a deployment which changes the catalog meanwhile neither breaks the
export nor mixes two versions in one archive.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from waybill.domain import keys
from waybill.domain.catalog import Catalog, Doctype, DoctypeSource, FilesSource, SystemSource, TableSource
from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresDump, PostgresRows
from waybill.ports import ObjectStore
from waybill.services.work_files import load, save


@dataclass(frozen=True, slots=True)
class _Pinned:
    """A doctype in a form that JSON can hold: ``bucket`` and ``key_prefix`` are there if its records index files."""

    name: str
    schema: str
    title: str
    leave_out: tuple[str, ...]
    shards: int
    table: TableSource | None
    bucket: str | None
    key_prefix: str | None
    date_field: str = ""
    system: SystemSource | None = None
    rows: PostgresRows | None = None
    dump: PostgresDump | None = None
    columns: tuple[str, ...] = ()
    fetches_files: bool = False


def pin_catalog(archives: ObjectStore, export_id: str, doctypes: Iterable[Doctype]) -> None:
    """Keep the doctypes that an export consists of."""
    save(archives, keys.catalog(export_id), [_pinned(doctype) for doctype in doctypes])


def pinned_catalog(archives: ObjectStore, export_id: str) -> Catalog:
    """Return the doctypes that an export consists of. Raises ObjectMissing before they are pinned."""
    pinned = load(archives, keys.catalog(export_id), list[_Pinned])
    return Catalog({each.name: _doctype(each) for each in pinned})


def _pinned(doctype: Doctype) -> _Pinned:
    source = doctype.source
    files = source if isinstance(source, FilesSource) else None
    table = files.index if files else source
    return _Pinned(
        name=doctype.name,
        schema=doctype.schema,
        title=doctype.title,
        leave_out=doctype.leave_out,
        shards=doctype.shards,
        table=table if isinstance(table, TableSource) else None,
        bucket=files.bucket if files else None,
        key_prefix=files.key_prefix if files else None,
        date_field=doctype.date_field,
        system=source if isinstance(source, SystemSource) else None,
        rows=source if isinstance(source, PostgresRows) else None,
        dump=source if isinstance(source, PostgresDump) else None,
        columns=doctype.columns,
        fetches_files=doctype.fetches_files,
    )


def _source(pinned: _Pinned) -> DoctypeSource:
    whole = pinned.system or pinned.rows or pinned.dump
    if whole is not None:
        return whole
    if pinned.table is None:
        raise CatalogError(f"The doctype {pinned.name} was kept without its source.")
    if pinned.bucket is not None and pinned.key_prefix is not None:
        return FilesSource(pinned.table, pinned.bucket, pinned.key_prefix)
    return pinned.table


def _doctype(pinned: _Pinned) -> Doctype:
    return Doctype(
        name=pinned.name,
        source=_source(pinned),
        schema=pinned.schema,
        title=pinned.title,
        leave_out=pinned.leave_out,
        shards=pinned.shards,
        columns=pinned.columns,
        fetches_files=pinned.fetches_files,
        date_field=pinned.date_field,
    )
