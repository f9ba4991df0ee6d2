"""The attributes of a schedule, checked field by field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waybill.domain.errors import InvalidOptions, InvalidSchedule
from waybill.domain.firing import read_expression, read_zone
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Terms
from waybill.entry import problem
from waybill.entry.attribute_problems import ATTRIBUTES, attribute_problems
from waybill.entry.export_request import export_options
from waybill.entry.problem import Problem, Problems

_Read = TypeVar("_Read")


class _Attributes(BaseModel):
    """``options`` are looked at by themselves, as the attributes of any export."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str
    time_zone: str = "UTC"
    enabled: bool = True
    options: dict[str, Any] = Field(default_factory=dict)
    incremental: bool = False


def schedule_terms(attributes: Mapping[str, Any], *, most_days: int) -> Terms:
    """Return what the attributes ask for; the expression in its one written form.

    ``most_days`` is how many days the dates of an export may span, 0 for any number.

    Raises Problems with one 422 for every field that is missing, unknown, of the wrong type or cannot be read, those of
    the options included.
    """
    problems: list[Problem] = []
    try:
        _Attributes.model_validate(attributes)
    except ValidationError as error:
        known = ", ".join(_Attributes.model_fields)
        unknown = f"A schedule has no attribute {{!r}} that can be set. Those are: {known}."
        problems += attribute_problems(error, unknown=unknown)
    expression = _read(attributes.get("expression"), read_expression, problems)
    _read(attributes.get("time_zone", "UTC"), read_zone, problems)
    options = _options(attributes.get("options", {}), most_days, problems)
    if problems or expression is None:
        raise Problems(problems)
    checked = _Attributes.model_validate(attributes)
    return Terms(expression.text, checked.time_zone, checked.enabled, options, checked.incremental)


def _read(value: object, read: Callable[[str], _Read], problems: list[Problem]) -> _Read | None:
    """Return what a text means. None if it cannot be read, which is a problem more, or is no text, which is known."""
    if not isinstance(value, str):
        return None
    try:
        return read(value)
    except InvalidSchedule as error:
        problems.append(problem.of_error(error))
        return None


def _options(value: object, most_days: int, problems: list[Problem]) -> ExportOptions:
    if isinstance(value, dict):
        try:
            return export_options(value, at=f"{ATTRIBUTES}/options", most_days=most_days)
        except Problems as several:
            problems += several.problems
        except InvalidOptions as error:
            problems.append(problem.of_error(error))
    return ExportOptions()
