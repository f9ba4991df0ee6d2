"""docs/uforge.md says what the code does."""

import msgspec
import yaml
from tests.docs.test_docs import gap_codes, listed, page, rows, section, words
from tests.system_sources import SYSTEM_CATALOGS

from waybill.entry.catalog_systems import MOST_ARCHIVE_MINUTES, MOST_REQUESTS, SystemEntry, UForge
from waybill.sources.uforge import SECRETS, UFORGE
from waybill.sources.uforge.auth import LOGIN, PASSWORD, PUBLIC_KEY, SECRET_KEY
from waybill.sources.uforge.xml_record import TYPE


def test_every_field_is_in_the_page_with_its_default() -> None:
    common = {field.name for field in msgspec.structs.fields(SystemEntry)}
    own = {field.name: field.default for field in msgspec.structs.fields(UForge) if field.name not in common}
    table = {row[0].strip(" `"): row for row in rows(section(page("uforge.md"), "In the catalog"))}

    assert set(own) <= set(table)
    for name in ("archive_minutes", "tickets", "output_format"):
        assert table[name][1].strip(" `") == str(own[name])
    assert f"{MOST_ARCHIVE_MINUTES:,}" in table["archive_minutes"][2]
    assert f"1 to {MOST_REQUESTS}" in table["tickets"][2]


def test_every_doctype_and_secret_is_in_the_page() -> None:
    text = page("uforge.md")
    shipped = yaml.safe_load((SYSTEM_CATALOGS / "uforge.yaml").read_text(encoding="utf-8"))["doctypes"]

    assert set(shipped) == {f"uforge.{name}" for name in UFORGE.collections} <= listed(section(text, "In the catalog"))
    assert {name.removeprefix("**.").rpartition(".")[2] for name in SECRETS} <= words(text)
    assert {LOGIN, PASSWORD, PUBLIC_KEY, SECRET_KEY, TYPE} <= words(text)


def test_every_reason_for_a_missing_archive_is_in_the_page() -> None:
    codes = {code for code in gap_codes() if code.startswith("archive_")}

    assert len(codes) == 6
    assert listed(section(page("uforge.md"), "Archives by ticket")) == codes
