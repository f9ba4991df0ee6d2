"""What an estimate says of the deployed stack's data, held against the exports that are made of it."""

import json
from collections.abc import Callable

import pytest
from local.demo_data.record import Record
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

DOCTYPE = "io.cozy.contacts"


def test_an_estimate_is_what_the_export_then_is(owner: Tenant, owner_export: Unpacked) -> None:
    estimate = owner.api.estimate()["attributes"]

    made, manifest = owner_export.export["attributes"], owner_export.manifest
    files = [path for bag in owner_export.bags for path in (bag / "data" / "files").rglob("*") if path.is_file()]
    assert estimate["exact"]
    assert estimate["limits"] == []
    assert {name: each["records"] for name, each in estimate["doctypes"].items()} == {
        name: each["written"] for name, each in manifest["doctypes"].items()
    }
    assert {name: each["record_bytes"] for name, each in estimate["doctypes"].items()} == {
        name: sum(len(line.rstrip(b"\n")) + 1 for line in owner_export.records(name)) for name in manifest["doctypes"]
    }
    assert estimate["files"] == manifest["files"]["written"] == len(files)
    assert estimate["file_bytes"] == sum(path.stat().st_size for path in files)
    assert estimate["bytes"] == estimate["record_bytes"] + estimate["file_bytes"]
    assert estimate["parts"] == made["parts_length"]
    assert estimate["total_size"] == pytest.approx(made["total_size"], rel=0.15)
    assert 0 < estimate["cost"]["total"] < 1


@pytest.mark.parametrize(
    ("options", "band"),
    [
        ({"format": "tar", "parts_size": 30_000_000}, 0.03),
        ({"format": "tar.zst", "parts_size": 10_000_000}, 0.15),
        ({"layout": "cozy", "with_doctypes": [DOCTYPE, "io.cozy.files"], "parts_size": 30_000_000}, 0.15),
        ({"format": "csv", "with_doctypes": [DOCTYPE], "parts_size": 100_000}, 0.01),
    ],
    ids=["tar", "tar.zst", "cozy", "csv"],
)
def test_parts_are_estimated_in_other_formats_too(owner: Tenant, options: dict[str, object], band: float) -> None:
    estimate = owner.api.estimate(**options)["attributes"]
    made = owner.api.finished(owner.api.create(**options)["id"])["attributes"]

    assert (made["state"], estimate["parts"]) == ("done", made["parts_length"])
    assert estimate["total_size"] == pytest.approx(made["total_size"], rel=band)


def test_more_parts_than_there_may_be_are_named_before_anything_is_made(new_tenant: Callable[..., Tenant]) -> None:
    records = (Record(DOCTYPE, f"{number * 7919 % 65_537:08x}", "", {"note": "x" * 5_200}) for number in range(13_000))
    tenant = new_tenant("estimating", records)

    estimate = tenant.api.estimate(format="tar", parts_size=10_240)["attributes"]
    (limit,) = estimate["limits"]
    enough = int(limit["detail"].rpartition("parts_size of ")[2].split()[0])

    assert estimate["records"] == pytest.approx(13_000, rel=0.1)
    assert (limit["code"], estimate["parts"] > 10_000) == ("too_many_parts", True)
    assert tenant.api.estimate(format="tar", parts_size=enough)["attributes"]["limits"] == []


def test_an_age_at_which_it_would_expire_before_it_is_made_is_named(owner: Tenant) -> None:
    (limit,) = owner.api.estimate(max_age=1_000_000_000)["attributes"]["limits"]

    assert limit["code"] == "expires_too_soon"


@pytest.mark.parametrize("path", ["/move/exports", "/move/exports/estimate"])
def test_an_unknown_doctype_is_refused_as_for_an_export(owner: Tenant, path: str) -> None:
    body = json.dumps({"data": {"attributes": {"with_doctypes": ["no.such.doctype"]}}})

    answer = owner.api.call("POST", path, body=body)

    (error,) = answer.document["errors"]
    assert (answer.status, error["code"]) == (422, "invalid_options")
    assert error["source"] == {"pointer": "/data/attributes/with_doctypes/0"}
