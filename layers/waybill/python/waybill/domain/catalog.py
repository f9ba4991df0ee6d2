"""The catalog: which doctypes this deployment exports, and where each is read from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from waybill.domain.errors import CatalogError, InvalidOptions
from waybill.domain.options import COZY, PLAIN, ExportOptions
from waybill.domain.postgres import PostgresDump, PostgresRows

_FILES_IN_COZY = frozenset(("io.cozy.files", "io.cozy.files.versions"))
"""Behind every record of these, Cozy takes what stands next for its content (reference cozy-move, section 4)."""

_DOCTYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_doctype(name: str) -> bool:
    """Whether a doctype can be called so: it is a folder of the archive and part of S3 and DynamoDB keys."""
    return _DOCTYPE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class TableSource:
    """Records in a DynamoDB table, all those of one tenant and doctype under one partition key.

    ``partition_value`` is a template with ``{tenant}`` and ``{doctype}``. ``body_attribute`` names the attribute that
    holds the record as JSON text; without it the item's own attributes are the record (docs/catalog.md gives their JSON
    form). ``id_attribute`` names the record, default the sort key; an ``index`` needs one, as its sort keys may repeat.
    ``sort_key_type`` is DynamoDB's: ``S`` for text, ``N`` for numbers, which cannot be cut into shards.
    """

    table: str
    partition_key: str
    partition_value: str
    sort_key: str
    index: str | None = None
    sort_prefix: str = ""
    body_attribute: str | None = None
    updated_at_attribute: str | None = None
    id_attribute: str | None = None
    sort_key_type: str = "S"


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Files with an index record each: the records in ``index``, the contents in an S3 bucket.

    ``key_prefix`` is a template with ``{tenant}``; a file's object key is that prefix followed by the record's id.
    """

    index: TableSource
    bucket: str
    key_prefix: str


@dataclass(frozen=True, slots=True)
class SystemSource:
    """Another system, read by its own API, such as one that is to be left (docs/sources.md).

    ``kind`` is the system's (``sources.systems``), ``name`` the source's in the catalog. ``secret`` names what to sign
    in with, and is no secret. The data belong to no tenant in particular, so ``tenants`` are those who may export them.
    ``requests`` is how many may be in flight at once. With ``include_secrets`` nothing is left out by default.
    ``doctypes`` are all that the catalog has of it, and ``options`` fields that only this kind has.
    """

    kind: str
    name: str
    url: str
    secret: str
    tenants: tuple[str, ...]
    requests: int = 16
    include_secrets: bool = False
    doctypes: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str, default: str = "") -> str:
        """Return a field that only this kind has."""
        return dict(self.options).get(name, default)


DoctypeSource = TableSource | FilesSource | SystemSource | PostgresRows | PostgresDump
"""Where a doctype is read from."""


