"""Read the catalog file that a deployment brings in its catalog layer."""

import functools
import importlib.resources
import os
import re
import string
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import msgspec
import yaml

from waybill.domain.catalog import Catalog, Doctype, DoctypeSource, FilesSource, TableSource, is_doctype
from waybill.domain.errors import CatalogError
from waybill.entry.catalog_postgres import Postgres, Read
from waybill.entry.catalog_systems import Cozy, Os2iot, Qiscus, SystemEntry, UForge, collection_of
from waybill.rules.order import ranks
from waybill.sources.leave_out import is_left_out
from waybill.sources.system import Collection

PACKAGE = "waybill_catalog"
FILE = "catalog.yaml"
MAX_SHARDS = 1_000
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_FILES_FOLDER = "files"
"""The folder of the archive that holds files; a doctype of this name would share it."""


_Field = Annotated[str, msgspec.Meta(min_length=1)]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """What the file may say. Checked by msgspec and not by pydantic, which takes every worker a tenth of a second."""


class _Table(_Strict, tag_field="kind", tag="dynamodb"):
    table: str
    partition_key: str
    partition_value: str
    sort_key: str
    sort_key_type: Literal["S", "N"] = "S"
    index: str | None = None
    sort_prefix: str = ""
    body_attribute: str | None = None
    updated_at_attribute: str | None = None
    id_attribute: str | None = None


class _Files(_Strict, tag_field="kind", tag="s3_files"):
    index: str
    bucket: str
    key_prefix: str


class _Doctype(_Strict):
    source: str
    title: str = ""
    leave_out: list[str] = []
    shards: Annotated[int, msgspec.Meta(ge=1, le=MAX_SHARDS)] = 1
    date_field: str = ""
    unique: list[_Field] = []
    references: dict[_Field, str] = {}
    imported: bool = True
    read: Read | None = None


class _File(_Strict):
    sources: dict[str, _Table | _Files | Postgres | Os2iot | UForge | Cozy | Qiscus]
    doctypes: dict[str, _Doctype]


@functools.cache
def deployed_catalog() -> Catalog:
    """Return the catalog of this deployment. Raises CatalogError if it is missing or wrong."""
    try:
        folder = importlib.resources.files(PACKAGE)
    except ModuleNotFoundError:
        raise CatalogError("The catalog layer is missing from this function.") from None
    return load_catalog(folder, os.environ)


def load_catalog(folder: Traversable, environment: Mapping[str, str]) -> Catalog:
    """Return the catalog that ``folder`` holds: catalog.yaml, and schemas/<doctype>.json for every doctype.

    ``${NAME}`` stands for an environment variable. Raises CatalogError, naming the field, if anything is wrong.
    """
    try:
        raw = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
        file = msgspec.convert(_expanded(raw, environment), _File)
    except KeyError as error:
        raise CatalogError(f"{FILE} names the environment variable {error}, which is not set.") from None
    except (OSError, yaml.YAMLError) as error:
        raise CatalogError(f"{FILE} cannot be read: {error}") from None
    except msgspec.ValidationError as error:
        raise CatalogError(f"{FILE}: {error}.") from None
    for name in file.doctypes:
        if not is_doctype(name) or name == _FILES_FOLDER:
            raise CatalogError(
                f"{FILE}: a doctype cannot be named {name!r}. Names have letters, digits, dots, dashes and "
                f"underscores, begin with a letter or digit, and {_FILES_FOLDER!r} is taken."
            )
    doctypes = {name: _doctype(name, doctype, file, folder) for name, doctype in file.doctypes.items()}
    ranks(doctypes.values())
    return Catalog(doctypes)


def _expanded(value: object, environment: Mapping[str, str]) -> object:
    """Return the value with the environment's variables in all its texts. Raises KeyError for one that is not set."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: environment[match[1]], value)
    if isinstance(value, dict):
        return {key: _expanded(each, environment) for key, each in value.items()}
    if isinstance(value, list):
        return [_expanded(each, environment) for each in value]
    return value


def _doctype(name: str, doctype: _Doctype, file: _File, folder: Traversable) -> Doctype:
    schema = folder / "schemas" / f"{name}.json"
    try:
        text = schema.read_text(encoding="utf-8")
    except OSError:
        raise CatalogError(f"The doctype {name} has no schemas/{name}.json.") from None
    known = _collection(name, doctype, file)
    leave_out = tuple(dict.fromkeys((*known.leave_out, *doctype.leave_out)))
    if is_left_out(doctype.date_field, leave_out):
        raise CatalogError(f"{FILE}, doctypes.{name}: the date_field {doctype.date_field!r} is one of leave_out.")
    for field, referred in doctype.references.items():
        if referred not in file.doctypes:
            raise CatalogError(f"{FILE}, doctypes.{name}.references.{field}: there is no doctype {referred!r}.")
    return Doctype(
        name=name,
        source=_doctype_source(name, doctype, file),
        schema=text,
        title=doctype.title,
        leave_out=leave_out,
        columns=known.columns,
        fetches_files=known.has_files,
        shards=doctype.shards,
        date_field=doctype.date_field,
        unique=tuple(doctype.unique),
        references=doctype.references,
        imported=doctype.imported,
    )


def _collection(name: str, doctype: _Doctype, file: _File) -> Collection:
    """Return what a system says of one of its doctypes; nothing of a doctype that is in no system."""
    source = file.sources.get(doctype.source)
    if not isinstance(source, SystemEntry):
        return Collection()
    return collection_of(f"{FILE}, doctypes.{name}", name, source)


def _doctype_source(name: str, doctype: _Doctype, file: _File) -> DoctypeSource:
    source = file.sources.get(doctype.source)
    if isinstance(source, Postgres):
        return source.source(f"{FILE}, doctypes.{name}", doctype.source, doctype.read)
    if doctype.read is not None:
        raise CatalogError(f"{FILE}, doctypes.{name}.read: only a doctype of a source of kind postgres has this.")
    return _source(doctype.source, file)


def _source(name: str, file: _File) -> DoctypeSource:
    source = file.sources.get(name)
    if source is None:
        raise CatalogError(f"{FILE} names the source {name!r}, which it does not describe.")
    if isinstance(source, Postgres):
        raise CatalogError(f"The index of files must be a source of kind dynamodb, and {name!r} is of kind postgres.")
    if isinstance(source, SystemEntry):
        return source.source(name, [each for each, doctype in file.doctypes.items() if doctype.source == name])
    if isinstance(source, _Table):
        _check_template(f"sources.{name}.partition_value", source.partition_value)
        if source.index is not None and source.id_attribute is None:
            raise CatalogError(f"{FILE}, sources.{name}: a source that is read from an index needs an id_attribute.")
        return TableSource(**msgspec.structs.asdict(source))
    _check_template(f"sources.{name}.key_prefix", source.key_prefix)
    if not source.key_prefix.endswith("/"):
        raise CatalogError(
            f"{FILE}, sources.{name}.key_prefix: it must end with a slash, so that tenants have folders."
        )
    index = _source(source.index, file)
    if not isinstance(index, TableSource):
        raise CatalogError(f"The index of {name!r} must be a source of kind dynamodb.")
    return FilesSource(index=index, bucket=source.bucket, key_prefix=source.key_prefix)


def _check_template(where: str, template: str) -> None:
    """Refuse a template that another tenant's data would fall under, or that names what is not known."""
    try:
        named = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
    except ValueError:
        named = set()
    if "tenant" not in named or named - {"tenant", "doctype"}:
        raise CatalogError(f"{FILE}, {where}: it must hold {{tenant}}, may hold {{doctype}}, and no other braces.")
