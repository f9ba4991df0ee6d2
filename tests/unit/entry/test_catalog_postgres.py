"""What the catalog file may say of PostgreSQL databases, and what becomes of it."""

from pathlib import Path

import pytest
import yaml
from tests.fakes import MemoryObjects

from waybill.domain.catalog import Catalog
from waybill.domain.errors import CatalogError
from waybill.domain.postgres import PostgresDump, PostgresRows
from waybill.entry.catalog_file import load_catalog
from waybill.services.pinned_catalog import pin_catalog, pinned_catalog

REPOSITORY = Path(__file__).parents[3]
EXPORT = "01a214e70a14c8e59a15c8c34c5f6fd4"
GOOD = """
sources:
  shop:
    kind: postgres
    secret: ${SHOP_SECRET}
    tenants: [operator]
doctypes:
  shop.orders:
    source: shop
    read: {table: public.orders, updated_at: changed_at}
    leave_out: [card]
    shards: 4
  shop.revenue:
    source: shop
    read: {query: SELECT 1 AS day, key: [day]}
  postgres.database:
    source: shop
    read: {dump: plain}
"""


def _loaded(folder: Path, text: str = GOOD) -> Catalog:
    (folder / "schemas").mkdir()
    (folder / "catalog.yaml").write_text(text)
    for name in yaml.safe_load(text)["doctypes"]:
        (folder / "schemas" / f"{name}.json").write_text("{}")
    return load_catalog(folder, {"SHOP_SECRET": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop"})


def test_a_doctype_is_a_table_a_query_or_a_dump(tmp_path: Path) -> None:
    catalog = _loaded(tmp_path)

    shop = ("shop", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop", ("operator",))
    assert {name: doctype.source for name, doctype in catalog.doctypes.items()} == {
        "shop.orders": PostgresRows(*shop, table="public.orders", updated_at="changed_at"),
        "shop.revenue": PostgresRows(*shop, query="SELECT 1 AS day", key=("day",)),
        "postgres.database": PostgresDump(*shop, "plain"),
    }
    assert [name for name, doctype in catalog.doctypes.items() if doctype.has_files] == ["postgres.database"]
    assert catalog.doctypes["shop.revenue"].key_fields == ("day",)


def test_other_tenants_do_not_see_it(tmp_path: Path) -> None:
    catalog = _loaded(tmp_path)

    assert not catalog.of_tenant("somebody").doctypes
    assert len(catalog.of_tenant("operator").doctypes) == 3


def test_an_export_goes_by_what_the_catalog_said_when_it_was_planned(tmp_path: Path) -> None:
    archives = MemoryObjects()
    catalog = _loaded(tmp_path)

    pin_catalog(archives, EXPORT, catalog.doctypes.values())

    assert pinned_catalog(archives, EXPORT) == catalog


def test_the_ready_made_catalog_is_good(tmp_path: Path) -> None:
    text = (REPOSITORY / "layers" / "catalog" / "systems" / "postgres.yaml").read_text()

    catalog = _loaded(tmp_path, text)

    schemas = REPOSITORY / "layers" / "catalog" / "schemas"
    assert all((schemas / f"{name}.json").is_file() for name in catalog.doctypes)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("    read: {dump: plain}", "", "read: it must have one of table, query and dump"),
        ("{dump: plain}", "{dump: plain, table: t}", "read: it must have one of table, query and dump"),
        ("{dump: plain}", "{dump: tar}", "Invalid enum value 'tar'"),
        ("{dump: plain}", "{dump: plain, key: [id]}", "a dump has no key"),
        (", key: [day]", "", "a query needs a key"),
        ("key: [day]", "key: [day, day]", "a column is named twice"),
        ("{dump: plain}", "{dump: plain, tables: x}", "unknown field `tables`"),
        ("    tenants: [operator]", "", "missing required field `tenants`"),
        ("[operator]", "[]", "length >= 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(CatalogError, match=sentence):
        _loaded(tmp_path, GOOD.replace(old, new))


def test_other_sources_have_nothing_to_read(tmp_path: Path) -> None:
    text = """
sources:
  documents: {kind: dynamodb, table: t, partition_key: pk, partition_value: "{tenant}", sort_key: sk}
  shop: {kind: postgres, secret: s, tenants: [operator]}
  files: {kind: s3_files, index: shop, bucket: b, key_prefix: "{tenant}/"}
doctypes:
  contacts: {source: documents, read: {table: t}}
"""
    with pytest.raises(CatalogError, match=r"doctypes\.contacts\.read: only a doctype of a source of kind postgres"):
        _loaded(tmp_path, text)
    (tmp_path / "again").mkdir()
    with pytest.raises(CatalogError, match="The index of files must be a source of kind dynamodb"):
        _loaded(tmp_path / "again", text.replace("{source: documents, read: {table: t}}", "{source: files}"))
