"""An estimate is held against the export itself, made of the same data."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from bench.data import documents
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeClock, MemoryObjects, MemorySource, MemorySources
from tests.unit.services.exports import CATALOG, TENANT, Product, broken, picture, record

from waybill.domain.catalog import Catalog
from waybill.domain.errors import InvalidOptions, TooManyParts
from waybill.domain.estimate import Estimate
from waybill.domain.options import FORMATS_OF, MAX_PARTS_SIZE, SECOND_NS, ExportOptions
from waybill.ports import Body, ObjectInfo, SourceItem
from waybill.services import estimate_export as service
from waybill.services import parts_plan, plan_parts
from waybill.services.estimate_export import estimate_export

BANDS = {"tar": 0.03, "tar.gz": 0.15, "tar.zst": 0.15, "zip": 0.15, "json": 0.01, "csv": 0.01}
"""How far ``total_size`` may be off, if contents of files shrink as JSON in files does (docs/api.md, "Estimating")."""

PAIRS = [(layout, name) for layout, formats in FORMATS_OF.items() for name in formats]


def estimate(product: Product, options: ExportOptions, sources: MemorySources | None = None) -> Estimate:
    return estimate_export(
        TENANT,
        options,
        quota=product.limits,
        catalog=product.catalog,
        sources=lambda _: sources or product.sources,
        jobs=product.jobs,
        clock=product.clock,
    )


def product(contacts: Sequence[SourceItem], contents: dict[str, bytes], cut_at: Sequence[str] = ()) -> Product:
    made = Product(
        contacts=contacts, pictures=[picture(key, content) for key, content in contents.items()], cut_at=cut_at
    )
    made.files.objects.update({f"{TENANT}/{key}": content for key, content in contents.items()})
    return made


def text(size: int) -> bytes:
    """JSON as the benchmarks have it, which shrinks to about a third."""
    start = _chance.randrange(len(_TEXT) - size)
    return _TEXT[start : start + size]


_chance = random.Random(5)
(_TEXT,) = documents(1, 4_000_000)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 3_000), max_size=60),
    st.lists(st.integers(0, 30_000), max_size=12),
    st.sampled_from([10_240, 30_000, 1_000_000, 2**30]),
    st.sampled_from(PAIRS),
    st.lists(st.sampled_from(["c0010", "c0020", "c0040"]), unique=True),
)
def test_what_is_counted_is_what_the_export_then_has(
    texts: list[int], sizes: list[int], parts_size: int, pair: tuple[str, str], cut_at: list[str]
) -> None:
    contacts = [record(f"c{number:04}", "x" * size) for number, size in enumerate(texts)]
    contents = {f"p{number:04}": b"%x" % number * size for number, size in enumerate(sizes)}
    made = product([*contacts, broken("c9999")], contents, sorted(cut_at))
    layout, name = pair
    options = ExportOptions(parts_size=parts_size, format=name, layout=layout, without_files=layout == "plain")

    found = estimate(made, options)
    job = made.export(options)

    manifest = made.manifest(job)
    written = {doctype: count["written"] for doctype, count in manifest["doctypes"].items()}
    assert found.exact
    assert found.limits == []
    assert {doctype: amount.records for doctype, amount in found.amounts.items()} == written
    assert found.amount.files == manifest["files"]["written"]
    assert found.plan.parts == job.parts


@pytest.mark.parametrize("parts_size", [10_240, 20_480])
def test_with_dates_it_is_what_the_export_of_these_days_then_has(
    parts_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 5)
    chance = random.Random(5)
    lines = [
        json.dumps({"at": f"2026-03-{chance.randrange(1, 10):02}", "text": chance.randbytes(200).hex()}).encode()
        for _ in range(200)
    ]
    made = product([SourceItem(f"c{number:04}", line=line) for number, line in enumerate(lines)], {})
    made.catalog = Catalog({"contacts": replace(CATALOG.doctypes["contacts"], date_field="at")})
    options = ExportOptions(parts_size=parts_size, format="tar", start_date=date(2026, 3, 3), end_date=date(2026, 3, 4))

    found = estimate(made, options)
    job = made.export(options)

    assert found.exact
    assert (found.amount.records, found.plan.parts) == (job.records, job.parts)


@pytest.mark.parametrize(("layout", "name"), PAIRS)
def test_the_size_is_within_its_band(layout: str, name: str) -> None:
    chance = random.Random(5)
    contacts = [record(f"c{number:04}", text(400).decode()) for number in range(400)]
    contents = {f"p{number:04}": text(chance.randrange(200_000)) for number in range(30)}
    made = product(contacts, contents)
    options = ExportOptions(parts_size=600_000, format=name, layout=layout, without_files=layout == "plain")

    found = estimate(made, options)
    job = made.export(options)

    assert found.plan.total_size == pytest.approx(job.total_size, rel=BANDS[name])


def test_bytes_are_those_that_are_read() -> None:
    contacts = [record(f"c{number}", "ü" * number) for number in range(20)]
    contents = {"p1": b"12345", "p2": b""}
    made = product(contacts, contents)

    found = estimate(made, ExportOptions())
    job = made.create()
    for batch in made.plan(job):
        made.read(job, batch)

    assert found.amount.record_bytes == sum(each.bytes for each in made.jobs.reports(TENANT, job.id))
    assert found.amount.file_bytes == 5


class Counting(MemoryObjects):
    """Counts requests by what S3 charges for them."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def put(self, key: str, data: bytes | Body, **how: Any) -> None:
        self.requests["put"] += 1
        super().put(key, data, **how)

    def get(self, key: str) -> bytes:
        self.requests["get"] += 1
        return b"".join(super().stream(key))

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        self.requests["get"] += 1
        return super().stream_range(key, offset, length, etag=etag)

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        self.requests["put"] += 1
        return super().list(prefix, after=after)

    def abort_uploads(self, prefix: str) -> None:
        self.requests["put"] += 1
        super().abort_uploads(prefix)

    def delete_prefix(self, prefix: str) -> int:
        self.requests["put"] += 1
        return super().delete_prefix(prefix)