@dataclass(frozen=True, slots=True)
class Doctype:
    """One kind of record.

    ``schema`` is the JSON Schema text that goes into the archive; ``leave_out`` names fields that never leave, secrets
    (``sources.leave_out`` says how); ``shards`` says into how many slices a large set is cut. ``date_field`` names the
    field that dates a record, with dots between a field and one inside it; empty if none does. For imports, ``unique``
    names top-level fields that no two records have in common, first of all the one that names a record; ``references``
    says of fields, with dots as above and ``*`` for each element of an array, which doctype's records they name;
    ``imported`` says whether imports of it are wanted. ``columns`` are those of the format csv that stand first, in
    their order; without them they follow from the schema. If it ``fetches_files``, its source gets a content for each
    record from elsewhere, and keeps it until it is packed.
    """

    name: str
    source: DoctypeSource
    schema: str
    title: str = ""
    leave_out: tuple[str, ...] = ()
    shards: int = 1
    date_field: str = ""
    unique: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    fetches_files: bool = False
    imported: bool = True

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The unique fields; if the catalog names none, the one that its source keeps records by."""
        if self.unique:
            return self.unique
        if isinstance(self.source, SystemSource):
            return ("id",)
        if isinstance(self.source, PostgresRows | PostgresDump):
            key = self.source.key if isinstance(self.source, PostgresRows) else ("_id",)
            return key if len(key) == 1 else ("id",)
        table = self.source.index if isinstance(self.source, FilesSource) else self.source
        return ("_id",) if table.body_attribute else (table.id_attribute or table.sort_key,)

    @property
    def tenants(self) -> tuple[str, ...] | None:
        """Who may export it, if its source does not choose its records by tenant; else None, for everybody."""
        return self.source.tenants if isinstance(self.source, SystemSource | PostgresRows | PostgresDump) else None

    @property
    def collection(self) -> str:
        """What it is called in the system that it is read from: its name behind the first dot."""
        return self.name.partition(".")[2]

    @property
    def has_files(self) -> bool:
        """Whether its records are the index of files, or have contents that are fetched."""
        return isinstance(self.source, FilesSource | PostgresDump) or self.fetches_files

    @property
    def target(self) -> TableSource | None:
        """The table that imported records are written to: that of its source. None if it cannot be imported.

        Records are written as JSON text under the text that names them, so that is what the source must read.
        """
        table = self.source.index if isinstance(self.source, FilesSource) else self.source
        if not self.imported or not isinstance(table, TableSource):
            return None
        plain = table.index is None and not table.sort_prefix and table.id_attribute in {None, table.sort_key}
        return table if plain and table.body_attribute is not None and table.sort_key_type == "S" else None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The doctypes of this deployment by name."""

    doctypes: Mapping[str, Doctype] = field(default_factory=dict)

    def of_tenant(self, tenant: str) -> "Catalog":
        """Return what this tenant may export. What it may not is as if it were not there."""
        return Catalog(
            {
                name: doctype
                for name, doctype in self.doctypes.items()
                if doctype.tenants is None or tenant in doctype.tenants
            }
        )

    def bucket(self, doctype: str) -> str:
        """Return the bucket that holds the files of a doctype. Raises CatalogError if it has none."""
        known = self.doctypes.get(doctype)
        if known is None or not isinstance(known.source, FilesSource):
            raise CatalogError(f"The catalog names no bucket for the files of {doctype}.")
        return known.source.bucket

    def importable(self, doctype: str) -> bool:
        """Whether rows of a doctype can be imported: the catalog has it, wants it, and keeps it as JSON text."""
        known = self.doctypes.get(doctype)
        return known is not None and known.target is not None

    @property
    def schemas(self) -> dict[str, str]:
        """The JSON Schema text of every doctype by name."""
        return {name: doctype.schema for name, doctype in self.doctypes.items()}

    def chosen(self, options: ExportOptions) -> list[Doctype]:
        """Return the doctypes that ``options`` ask for, sorted by name.

        Raises InvalidOptions for a doctype that the catalog does not have, if nothing is left, for files in a format
        that holds records only, for records without files that a Cozy takes for those of files, and for dates where the
        catalog does not say what dates a record.
        """
        for position, name in enumerate(options.with_doctypes):
            if name not in self.doctypes:
                raise InvalidOptions(
                    f"The doctype {name!r} is not exported here. Known: {', '.join(sorted(self.doctypes))}.",
                    f"/data/attributes/with_doctypes/{position}",
                )
        names = options.with_doctypes or tuple(self.doctypes)
        chosen = [self.doctypes[name] for name in sorted(set(names))]
        if options.without_files:
            chosen = [replace(doctype, fetches_files=False) for doctype in chosen]
        kept = [doctype for doctype in chosen if not (options.without_files and doctype.has_files)]
        if chosen and not kept:
            raise InvalidOptions(
                "without_files leaves nothing to export, because with_doctypes names only files.",
                "/data/attributes/without_files",
            )
        files = [doctype.name for doctype in kept if doctype.has_files]
        if files and options.layout == PLAIN:
            raise InvalidOptions(
                f"The format {options.format} holds records only, and {', '.join(files)} has files. Set without_files "
                "to true, name other doctypes in with_doctypes, or choose another format.",
                "/data/attributes/format",
            )
        bare = [doctype.name for doctype in kept if doctype.name in _FILES_IN_COZY and not doctype.has_files]
        if bare and options.layout == COZY:
            raise InvalidOptions(
                f"A Cozy would import something else as the contents of {', '.join(bare)}, because the catalog has "
                "records of them and no contents. Name other doctypes in with_doctypes, or choose the layout bag.",
                "/data/attributes/layout",
            )
        _check_dated(kept, options)
        return kept


def _check_dated(doctypes: Sequence[Doctype], options: ExportOptions) -> None:
    undated = [doctype.name for doctype in doctypes if not doctype.date_field]
    if options.dates is not None and undated:
        field = "end_date" if options.start_date is None else "start_date"
        raise InvalidOptions(
            f"{field}: Records of {', '.join(undated)} cannot be chosen by date, because the catalog has no date_field "
            "for them. Leave out the dates, or name other doctypes in with_doctypes.",
            f"/data/attributes/{field}",
        )
