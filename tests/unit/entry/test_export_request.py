"""What may stand in the body of POST /move/exports, and what is said when it may not."""

import json
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from waybill.domain.errors import InvalidOptions
from waybill.domain.options import DEFAULT_PARTS_SIZE, FORMATS, FORMATS_OF, LAYOUTS, MAX_MAX_AGE, ExportOptions
from waybill.entry.export_request import export_options
from waybill.entry.http import Request
from waybill.entry.jsonapi_body import read_attributes
from waybill.entry.problem import Problem, Problems

JSONAPI = "application/vnd.api+json"


def request(body: bytes, content_type: str = JSONAPI) -> Request:
    headers = {"content-type": content_type} if content_type else {}
    return cast("Request", SimpleNamespace(body=body, headers=headers))


def attributes(document: object) -> dict[str, Any]:
    return dict(read_attributes(request(json.dumps(document).encode()), "io.cozy.exports"))


def pointers(sent: dict[str, Any]) -> list[str | None]:
    with pytest.raises(Problems) as caught:
        export_options(sent)
    assert all(each.status == 422 for each in caught.value.problems)
    return [each.source.get("pointer") for each in caught.value.problems]


def test_nothing_said_means_the_defaults() -> None:
    assert export_options({}) == ExportOptions(parts_size=DEFAULT_PARTS_SIZE, max_age=MAX_MAX_AGE)


def test_the_sample_of_seed_002_is_taken() -> None:
    sample = {"data": {"attributes": {"parts_size": 10240, "with_doctypes": [], "without_files": False}}}

    assert export_options(attributes(sample)) == ExportOptions(parts_size=10_240)


PAIRS = [(layout, name) for layout, formats in FORMATS_OF.items() for name in formats]


@pytest.mark.parametrize(("layout", "name"), PAIRS)
def test_every_format_can_be_asked_for_with_its_layout(layout: str, name: str) -> None:
    assert export_options({"format": name, "layout": layout}) == ExportOptions(format=name, layout=layout)


@pytest.mark.parametrize(
    ("sent", "name", "layout"),
    [
        ({"format": "tar"}, "tar", "bag"),
        ({"format": "zip"}, "zip", "bag"),
        ({"format": "json"}, "json", "plain"),
        ({"format": "csv"}, "csv", "plain"),
        ({"layout": "bag"}, "tar.gz", "bag"),
        ({"layout": "cozy"}, "zip", "cozy"),
        ({"layout": "plain"}, "json", "plain"),
    ],
)
def test_what_is_not_asked_for_fits_what_is(sent: dict[str, Any], name: str, layout: str) -> None:
    assert export_options(sent) == ExportOptions(format=name, layout=layout)


@pytest.mark.parametrize(
    "sent",
    [
        {"format": name, "layout": layout}
        for layout, formats in FORMATS_OF.items()
        for _, name in PAIRS
        if name not in formats
    ],
)
def test_a_format_that_the_layout_does_not_come_in_is_refused(sent: dict[str, Any]) -> None:
    assert pointers(sent) == ["/data/attributes/format"]


def test_a_format_that_does_not_fit_is_told_beside_what_else_is_wrong() -> None:
    assert pointers({"format": "tar", "layout": "cozy", "parts_size": 0}) == [
        "/data/attributes/parts_size",
        "/data/attributes/format",
    ]
    assert pointers({"format": "tar", "layout": "pile"}) == ["/data/attributes/layout"]
    with pytest.raises(Problems, match="The layout plain comes as json or csv only"):
        export_options({"format": "tar", "layout": "plain"})


@pytest.mark.parametrize("name", ["format", "layout"])
def test_null_is_no_format_and_no_layout(name: str) -> None:
    assert pointers({name: None}) == [f"/data/attributes/{name}"]


def test_every_layout_has_formats_and_every_format_a_layout() -> None:
    assert set(FORMATS_OF) == set(LAYOUTS)
    assert {name for names in FORMATS_OF.values() for name in names} == set(FORMATS)
    assert FORMATS_OF[ExportOptions().layout][0] == ExportOptions().format


def test_null_doctypes_are_all_doctypes() -> None:
    assert export_options({"with_doctypes": None}).with_doctypes == ()


