"""Other systems in the catalog file."""

from pathlib import Path

import pytest

from waybill.domain.catalog import Catalog, SystemSource
from waybill.domain.errors import CatalogError, InvalidOptions
from waybill.domain.options import ExportOptions
from waybill.entry.catalog_file import load_catalog
from waybill.sources.os2iot import SECRETS

GOOD = """
sources:
  city:
    kind: os2iot
    url: https://${HOST}/api/v1
    secret: ${SECRET_NAME}
    tenants: [ada, bob]
doctypes:
  city.iot-devices:
    source: city
    leave_out: [comment]
    date_field: updatedAt
"""
ENVIRONMENT = {"HOST": "iot.example.org", "SECRET_NAME": "waybill/city"}


def load(folder: Path, text: str = GOOD) -> Catalog:
    (folder / "schemas").mkdir()
    (folder / "catalog.yaml").write_text(text)
    for name in ("city.iot-devices", "city.iot", "iot-devices"):
        (folder / "schemas" / f"{name}.json").write_text("{}")
    return load_catalog(folder, ENVIRONMENT)


def test_a_doctype_of_a_system_knows_where_it_is_and_what_stays_behind(tmp_path: Path) -> None:
    devices = load(tmp_path).doctypes["city.iot-devices"]

    assert devices.source == SystemSource(
        "os2iot",
        "city",
        "https://iot.example.org/api/v1",
        "waybill/city",
        ("ada", "bob"),
        requests=16,
        doctypes=("city.iot-devices",),
    )
    assert devices.leave_out == (*SECRETS, "comment")
    assert (devices.collection, devices.key_fields, devices.has_files) == ("iot-devices", ("id",), False)
    assert devices.columns[:2] == ("name", "id")


def test_with_include_secrets_only_what_the_doctype_names_stays_behind(tmp_path: Path) -> None:
    text = GOOD.replace("    tenants", "    include_secrets: true\n    tenants")

    assert load(tmp_path, text).doctypes["city.iot-devices"].leave_out == ("comment",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("    tenants: [ada, bob]\n", ""), "tenants"),
        (("[ada, bob]", "[]"), "tenants"),
        (("[ada, bob]", "['']"), "tenants"),
        (("    tenants", "    requests: 0\n    tenants"), "requests"),
        (("    tenants", "    requests: 65\n    tenants"), "requests"),
        (("    tenants", "    pasword: x\n    tenants"), "pasword"),
        (("    url: https://${HOST}/api/v1\n", ""), "url"),
        (("kind: os2iot", "kind: os3iot"), "os3iot"),
        (("  city.iot-devices:", "  city.iot:"), "OS2iot has nothing that is called so"),
        (("  city.iot-devices:", "  iot-devices:"), "OS2iot has nothing that is called so"),
        (("date_field: updatedAt", "date_field: lorawanSettings.networkSessionKey"), "one of leave_out"),
        (("date_field: updatedAt", "date_field: comment"), "one of leave_out"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(CatalogError, match=words):
        load(tmp_path, GOOD.replace(*change))


def test_for_a_tenant_that_is_not_named_a_system_is_not_there(tmp_path: Path) -> None:
    catalog = load(tmp_path)

    assert set(catalog.of_tenant("ada").doctypes) == {"city.iot-devices"}
    assert catalog.of_tenant("eve").doctypes == {}
    assert catalog.of_tenant("eve").chosen(ExportOptions()) == []
    with pytest.raises(InvalidOptions) as refused:
        catalog.of_tenant("eve").chosen(ExportOptions(with_doctypes=("city.iot-devices",)))
    assert refused.value.pointer == "/data/attributes/with_doctypes/0"