@pytest.mark.parametrize("parts_size", [10_240, 100_000, 2**30])
@pytest.mark.parametrize("cut_at", [[], ["c0100", "c0200"]])
def test_requests_are_those_that_the_export_makes(parts_size: int, cut_at: list[str]) -> None:
    contacts = [record(f"c{number:04}", "x" * 300) for number in range(300)]
    made = product(contacts, {f"p{number}": b"%d" % number * 20_000 for number in range(10)}, cut_at)
    made.archives = counting = Counting()
    options = ExportOptions(parts_size=parts_size)

    usage = estimate(made, options).forecast.usage
    made.export(options)

    assert usage.s3_puts == counting.requests["put"]
    assert usage.s3_gets == counting.requests["get"] + 10


def test_nothing_is_stored_and_nothing_started() -> None:
    made = product([record("c1")], {"p1": b"content"})

    estimate(made, ExportOptions(layout="cozy", format="zip"))

    assert (made.jobs.jobs, made.jobs.quotas, made.archives.objects, made.workflow.started) == ({}, {}, {}, [])
    assert made.files.gets == []


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        (ExportOptions(with_doctypes=("contacts", "no-such")), "/data/attributes/with_doctypes/1"),
        (ExportOptions(layout="plain", format="csv"), "/data/attributes/format"),
        (ExportOptions(with_doctypes=("pictures",), without_files=True), "/data/attributes/without_files"),
    ],
)
def test_what_creating_refuses_estimating_refuses(options: ExportOptions, pointer: str) -> None:
    for ask in (lambda: estimate(Product(), options), lambda: Product().create(options)):
        with pytest.raises(InvalidOptions) as refused:
            ask()
        assert refused.value.pointer == pointer


def test_too_many_parts_name_the_parts_size_that_the_export_would_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_parts, "MOST_PARTS", 5)
    monkeypatch.setattr(service, "MOST_PARTS", 5)
    made = product([], {f"p{number}": bytes(9_000) for number in range(12)})
    options = ExportOptions(parts_size=10_240, format="tar")

    (limit,) = estimate(made, options).limits
    job = made.create(options)
    for batch in made.plan(job):
        made.read(job, batch)
    with pytest.raises(TooManyParts) as stopped:
        made.plan_parts(job)

    assert (limit.code, limit.detail) == ("too_many_parts", str(stopped.value))


def test_an_export_for_cozy_of_too_many_records_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_plan, "MOST_DOCUMENTS", 3)
    made = product([record(f"c{number}") for number in range(4)], {})

    for sources in (made.sources, large(made.contacts, page_items=2)):
        found = estimate(made, ExportOptions(layout="cozy", format="zip"), sources)
        assert [limit.code for limit in found.limits] == ["too_many_records"]
        assert "4 records, and 3 is the most" in found.limits[0].detail


def test_more_columns_than_a_table_has_are_told() -> None:
    wide = [SourceItem("c1", line=b"{%b}" % b",".join(b'"f%d":1' % number for number in range(16_400)))]
    made = product(wide, {})

    (limit,) = estimate(made, ExportOptions(layout="plain", format="csv", with_doctypes=("contacts",))).limits

    assert (limit.code, "16,384" in limit.detail) == ("too_many_columns", True)


def test_names_of_parts_that_are_too_long_together_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.domain.cursor.MOST_NAME_BYTES", 40)
    monkeypatch.setattr(service, "MOST_NAME_BYTES", 40)
    made = product([], {f"p{number:04}": random.Random(number).randbytes(11_000) for number in range(6)})
    options = ExportOptions(layout="cozy", format="zip", parts_size=10_240)

    for sources in (made.sources, large((), pictures=made.pictures, page_items=4)):
        found = estimate(made, options, sources)
        assert [limit.code for limit in found.limits] == ["part_names_too_long"]


