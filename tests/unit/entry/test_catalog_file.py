"""The catalog file is read strictly: a wrong one says which field is wrong."""

from pathlib import Path

import pytest

from waybill.domain.catalog import FilesSource, TableSource
from waybill.domain.errors import CatalogError
from waybill.entry.catalog_file import load_catalog

REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = {"DOCUMENTS_TABLE": "documents", "FILES_BUCKET": "files"}

GOOD = """
sources:
  documents:
    kind: dynamodb
    table: ${DOCUMENTS_TABLE}
    partition_key: pk
    partition_value: "{tenant}#{doctype}"
    sort_key: sk
doctypes:
  contacts:
    source: documents
    leave_out: [secret]
"""


def write(folder: Path, text: str = GOOD, schemas: tuple[str, ...] = ("contacts",)) -> Path:
    (folder / "schemas").mkdir()
    (folder / "catalog.yaml").write_text(text)
    for name in schemas:
        (folder / "schemas" / f"{name}.json").write_text("{}")
    return folder


def test_a_doctype_knows_its_source_schema_and_secrets(tmp_path: Path) -> None:
    contacts = load_catalog(write(tmp_path), ENVIRONMENT).doctypes["contacts"]

    assert contacts.source == TableSource("documents", "pk", "{tenant}#{doctype}", "sk")
    assert (contacts.schema, contacts.leave_out) == ("{}", ("secret",))


def test_a_doctype_may_say_what_dates_its_records(tmp_path: Path) -> None:
    text = GOOD.replace("leave_out: [secret]", "date_field: meta.at")

    assert load_catalog(write(tmp_path, text), ENVIRONMENT).doctypes["contacts"].date_field == "meta.at"


def test_the_catalog_that_we_ship_is_good() -> None:
    catalog = load_catalog(REPOSITORY / "layers" / "catalog", ENVIRONMENT)

    assert all(doctype.date_field for doctype in catalog.doctypes.values())
    assert len(catalog.doctypes) >= 8
    files = catalog.doctypes["io.cozy.files"].source
    assert isinstance(files, FilesSource)
    assert (files.bucket, files.index.table) == ("files", "documents")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sort_key: sk", "sort_key: 7", "sort_key"),
        ("sort_key: sk", "sort_key: sk\n    colour: red", "colour"),
        ("kind: dynamodb", "kind: paper", "kind"),
        ("source: documents", "source: archive", "'archive'"),
        ("${DOCUMENTS_TABLE}", "${NOWHERE}", "NOWHERE"),
        ("  contacts:", "  ../contacts:", "contacts"),
        ("sources:", "sources: [", "catalog.yaml"),
        ('"{tenant}#{doctype}"', '"{doctype}"', "partition_value"),
        ('"{tenant}#{doctype}"', '"{tenant}#{user}"', "partition_value"),
        ('"{tenant}#{doctype}"', '"{tenant"', "partition_value"),
        ("sort_key: sk", "sort_key: sk\n    index: by_date", "id_attribute"),
        ("  contacts:", "  files:", "'files'"),
        ("leave_out: [secret]", "shards: 0", "shards"),
        ("leave_out: [secret]", "leave_out: [secret]\n    date_field: secret", "date_field"),
        ("leave_out: [secret]", "leave_out: [secret]\n    date_field: secret.at", "date_field"),
        ("leave_out: [secret]", "date_field: 7", "date_field"),
        ("leave_out: [secret]", "unique: id", "unique"),
        ("leave_out: [secret]", "unique: ['']", "unique"),
        (
            "leave_out: [secret]",
            "references: {group: groups}",
            "contacts.references.group: there is no doctype 'groups'",
        ),
    ],
)
def test_a_wrong_catalog_says_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = write(tmp_path, GOOD.replace(old, new))

    with pytest.raises(CatalogError) as caught:
        load_catalog(folder, ENVIRONMENT)
    assert said in str(caught.value)


@pytest.mark.parametrize("prefix", ["files/", "{tenant}", "{tenant}-", "{user}/"])
def test_files_that_tenants_could_share_are_refused(tmp_path: Path, prefix: str) -> None:
    files = f"  files:\n    kind: s3_files\n    index: documents\n    bucket: files\n    key_prefix: '{prefix}'\n"
    text = GOOD.replace("doctypes:", f"{files}doctypes:\n  pictures: {{source: files}}", 1)

    with pytest.raises(CatalogError, match="key_prefix"):
        load_catalog(write(tmp_path, text, ("contacts", "pictures")), ENVIRONMENT)


def test_a_doctype_without_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"schemas/contacts\.json"):
        load_catalog(write(tmp_path, schemas=()), ENVIRONMENT)


def test_a_doctype_knows_what_is_unique_in_it_and_what_it_refers_to(tmp_path: Path) -> None:
    text = GOOD + "    unique: [_id, email]\n    references: {groups.*._id: groups}\n  groups: {source: documents}\n"
    contacts = load_catalog(write(tmp_path, text, ("contacts", "groups")), ENVIRONMENT).doctypes["contacts"]

    assert (contacts.key_fields, contacts.references) == (("_id", "email"), {"groups.*._id": "groups"})


def test_doctypes_that_refer_to_each_other_are_refused(tmp_path: Path) -> None:
    text = GOOD + "    references: {of: groups}\n  groups: {source: documents, references: {has: contacts}}\n"

    with pytest.raises(CatalogError, match="contacts → groups → contacts"):
        load_catalog(write(tmp_path, text, ("contacts", "groups")), ENVIRONMENT)
