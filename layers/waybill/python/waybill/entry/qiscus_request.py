"""What callers of the Qiscus dialect may ask for, checked field by field (seed 003)."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from waybill.domain.date_range import parse_day
from waybill.domain.qiscus import RESOURCES
from waybill.entry.form_body import read_fields
from waybill.entry.http import Request
from waybill.entry.problem import Problem, Problems

FIELDS = frozenset({"type", "start_date", "end_date"})
"""Of a new export. In the query they are taken too."""

PAGE = frozenset({"page"})

_MOST_PAGE_DIGITS = 9
"""A page with more is beyond every end, and a number that long takes long to read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new export is asked to hold. The days are those of the caller's time zone."""

    resource: str
    start_date: date | None
    end_date: date | None


def read_wanted(request: Request) -> Wanted:
    """Return what the request asks for. Raises Problems with one 422 for every field that is wrong."""
    fields = read_fields(request, FIELDS)
    problems: list[Problem] = []
    resource = fields.get("type", "")
    if resource not in RESOURCES:
        problems.append(_wrong("type", f"It must be one of {', '.join(RESOURCES)}."))
    days: dict[str, date] = {}
    for name in ("start_date", "end_date"):
        try:
            if name in fields:
                days[name] = parse_day(fields[name])
        except ValueError as error:
            problems.append(_wrong(name, str(error)))
    if problems:
        raise Problems(problems)
    return Wanted(resource, days.get("start_date"), days.get("end_date"))


def read_page(request: Request) -> int:
    """Return the page that the request asks for, the first if none. Raises Problem for what is no number from 1."""
    text = read_fields(request, PAGE).get("page", "1")
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdigit() and digits):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "invalid_parameter", "page: It must be a whole number from 1.", parameter="page"
        )
    return int(digits) if len(digits) <= _MOST_PAGE_DIGITS else 10**_MOST_PAGE_DIGITS


def _wrong(name: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_attribute", f"{name}: {detail}", pointer=f"/{name}")
