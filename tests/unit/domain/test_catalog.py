"""What the options choose of the catalog."""

from dataclasses import replace

import pytest

from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.errors import InvalidOptions
from waybill.domain.options import COZY, PLAIN, ExportOptions

TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body")
CATALOG = Catalog(
    {
        "todos": Doctype("todos", TABLE, "{}"),
        "contacts": Doctype("contacts", TABLE, "{}"),
        "files": Doctype("files", FilesSource(TABLE, "files", "{tenant}/"), "{}"),
    }
)


def chosen(**options: object) -> list[str]:
    return [doctype.name for doctype in CATALOG.chosen(ExportOptions(**options))]  # type: ignore[arg-type]


def test_nothing_named_is_everything_sorted() -> None:
    assert chosen() == ["contacts", "files", "todos"]


def test_named_doctypes_are_taken_once_each() -> None:
    assert chosen(with_doctypes=("todos", "contacts", "todos")) == ["contacts", "todos"]


def test_without_files_leaves_out_the_files_index_too() -> None:
    assert chosen(without_files=True) == ["contacts", "todos"]


def test_an_unknown_doctype_is_refused_by_name_and_place() -> None:
    with pytest.raises(InvalidOptions, match="'notes'") as caught:
        chosen(with_doctypes=("todos", "notes"))

    assert caught.value.pointer == "/data/attributes/with_doctypes/1"


def test_options_that_leave_nothing_are_refused() -> None:
    with pytest.raises(InvalidOptions) as caught:
        chosen(with_doctypes=("files",), without_files=True)

    assert caught.value.pointer == "/data/attributes/without_files"


def test_files_are_refused_where_there_is_no_place_for_them() -> None:
    with pytest.raises(InvalidOptions, match="csv holds records only, and files has files") as caught:
        chosen(format="csv", layout=PLAIN)

    assert caught.value.pointer == "/data/attributes/format"
    assert chosen(format="csv", layout=PLAIN, without_files=True) == ["contacts", "todos"]


@pytest.mark.parametrize("name", ["io.cozy.files", "io.cozy.files.versions"])
def test_records_that_a_cozy_takes_for_files_are_refused_without_contents(name: str) -> None:
    bare = Catalog({**CATALOG.doctypes, name: Doctype(name, TABLE, "{}")})

    with pytest.raises(InvalidOptions, match=name) as caught:
        bare.chosen(ExportOptions(format="zip", layout=COZY))

    assert caught.value.pointer == "/data/attributes/layout"
    assert bare.chosen(ExportOptions())
    assert chosen(format="zip", layout=COZY) == ["contacts", "files", "todos"]


@pytest.mark.parametrize(
    "changes",
    [
        {"body_attribute": None},
        {"index": "by-date", "id_attribute": "id"},
        {"sort_prefix": "NOTE#"},
        {"sort_key_type": "N"},
        {"id_attribute": "id"},
    ],
)
def test_what_is_not_kept_as_text_under_its_name_cannot_be_imported(changes: dict[str, str]) -> None:
    table = replace(TABLE, **changes)
    catalog = Catalog({"notes": Doctype("notes", table, "{}"), "todos": CATALOG.doctypes["todos"]})

    assert not catalog.importable("notes")
    assert catalog.importable("todos")


def test_files_are_imported_where_their_index_can_be() -> None:
    assert CATALOG.importable("files")
    assert CATALOG.doctypes["files"].target == TABLE


def test_an_operator_can_refuse_imports_of_a_doctype() -> None:
    closed = Catalog({"notes": Doctype("notes", TABLE, "{}", imported=False)})

    assert not closed.importable("notes")
    assert not closed.importable("unknown")
