"""What goes out comes back: export, import into an empty deployment, export again, and everything is equal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local.demo_data import cloud
from tests.fake_sink import MemorySink
from tests.unit.services.imports import TABLE, TENANT
from tests.unit.services.round_trip import deployment, exported, imported, payload, without_failures

from waybill.domain.catalog import Catalog, Doctype, FilesSource
from waybill.domain.options import ExportOptions
from waybill.entry.catalog_file import load_catalog
from waybill.sources.moments import unix_seconds

CATALOG = load_catalog(
    Path(__file__).parents[3] / "layers" / "catalog", {"DOCUMENTS_TABLE": "documents", "FILES_BUCKET": "files"}
)
ARCHIVES = [("tar.gz", "bag"), ("tar", "bag"), ("tar.zst", "bag"), ("zip", "bag")]
COZY = [name for name in CATALOG.doctypes if name.startswith("io.cozy.")]
RECORDS = [name for name, doctype in CATALOG.doctypes.items() if not doctype.has_files]


@pytest.fixture(scope="module")
def product() -> MemorySink:
    """A deployment with what the demo's smaller user has."""
    sink = deployment(CATALOG)
    for record in cloud.records("stranger"):
        sink.put(TENANT, record.doctype, record.id, record.body)
        sink.items[TENANT, record.doctype][record.id].changed_at = record.updated_at
    for item in cloud.library("stranger").items():
        sink.put(TENANT, item.record.doctype, item.record.id, item.record.body)
        sink.items[TENANT, item.record.doctype][item.record.id].changed_at = item.record.updated_at
        if item.file is not None:
            sink.put_file(TENANT, item.file.id, item.file.content)
    return sink


def bodies(sink: MemorySink, doctypes: list[str]) -> dict[str, Any]:
    """What exports show of a tenant's records."""
    shown = {}
    for name in doctypes:
        left_out = sink.catalog.doctypes[name].leave_out
        for key, body in sink.bodies(TENANT, name).items():
            assert isinstance(body, Mapping)
            shown[f"{name} {key}"] = {field: value for field, value in body.items() if field not in left_out}
    return shown


def dates(sink: MemorySink) -> dict[str, int]:
    """When the target says that records were last changed: exports date their entries by it."""
    return {
        f"{doctype} {key}": unix_seconds(item.changed_at)
        for (_, doctype), items in sink.items.items()
        for key, item in items.items()
    }


@pytest.mark.parametrize(("packing", "layout"), ARCHIVES)
def test_the_demo_s_data_come_back_from_every_archive(product: MemorySink, packing: str, layout: str) -> None:
    options = ExportOptions(format=packing, layout=layout, parts_size=500_000)
    parts, target = exported(product, options), deployment(CATALOG)
    assert len(parts) > 3

    reports = imported(target, parts, options)

    assert all(map(without_failures, reports))
    assert bodies(target, list(CATALOG.doctypes)) == bodies(product, list(CATALOG.doctypes))
    assert target.files.objects == product.files.objects
    assert dates(target) == dates(product)
    assert payload(exported(target, options)) == payload(parts)


def test_the_demo_s_data_come_back_from_a_cozy_s_archive(product: MemorySink) -> None:
    options = ExportOptions(format="zip", layout="cozy", with_doctypes=tuple(COZY), parts_size=500_000)
    parts, target = exported(product, options), deployment(CATALOG)

    reports = imported(target, parts, options)

    assert all(map(without_failures, reports))
    assert bodies(target, COZY) == bodies(product, COZY)
    assert target.files.objects == product.files.objects
    assert payload(exported(target, options)) == payload(parts)


def test_the_demo_s_records_come_back_from_json(product: MemorySink) -> None:
    doctypes = tuple(name for name in RECORDS if name not in {"users", "rooms", "comments"})
    options = ExportOptions(format="json", layout="plain", with_doctypes=doctypes, parts_size=100_000)
    parts, target = exported(product, options), deployment(CATALOG)

    reports = imported(target, parts, options)

    assert all(map(without_failures, reports))
    assert bodies(target, list(doctypes)) == bodies(product, list(doctypes))
    assert payload(exported(target, options)) == payload(parts)


