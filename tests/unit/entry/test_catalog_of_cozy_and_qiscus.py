"""What a catalog says of a Cozy and of a chat on Qiscus, and what it must not say."""

from typing import Any

import pytest
from tests.system_sources import OPERATOR, system_catalog

from waybill.domain.catalog import Catalog, SystemSource
from waybill.domain.errors import CatalogError


def source_of(catalog: Catalog, doctype: str) -> SystemSource:
    source = catalog.doctypes[doctype].source
    assert isinstance(source, SystemSource)
    return source


def test_the_ready_made_catalogs_can_be_read() -> None:
    cozy, qiscus = system_catalog("cozy"), system_catalog("qiscus")

    assert all(each.tenants == (OPERATOR,) for each in (*cozy.doctypes.values(), *qiscus.doctypes.values()))
    assert {name for name, each in cozy.doctypes.items() if each.has_files} == {
        "io.cozy.files",
        "io.cozy.files.versions",
    }
    assert not any(each.has_files for each in qiscus.doctypes.values())
    assert source_of(cozy, "io.cozy.contacts").doctypes == tuple(cozy.doctypes)
    assert source_of(cozy, "io.cozy.contacts").option("others") == "cozy.others"
    assert source_of(qiscus, "qiscus.users").option("since") == "2017-01-01"


def test_secrets_are_left_out_unless_they_are_asked_for() -> None:
    cozy, qiscus = system_catalog("cozy"), system_catalog("qiscus")

    assert "client_secret" in cozy.doctypes["io.cozy.oauth.clients"].leave_out
    assert cozy.doctypes["io.cozy.sharings"].leave_out == ("credentials",)
    assert cozy.doctypes["io.cozy.contacts"].leave_out == ()
    assert set(qiscus.doctypes["qiscus.users"].leave_out) == {"Password", "AuthenticationToken"}
    asked = system_catalog("qiscus", {"include_secrets": True})
    assert asked.doctypes["qiscus.users"].leave_out == ()


@pytest.mark.parametrize(
    ("system", "changes", "field"),
    [
        ("cozy", {"others": "io.cozy.nothing"}, "others"),
        ("cozy", {"others": ""}, "others"),
        ("cozy", {"url": "https://alice.mycozy.example"}, "url"),
        ("cozy", {"tenants": []}, "tenants"),
        ("qiscus", {"since": "last year"}, "since"),
        ("qiscus", {"since": "2026-13-01"}, "since"),
        ("qiscus", {"backups": "archive"}, "backups"),
        ("qiscus", {"url": ""}, "url"),
        ("qiscus", {"nonsense": 1}, "nonsense"),
    ],
)
def test_a_wrong_field_is_named(system: str, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CatalogError, match=field):
        system_catalog(system, changes)
