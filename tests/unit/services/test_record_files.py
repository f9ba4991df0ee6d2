"""The formats json and csv: what goes in comes out, read by Python's own libraries."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes import FakeBudget
from tests.unit.services.exports import CATALOG, TENANT, Product

from waybill.archive.plan_record_files import MOST_COLUMNS, columns_of
from waybill.domain.errors import InvalidOptions, TooManyParts
from waybill.domain.options import MIN_PARTS_SIZE, PLAIN, ExportOptions
from waybill.ports import SourceItem
from waybill.services.download_part import download_part
from waybill.services.get_metalink import get_metalink

csv.field_size_limit(1 << 30)

SCHEMA = '{"type": "object", "properties": {"_id": {}, "name": {"type": "string"}, "born": {}}}'


@pytest.fixture(autouse=True)
def _schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG.doctypes, "contacts", replace(CATALOG.doctypes["contacts"], schema=SCHEMA))


def options(name: str, parts_size: int = 1 << 30) -> ExportOptions:
    return ExportOptions(parts_size=parts_size, without_files=True, format=name, layout=PLAIN)


def product(*lines: bytes) -> Product:
    return Product([SourceItem(f"{number:05}", line=line) for number, line in enumerate(lines)])


def export(product: Product, name: str, parts_size: int = 1 << 30) -> dict[str, bytes]:
    """The parts of an export by name, in their order."""
    job = product.export(options(name, parts_size))
    names = [part["name"] for part in product.manifest(job)["parts"]]
    return dict(zip(names, product.parts(job), strict=True))


def table(part: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(part.decode(), newline="")))


class TestJson:
    def test_a_part_is_an_array_of_what_the_source_gave(self) -> None:
        lines = [b'{"_id":"1",  "n": 1.50}', b'{"a": "\\u00e9 \xc3\xa9", "b": [1, {"c": null}]}']

        parts = export(product(*lines), "json")

        assert list(parts.values()) == [b"[\n%b,\n%b\n]\n" % tuple(lines), b"[]\n"]

    def test_parts_are_named_by_time_and_doctype(self) -> None:
        lines = [b'{"text": "%b"}' % (b"x" * 4_000) for _ in range(5)]

        parts = export(product(*lines), "json", MIN_PARTS_SIZE)

        assert list(parts) == [
            "2026-03-01T12:00:00+00:00_exported_contacts.json",
            "2026-03-01T12:00:00+00:00_exported_contacts_2.json",
            "2026-03-01T12:00:00+00:00_exported_contacts_3.json",
            "2026-03-01T12:00:00+00:00_exported_todos.json",
        ]

    def test_a_record_that_is_larger_than_a_part_stands_alone(self) -> None:
        lines = [b'{"n": 1}', b'{"n": "%b"}' % (b"2" * 20_000), b'{"n": 3}']

        parts = export(product(*lines), "json", MIN_PARTS_SIZE)

        assert [len(json.loads(part)) for part in parts.values()] == [1, 1, 1, 0]


class TestCsv:
    def test_columns_are_those_of_the_schema_then_all_others_by_name(self) -> None:
        parts = export(product(b'{"z": 1, "born": 1815, "_id": "a"}', b'{"a": true, "name": "Ada"}'), "csv")

        assert next(iter(parts.values())) == b"_id,name,born,a,z\r\na,,1815,,1\r\n,Ada,,true,\r\n"

    def test_every_part_of_a_doctype_has_the_same_header(self) -> None:
        lines = [b'{"n%d": "%b"}' % (number, b"x" * 3_000) for number in range(9)]

        *contacts, todos = export(product(*lines), "csv", MIN_PARTS_SIZE).values()

        assert len(contacts) > 2
        assert {tuple(table(part)[0]) for part in contacts} == {
            ("_id", "name", "born", *(f"n{number}" for number in range(9)))
        }
        assert todos == b"\r\n"

    def test_a_value_stands_as_it_is(self) -> None:
        line = (
            b'{"_id": 12345678901234567890.10e5, "name": "a \\"b\\", c\\r\\nd", "born": null, '
            b'"l": [1.50, "x"], "o": {"k": "v"}, "t": false, "x": "=1+1"}'
        )

        (_, row) = table(next(iter(export(product(line), "csv").values())))

        assert row == ["12345678901234567890.10e5", 'a "b", c\r\nd', "", '[1.50, "x"]', '{"k": "v"}', "false", "=1+1"]

    def test_a_row_of_one_empty_cell_is_no_empty_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(CATALOG.doctypes, "contacts", replace(CATALOG.doctypes["contacts"], schema="{}"))

        parts = export(product(b'{"a": null}', b'{"a": "x"}'), "csv")

        assert next(iter(parts.values())) == b'a\r\n""\r\nx\r\n'

    def test_fields_that_never_leave_have_no_column(self) -> None:
        assert columns_of("users", SCHEMA, ["x"], ["born"]) == ("_id", "name", "x")

    def test_more_fields_than_a_table_has_columns_are_refused_with_what_to_do(self) -> None:
        fields = [f"n{number}" for number in range(MOST_COLUMNS + 1)]

        with pytest.raises(InvalidOptions, match="format json") as caught:
            columns_of("users", "{}", fields)
        assert caught.value.pointer == "/data/attributes/format"


@pytest.mark.parametrize("name", ["json", "csv"])
class TestBoth:
    def test_too_many_parts_are_refused_with_a_size_that_works(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.services.plan_parts.MOST_PARTS", 4)
        shop = product(*(b'{"n": "%b"}' % (b"x" * (number * 97 % 6_000)) for number in range(60)))
        with pytest.raises(TooManyParts) as caught:
            shop.export(options(name, MIN_PARTS_SIZE))

        enough = int(str(caught.value).rpartition("parts_size of ")[2].split()[0])
        assert shop.export(options(name, enough)).parts <= 4

    def test_more_doctypes_than_parts_fit_no_size(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("waybill.services.plan_parts.MOST_PARTS", 1)
        with pytest.raises(TooManyParts, match="several exports"):
            product().export(options(name))

    def test_files_are_refused_with_what_to_do(self, name: str) -> None:
        with pytest.raises(InvalidOptions, match="without_files") as caught:
            Product().create(ExportOptions(format=name, layout=PLAIN))
        assert caught.value.pointer == "/data/attributes/format"

    def test_the_manifest_counts_records_and_checks_files(self, name: str) -> None:
        shop = product(*(b'{"_id": "%d"}' % number for number in range(7)))

        manifest = shop.manifest(shop.export(options(name)))

        assert (manifest["format"], manifest["layout"]) == (name, "plain")
        assert manifest["doctypes"]["contacts"] == {"expected": 7, "written": 7, "skipped": 0, "failed": 0}
        for part in manifest["parts"]:
            assert (part["entries"], part["payload_size"]) == (1, part["size"])
            assert part["sha256"]

    def test_parts_present_themselves_as_what_they_are(self, name: str) -> None:
        shop = product(b"{}")
        job = shop.export(options(name))

        downloads = [
            download for key, download in shop.archives.downloads.items() if key.startswith(f"exports/{job.id}/parts/")
        ]
        assert {download.media_type for download in downloads} == {
            {"json": "application/json", "csv": "text/csv; charset=utf-8"}[name]
        }

    def test_they_are_downloaded_as_any_other_part(self, name: str) -> None:
        shop = product(b"{}")
        job = shop.export(options(name))
        ports: dict[str, Any] = {"jobs": shop.jobs, "archives": shop.archives, "clock": shop.clock}

        link = download_part(TENANT, job.id, job.cursors[1], **ports, lifetime=timedelta(minutes=5))
        metalink = get_metalink(TENANT, job.id, **ports, lifetime=timedelta(hours=1))

        assert f"/part-00002.{name}" in link
        for part in shop.manifest(job)["parts"]:
            assert f'<file name="{part["name"]}">' in metalink
            assert part["sha256"] in metalink

    def test_an_export_that_was_interrupted_everywhere_has_the_same_bytes(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 7)
        lines = [json.dumps({"_id": f"{n}", f"f{n % 5}": "x" * (n * 37 % 900)}).encode() for n in range(100)]
        undisturbed, shop = product(*lines), product(*lines)
        job = shop.create(options(name, MIN_PARTS_SIZE))
        for batch in shop.plan(job):
            while not shop.read(job, batch, FakeBudget(1)):
                pass
        shop.plan_parts(job)
        while not shop.pack(job, budget=FakeBudget(1)):
            pass
        shop.finish(job)

        assert shop.parts(job) == list(export(undisturbed, name, MIN_PARTS_SIZE).values())


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=30),
        st.text(st.sampled_from('",\r\n x'), max_size=9),
        st.builds(lambda text, times: text * times, st.text(max_size=9), st.integers(0, 2_000)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ANY = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
records = st.lists(st.dictionaries(st.text(max_size=6), values, max_size=5), max_size=20)


def lines_of(some: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(record, ensure_ascii=number % 2 == 0).encode() for number, record in enumerate(some)]


def is_kept(part: bytes, records: int, parts_size: int) -> bool:
    return len(part) <= parts_size or records == 1


def contacts(parts: dict[str, bytes]) -> list[bytes]:
    return [part for name, part in parts.items() if "contacts" in name]


@ANY
@given(some=records, parts_size=st.integers(MIN_PARTS_SIZE, 60_000))
def test_any_records_come_out_of_json(some: list[dict[str, Any]], parts_size: int) -> None:
    lines = lines_of(some)

    parts = contacts(export(product(*lines), "json", parts_size))

    read = [json.loads(part, parse_float=Decimal) for part in parts]
    assert [record for part in read for record in part] == [json.loads(line, parse_float=Decimal) for line in lines]
    assert all(is_kept(part, len(rows), parts_size) for part, rows in zip(parts, read, strict=True))
    assert parts == contacts(export(product(*lines), "json", parts_size))


@ANY
@given(some=records, parts_size=st.integers(MIN_PARTS_SIZE, 60_000))
def test_any_records_come_out_of_csv(some: list[dict[str, Any]], parts_size: int) -> None:
    lines = lines_of(some)

    parts = contacts(export(product(*lines), "csv", parts_size))

    tables = [table(part) for part in parts]
    columns = tables[0][0]
    assert sorted(columns) == sorted({"_id", "name", "born"}.union(*some))
    assert all(rows[0] == columns for rows in tables)
    read = [dict(zip(columns, row, strict=True)) for rows in tables for row in rows[1:]]
    raw = [msgspec.json.decode(line, type=dict[str, msgspec.Raw]) for line in lines]
    for given_record, given_text, found in zip(some, raw, read, strict=True):
        for column in columns:
            value = given_record.get(column)
            if isinstance(value, str) or value is None:
                assert found[column] == (value or "")
            else:
                assert found[column] == bytes(given_text[column]).decode()
    assert all(is_kept(part, len(rows) - 1, parts_size) for part, rows in zip(parts, tables, strict=True))
    assert parts == contacts(export(product(*lines), "csv", parts_size))
