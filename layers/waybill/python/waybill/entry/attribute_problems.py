"""What is wrong with the attributes of a document, as pydantic has found it."""

from http import HTTPStatus

from pydantic import ValidationError

from waybill.entry.jsonapi_body import escape
from waybill.entry.problem import Problem

ATTRIBUTES = "/data/attributes"
"""The JSON Pointer of where they stand in a JSON:API document."""

_UNKNOWN = "extra_forbidden"


def attribute_problems(error: ValidationError, *, unknown: str, at: str = ATTRIBUTES) -> list[Problem]:
    """Return a 422 for every attribute that is unknown, missing, of the wrong type or out of its range.

    ``unknown`` is the sentence about one that nobody knows, with ``{!r}`` for its name. ``at`` is the JSON Pointer of
    where the attributes stand.
    """
    return [_problem(at, unknown, each["loc"], each["type"], each["msg"]) for each in error.errors()]


def _problem(at: str, unknown: str, location: tuple[int | str, ...], kind: str, message: str) -> Problem:
    name = ".".join(str(step) for step in location)
    pointer = "/".join([at, *(escape(str(step)) for step in location)])
    if kind == _UNKNOWN:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_attribute", unknown.format(name), pointer=pointer)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_attribute", f"{name}: {message}.", pointer=pointer)
