"""Exports of some days: what is in them, what is counted, and what is named."""

import json
from datetime import date
from typing import Any

import pytest
from tests.fakes import FakeBudget
from tests.unit.services.exports import TABLE, TENANT, Product

from waybill.domain.catalog import Catalog, Doctype, FilesSource
from waybill.domain.date_range import DateRange
from waybill.domain.estimate import Amount
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.options import ExportOptions
from waybill.domain.plan import Directory, FileReference
from waybill.ports import Measure, SourceItem
from waybill.services import read_chunk
from waybill.services.choose_by_date import chosen_by_date, measured_by_date

DAYS = DateRange(date(2026, 3, 1), date(2026, 3, 2), "UTC")
CONTACTS = Doctype("contacts", TABLE, "{}", date_field="meta.at")
PICTURES = Doctype("pictures", FilesSource(TABLE, "files", "{tenant}/"), "{}", date_field="at")
IN, OUT = "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"
RANGE = ExportOptions(start_date=date(2026, 3, 1), end_date=date(2026, 3, 2), format="json", layout="plain")


def contact(key: str, at: object, **others: object) -> SourceItem:
    return SourceItem(key, line=json.dumps({"_id": key, "meta": {"at": at}, **others}).encode())


def picture(key: str, at: object, **others: Any) -> SourceItem:
    file = FileReference(key, f"{key}.jpg", "root", f"{TENANT}/{key}", 3, '"etag"')
    fields: dict[str, Any] = {"line": json.dumps({"_id": key, "at": at}).encode(), "file": file}
    return SourceItem(key, **fields | others)


def only(item: SourceItem, doctype: Doctype = CONTACTS) -> SourceItem:
    (chosen,) = chosen_by_date(iter([item]), doctype, DAYS)
    return chosen


def test_without_dates_everything_goes_through() -> None:
    items = [contact("a", None), contact("b", OUT)]

    assert list(chosen_by_date(iter(items), Doctype("contacts", TABLE, "{}"), None)) == items


def test_a_record_inside_is_as_it_was() -> None:
    assert only(contact("a", IN)) == contact("a", IN)


def test_a_record_outside_leaves_its_key_alone() -> None:
    assert only(contact("a", OUT)) == SourceItem("a", outside=True)


@pytest.mark.parametrize("at", [None, "soon", [], {"at": IN}, True])
def test_a_record_that_tells_no_date_is_a_gap(at: object) -> None:
    gap = only(contact("a", at)).gap

    assert gap is not None
    assert (gap.id, gap.kind, gap.outcome, gap.code) == ("a", "record", Outcome.FAILED, "date_unreadable")
    assert "meta.at" in gap.reason


@pytest.mark.parametrize("line", [b'{"_id":"a"}', b'{"meta":[]}', b'{"meta":"x"}', b'{"meta":{"at":1e999}}'])
def test_so_is_one_that_lacks_the_field(line: bytes) -> None:
    assert only(SourceItem("a", line=line)).gap is not None


def test_a_field_is_found_however_it_is_escaped() -> None:
    assert only(SourceItem("a", line=b'{"m\\u0065ta":{"\\u0061t":"2026-03-0\\u0031"}}')).line is not None


def test_what_is_a_gap_already_stays_that_gap() -> None:
    gap = Gap("contacts", "record", "a", Outcome.FAILED, "invalid_json", "It is not JSON.")

    assert only(SourceItem("a", gap=gap)) == SourceItem("a", gap=gap)


def test_a_file_goes_with_its_record() -> None:
    inside, outside = only(picture("a", IN), PICTURES), only(picture("b", OUT), PICTURES)

    assert (inside.file is not None, outside) == (True, SourceItem("b", outside=True))


def test_a_file_whose_record_tells_no_date_is_a_gap_too() -> None:
    item = only(picture("a", "soon"), PICTURES)

    assert item.file is None
    assert [(each.kind, each.code) for each in (item.gap, item.file_gap) if each] == [
        ("record", "date_unreadable"),
        ("file", "date_unreadable"),
    ]


def test_a_file_that_is_missing_anyway_keeps_its_reason() -> None:
    missing = Gap("pictures", "file", "a", Outcome.FAILED, "file_missing", "It is gone.")

    assert only(picture("a", "soon", file=None, file_gap=missing), PICTURES).file_gap == missing


