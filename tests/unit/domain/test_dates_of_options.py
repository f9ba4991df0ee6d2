"""Which dates an export may have."""

from datetime import date

import pytest

from waybill.domain.catalog import Catalog, Doctype, TableSource
from waybill.domain.errors import InvalidOptions
from waybill.domain.options import ExportOptions

TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk")
CATALOG = Catalog(
    {
        "dated": Doctype("dated", TABLE, "{}", date_field="at"),
        "undated": Doctype("undated", TABLE, "{}"),
    }
)


def options(start: str | None = None, end: str | None = None, **others: tuple[str, ...]) -> ExportOptions:
    days = [None if text is None else date.fromisoformat(text) for text in (start, end)]
    return ExportOptions(start_date=days[0], end_date=days[1], **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "most_days"),
    [
        (options(), 1),
        (options("2026-01-01", "2026-01-01"), 1),
        (options("2026-01-01", "2026-01-30"), 30),
        (options("2026-01-01"), 0),
        (options(end="2026-01-01"), 0),
        (options("0001-01-01", "9999-12-31"), 0),
    ],
)
def test_these_dates_are_taken(asked: ExportOptions, most_days: int) -> None:
    asked.check_dates(most_days)


@pytest.mark.parametrize(
    ("asked", "most_days", "named"),
    [
        (options("2026-01-02", "2026-01-01"), 0, "end_date"),
        (options("2026-01-01", "2026-01-31"), 30, "end_date"),
        (options("2026-01-01"), 30, "end_date"),
        (options(end="2026-01-01"), 30, "start_date"),
    ],
)
def test_these_are_refused_and_the_field_is_named(asked: ExportOptions, most_days: int, named: str) -> None:
    with pytest.raises(InvalidOptions, match=named) as refused:
        asked.check_dates(most_days)

    assert refused.value.pointer == f"/data/attributes/{named}"


@pytest.mark.parametrize(("asked", "named"), [(options("2026-01-01"), "start"), (options(end="2026-01-01"), "end")])
def test_a_doctype_without_a_date_field_cannot_be_chosen_by_date(asked: ExportOptions, named: str) -> None:
    with pytest.raises(InvalidOptions, match="undated") as refused:
        CATALOG.chosen(asked)

    assert refused.value.pointer == f"/data/attributes/{named}_date"


def test_unless_it_is_not_chosen_or_there_are_no_dates() -> None:
    assert [each.name for each in CATALOG.chosen(options("2026-01-01", with_doctypes=("dated",)))] == ["dated"]
    assert len(CATALOG.chosen(options())) == 2