def test_the_demo_s_records_come_back_from_csv_but_for_what_an_empty_cell_was(product: MemorySink) -> None:
    doctypes = tuple(name for name in RECORDS if name not in {"users", "rooms", "comments"})
    options = ExportOptions(format="csv", layout="plain", with_doctypes=doctypes, parts_size=100_000)
    parts, target = exported(product, options), deployment(CATALOG)

    reports = imported(target, parts, options)

    assert all(map(without_failures, reports))
    there = bodies(product, list(doctypes))
    assert bodies(target, list(doctypes)) == {key: _without_empty(body) for key, body in there.items()}
    assert payload(exported(target, options)) == payload(parts)


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value not in (None, "")}


# ---------------------------------------------------------------- Any data

SMALL = Catalog(
    {
        "folders": Doctype("folders", FilesSource(TABLE, "files", "{tenant}/"), "{}", date_field="updated_at"),
        "notes": Doctype("notes", TABLE, "{}", date_field="at"),
        "tags": Doctype("tags", TABLE, "{}", references={"note": "notes"}),
    }
)
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
NUMBERS = st.integers(-(2**100), 2**100) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS.filter(lambda number: number == 0 or abs(number) > 1e-100)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda name: name not in {"_id", "_waybill_error"}), VALUES, max_size=4
)
NOTES = st.dictionaries(KEYS, FIELDS, max_size=8)
FILES = st.dictionaries(KEYS, st.tuples(KEYS, st.booleans(), st.binary(max_size=2_000)), max_size=6)


@st.composite
def products(draw: st.DrawFn) -> MemorySink:
    sink = deployment(SMALL)
    notes = draw(NOTES)
    for key, fields in notes.items():
        sink.put(TENANT, "notes", key, {"_id": key, **fields})
    for number, key in enumerate(draw(st.lists(st.sampled_from(sorted(notes)), max_size=4)) if notes else []):
        sink.put(TENANT, "tags", f"tag-{number}", {"_id": f"tag-{number}", "note": key})
    for key, (name, executable, content) in draw(FILES).items():
        record = {"_id": key, "type": "file", "name": name, "dir_id": "root", "executable": executable}
        sink.put(TENANT, "folders", key, record)
        sink.put_file(TENANT, key, content)
    if draw(st.booleans()) and "root" not in sink.items.get((TENANT, "folders"), {}):
        sink.put(TENANT, "folders", "root", {"_id": "root", "type": "directory", "path": "/Some folder"})
    return sink


def _all(sink: MemorySink) -> dict[str, dict[str, str]]:
    """The very texts of all records."""
    return {
        name: {key: item.body for key, item in sorted(sink.items.get((TENANT, name), {}).items())}
        for name in SMALL.doctypes
    }


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    sink=products(),
    packing=st.sampled_from(ARCHIVES),
    parts_size=st.sampled_from([10_240, 1_000_000]),
    steps=st.none() | st.integers(1, 3),
)
def test_any_data_come_back_from_any_archive(
    sink: MemorySink, packing: tuple[str, str], parts_size: int, steps: int | None
) -> None:
    options = ExportOptions(format=packing[0], layout=packing[1], parts_size=parts_size)
    parts, target = exported(sink, options), deployment(SMALL)

    reports = imported(target, parts, options, steps)

    assert all(map(without_failures, reports))
    assert _all(target) == _all(sink)
    assert target.files.objects == sink.files.objects
    assert payload(exported(target, options)) == payload(parts)


@settings(deadline=None, max_examples=30)
@given(sink=products())
def test_any_records_come_back_from_json(sink: MemorySink) -> None:
    options = ExportOptions(format="json", layout="plain", with_doctypes=("notes", "tags"))
    parts, target = exported(sink, options), deployment(SMALL)

    assert all(map(without_failures, imported(target, parts, options)))

    for name in ("notes", "tags"):
        assert target.bodies(TENANT, name) == sink.bodies(TENANT, name)
    assert payload(exported(target, options)) == payload(parts)