def test_directories_are_chosen_whatever_their_date() -> None:
    item = picture("d", OUT, file=None, directory=Directory("d", "/d"))

    assert only(item, PICTURES) == item


def product(*contacts: SourceItem, **others: Any) -> Product:
    return Product(contacts=contacts, catalog=Catalog({"contacts": CONTACTS}), **others)


def read_with_pauses(made: Product, steps: int) -> ExportJob:
    """Take an export through its steps; reading stops each time its budget was asked ``steps`` times."""
    job = made.create(RANGE)
    for batch in made.plan(job):
        while not made.read(job, batch, FakeBudget(steps)):
            pass
    for number in json.loads(made.archives.get(made.plan_parts(job).key)):
        made.pack(job, number)
    assert made.finish(job).ready
    return made.jobs.get(TENANT, job.id)


def test_the_manifest_says_which_days_and_how_many_records_were_outside() -> None:
    made = product(contact("a", IN), contact("b", OUT), contact("c", "soon"), contact("d", OUT))

    job = made.export(RANGE)

    manifest = made.manifest(job)
    asked = {name: manifest["export"][name] for name in ("start_date", "end_date", "time_zone")}
    assert asked == {"start_date": "2026-03-01", "end_date": "2026-03-02", "time_zone": "UTC"}
    assert manifest["doctypes"] == {"contacts": {"expected": 2, "written": 1, "skipped": 0, "failed": 1}}
    assert manifest["outside_dates"] == {"contacts": 2}
    assert [gap["code"] for gap in manifest["gaps"]] == ["date_unreadable"]
    assert (job.records, job.gaps) == (1, 1)


def test_without_dates_the_manifest_has_none() -> None:
    made = product(contact("a", OUT))

    manifest = made.manifest(made.export(ExportOptions()))

    assert (manifest["outside_dates"], manifest["export"]["start_date"]) == ({}, None)


def test_where_all_is_outside_there_is_an_empty_file() -> None:
    made = product(contact("a", OUT))

    job = made.export(RANGE)

    assert [json.loads(part) for part in made.parts(job)] == [[]]
    assert made.manifest(job)["outside_dates"] == {"contacts": 1}


def test_a_reading_that_was_interrupted_counts_and_leaves_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_chunk, "MOST_ITEMS_PER_ENTRY", 3)
    contacts = [contact(f"{number:03}", IN if number % 3 else OUT, text="x" * 50) for number in range(40)]
    at_once, with_pauses = product(*contacts), product(*contacts)

    one, other = at_once.export(RANGE), read_with_pauses(with_pauses, 1)

    assert at_once.parts(one) == with_pauses.parts(other)
    for made, job in ((at_once, one), (with_pauses, other)):
        assert made.manifest(job)["outside_dates"] == {"contacts": 14}
        assert made.manifest(job)["doctypes"]["contacts"]["written"] == 26


@pytest.mark.parametrize(("exact", "records"), [(True, 4), (False, 40)])
def test_what_was_measured_is_counted_again_or_taken_to_lie_as_what_was_read_does(exact: bool, records: int) -> None:
    items = [
        *(picture(f"in{number}", IN) for number in range(4)),
        *(picture(f"out{number}", OUT) for number in range(6)),
    ]
    size = sum(len(item.line or b"") + 1 for item in items)
    read = Amount(10, size, 10, 30, 30)
    measure = Measure(read if exact else read.times(10), read, items, exact, pages=1)

    chosen = measured_by_date(measure, PICTURES, DAYS)

    kept = sum(len(item.line or b"") + 1 for item in items[:4])
    assert chosen.read == Amount(4, kept, 4, 12, 12)
    assert (chosen.amount.records, chosen.amount.files, chosen.amount.file_bytes) == (records, records, records * 3)
    assert chosen.items == [*items[:4], *(SourceItem(f"out{number}", outside=True) for number in range(6))]


def test_without_dates_a_measure_is_as_it_was() -> None:
    measure = Measure(Amount(1), Amount(1), [contact("a", OUT)], exact=True, pages=1)

    assert measured_by_date(measure, CONTACTS, None) == measure