def test_an_export_that_would_expire_before_it_is_made_is_told_so() -> None:
    made = product([record("c1")], {})

    (limit,) = estimate(made, ExportOptions(max_age=SECOND_NS)).limits
    fine = estimate(made, ExportOptions(max_age=60 * SECOND_NS))

    assert (limit.code, "1000000000 nanoseconds" in limit.detail) == ("expires_too_soon", True)
    assert fine.limits == []


def large(contacts: Sequence[SourceItem], *, page_items: int, pictures: Sequence[SourceItem] = ()) -> MemorySources:
    """Sources of which at most 20 pages are counted."""
    return MemorySources(
        MemorySource("contacts", contacts, TENANT, page_items=page_items),
        MemorySource("pictures", pictures, TENANT, page_items=page_items),
        MemorySource("todos", (), TENANT),
    )


@pytest.mark.parametrize(("layout", "name"), PAIRS)
def test_what_is_too_large_to_be_counted_is_extrapolated_within_a_band(layout: str, name: str) -> None:
    """Held against the export itself."""
    chance = random.Random(6)
    contacts = [record(f"c{number:05}", text(chance.randrange(300)).decode()) for number in range(4_000)]
    contents = {f"p{number:04}": text(chance.randrange(20_000)) for number in range(300)}
    made = product(contacts, contents)
    options = ExportOptions(parts_size=100_000, format=name, layout=layout, without_files=layout == "plain")

    found = estimate(made, options, large(made.contacts, pictures=made.pictures, page_items=10))
    job = made.export(options)

    assert not found.exact
    assert found.counted == frozenset(("todos",))
    assert found.amount.records == (4_300 if layout != "plain" else 4_000)
    assert found.plan.parts == pytest.approx(job.parts, rel=0.2)
    assert found.plan.total_size == pytest.approx(job.total_size, rel=0.2)


def test_records_of_which_each_is_a_part_are_extrapolated_too() -> None:
    contacts = [record(f"c{number:05}", text(5_200).decode()) for number in range(400)]
    made = product(contacts, {})
    options = ExportOptions(parts_size=10_240, format="tar")

    found = estimate(made, options, large(made.contacts, page_items=5))

    assert found.plan.parts == pytest.approx(made.export(options).parts, rel=0.05)


def test_too_many_parts_of_an_extrapolated_export_name_a_parts_size_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_PARTS", 5)
    monkeypatch.setattr("waybill.services.rough_plan.MOST_PARTS", 5)
    contents = {f"p{number:03}": bytes(9_000) for number in range(100)}
    made = product([], contents)
    few = large((), pictures=made.pictures, page_items=2)

    (limit,) = estimate(made, ExportOptions(parts_size=10_240, format="tar"), few).limits
    size = int(limit.detail.partition("parts_size of ")[2].rpartition("parts_size of ")[2].split()[0])

    assert limit.code == "too_many_parts"
    assert made.export(ExportOptions(parts_size=size, format="tar")).parts == pytest.approx(5, abs=1)


def test_no_parts_size_is_enough_for_too_many_doctypes_that_are_files_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_PARTS", 1)
    monkeypatch.setattr("waybill.services.rough_plan.MOST_PARTS", 1)
    made = product([record(f"c{number:04}") for number in range(50)], {})
    options = ExportOptions(layout="plain", format="json", without_files=True, parts_size=MAX_PARTS_SIZE)

    (limit,) = estimate(made, options, large(made.contacts, page_items=1)).limits

    assert "No parts_size is enough" in limit.detail


def test_pages_are_shared_out_and_what_one_leaves_the_next_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_PAGES", 6)
    asked: dict[str, int] = {}

    class Noting(MemorySource):
        def measure(self, *, tenant: str, pages: int, budget: Any) -> Any:
            asked[self.doctype] = pages
            return super().measure(tenant=tenant, pages=pages, budget=budget)

    sources = MemorySources(*(Noting(name, (), TENANT) for name in CATALOG.doctypes))

    estimate(Product(), ExportOptions(), sources)

    assert asked == {"contacts": 2, "pictures": 2, "todos": 4}


def test_a_doctype_that_takes_its_time_leaves_the_others_theirs() -> None:
    clock = FakeClock()

    class Slow(MemorySource):
        def measure(self, *, tenant: str, pages: int, budget: Any) -> Any:
            began = clock()
            while not budget.spent():
                clock.advance(seconds=0.5)
            spans.append((clock() - began).total_seconds())
            return super().measure(tenant=tenant, pages=pages, budget=budget)

    spans: list[float] = []
    made = Product(clock=clock)

    estimate(made, ExportOptions(), MemorySources(*(Slow(name, (), TENANT) for name in CATALOG.doctypes)))

    assert len(spans) == 3
    assert sum(spans) <= service.MOST_SECONDS + 1.5
    assert min(spans) >= 2.5
