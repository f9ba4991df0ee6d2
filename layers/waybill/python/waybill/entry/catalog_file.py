"""Read the catalog file that a deployment brings in its catalog layer."""

import functools
import importlib.resources
import os
import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.errors import CatalogError

PACKAGE = "waybill_catalog"
FILE = "catalog.yaml"
MAX_SHARDS = 1_000
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_DOCTYPE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Table(_Strict):
    kind: Literal["dynamodb"]
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


class _Files(_Strict):
    kind: Literal["s3_files"]
    index: str
    bucket: str
    key_prefix: str


class _Doctype(_Strict):
    source: str
    title: str = ""
    leave_out: list[str] = []
    shards: int = Field(default=1, ge=1, le=MAX_SHARDS)


class _File(_Strict):
    sources: dict[str, Annotated[_Table | _Files, Field(discriminator="kind")]]
    doctypes: dict[Annotated[str, Field(pattern=_DOCTYPE)], _Doctype]


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
        file = _File.model_validate(_expanded(raw, environment))
    except KeyError as error:
        raise CatalogError(f"{FILE} names the environment variable {error}, which is not set.") from None
    except (OSError, yaml.YAMLError) as error:
        raise CatalogError(f"{FILE} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise CatalogError(f"{FILE}, {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    return Catalog({name: _doctype(name, doctype, file, folder) for name, doctype in file.doctypes.items()})


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
    return Doctype(
        name=name,
        source=_source(doctype.source, file),
        schema=text,
        title=doctype.title,
        leave_out=tuple(doctype.leave_out),
        shards=doctype.shards,
    )


def _source(name: str, file: _File) -> TableSource | FilesSource:
    source = file.sources.get(name)
    if source is None:
        raise CatalogError(f"{FILE} names the source {name!r}, which it does not describe.")
    if isinstance(source, _Table):
        return TableSource(**source.model_dump(exclude={"kind"}))
    index = _source(source.index, file)
    if not isinstance(index, TableSource):
        raise CatalogError(f"The index of {name!r} must be a source of kind dynamodb.")
    return FilesSource(index=index, bucket=source.bucket, key_prefix=source.key_prefix)