def test_an_unknown_attribute_is_refused_by_name() -> None:
    with pytest.raises(Problems, match="'part_size'"):
        export_options({"part_size": 10_240})
    assert pointers({"part_size": 10_240}) == ["/data/attributes/part_size"]


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"parts_size": 0}, "/data/attributes/parts_size"),
        ({"parts_size": -1}, "/data/attributes/parts_size"),
        ({"parts_size": 10_239}, "/data/attributes/parts_size"),
        ({"parts_size": 10**30}, "/data/attributes/parts_size"),
        ({"parts_size": "10240"}, "/data/attributes/parts_size"),
        ({"parts_size": True}, "/data/attributes/parts_size"),
        ({"parts_size": 10_240.5}, "/data/attributes/parts_size"),
        ({"parts_size": None}, "/data/attributes/parts_size"),
        ({"max_age": 0}, "/data/attributes/max_age"),
        ({"max_age": -5}, "/data/attributes/max_age"),
        ({"max_age": MAX_MAX_AGE + 1}, "/data/attributes/max_age"),
        ({"with_doctypes": "io.cozy.contacts"}, "/data/attributes/with_doctypes"),
        ({"with_doctypes": ["io.cozy.contacts", 7]}, "/data/attributes/with_doctypes/1"),
        ({"without_files": "yes"}, "/data/attributes/without_files"),
        ({"format": "rar"}, "/data/attributes/format"),
        ({"layout": "pile"}, "/data/attributes/layout"),
        ({"a/b~c": 1}, "/data/attributes/a~1b~0c"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(sent: dict[str, Any], pointer: str) -> None:
    assert pointers(sent) == [pointer]


def test_all_wrong_fields_are_told_at_once() -> None:
    assert len(pointers({"parts_size": 0, "max_age": 0, "colour": "red"})) == 3


def test_json_without_the_jsonapi_media_type_is_taken() -> None:
    assert read_attributes(request(b'{"data": {}}', "application/json; charset=utf-8"), "io.cozy.exports") == {}
    assert read_attributes(request(b'{"data": {}}', ""), "io.cozy.exports") == {}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", f"{JSONAPI}; charset=utf-8"]
)
def test_another_media_type_is_refused(content_type: str) -> None:
    with pytest.raises(Problem) as caught:
        read_attributes(request(b'{"data": {}}', content_type), "io.cozy.exports")
    assert (caught.value.status, caught.value.source) == (415, {"header": "content-type"})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"", 400, ""),
        (b"{", 400, ""),
        (b"[]", 400, ""),
        (b"null", 400, ""),
        (b"\xff\xfe", 400, ""),
        (b"[" * 60_000, 400, ""),
        (b'{"data": NaN}', 400, ""),
        (b'{"data": ' + b"9" * 5_000 + b"}", 400, ""),
        (b'{"data": {}, "data": {}}', 400, ""),
        (b"{}", 400, "/data"),
        (b'{"data": []}', 400, "/data"),
        (b'{"data": {"attributes": []}}', 400, "/data/attributes"),
        (b'{"data": {"type": "io.cozy.files"}}', 422, "/data/type"),
        (b'{"data": {"id": "mine"}}', 422, "/data/id"),
        (b'{"data": {}, "included": []}', 422, "/included"),
    ],
)
def test_what_is_no_jsonapi_document_is_refused(body: bytes, status: int, pointer: str) -> None:
    with pytest.raises(Problem) as caught:
        read_attributes(request(body), "io.cozy.exports")
    assert (caught.value.status, caught.value.source.get("pointer")) == (status, pointer)


def test_dates_are_days_in_a_time_zone() -> None:
    sent = {"start_date": "2026-03-01", "end_date": "2026-03-31", "time_zone": "Asia/Jakarta"}

    options = export_options(sent)

    assert (options.start_date, options.end_date) == (date(2026, 3, 1), date(2026, 3, 31))
    assert options.time_zone == "Asia/Jakarta"


def test_null_is_no_date() -> None:
    assert export_options({"start_date": None, "end_date": None}) == ExportOptions()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_date", "01.03.2026"),
        ("start_date", "2026-02-30"),
        ("start_date", ""),
        ("end_date", "2026-03-01T00:00:00Z"),
        ("end_date", 20260301),
        ("end_date", ["2026-03-01"]),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../UTC"),
        ("time_zone", ""),
        ("time_zone", None),
        ("time_zone", 7),
        ("time_zone", "x" * 60_000),
    ],
)
def test_a_date_or_a_zone_that_is_none_is_refused_with_its_place(name: str, value: object) -> None:
    assert pointers({name: value}) == [f"/data/attributes/{name}"]


@pytest.mark.parametrize(
    ("sent", "most_days", "named"),
    [
        ({"start_date": "2026-03-02", "end_date": "2026-03-01"}, 0, "end_date"),
        ({"start_date": "2026-03-01", "end_date": "2026-03-31"}, 30, "end_date"),
        ({"start_date": "2026-03-01"}, 30, "end_date"),
    ],
)
def test_dates_that_do_not_go_together_are_refused(sent: dict[str, str], most_days: int, named: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        export_options(sent, most_days=most_days)

    assert refused.value.pointer == f"/data/attributes/{named}"
