"""The attributes of a new export, checked field by field."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from waybill.domain.date_range import DEFAULT_TIME_ZONE, parse_day, zone_of
from waybill.domain.errors import InvalidOptions
from waybill.domain.options import (
    DEFAULT_PARTS_SIZE,
    FORMATS_OF,
    MAX_MAX_AGE,
    MAX_PARTS_SIZE,
    MIN_PARTS_SIZE,
    ExportOptions,
)
from waybill.entry.attribute_problems import ATTRIBUTES, attribute_problems
from waybill.entry.problem import Problems


class _Attributes(BaseModel):
    """Names, defaults and units are seed 002's; ``format`` and ``layout`` are ours, and None if they are not asked for.

    ``layout`` stands before ``format``, which is held against it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    parts_size: int = Field(default=DEFAULT_PARTS_SIZE, ge=MIN_PARTS_SIZE, le=MAX_PARTS_SIZE)
    max_age: int = Field(default=MAX_MAX_AGE, gt=0, le=MAX_MAX_AGE)
    with_doctypes: list[str] | None = None
    without_files: bool = False
    # None is what stands there unasked; whoever sends null is refused.
    layout: Literal["bag", "cozy", "plain"] = Field(default=None)  # type: ignore[arg-type]
    format: Literal["tar.gz", "tar", "tar.zst", "zip", "json", "csv"] = Field(default=None)  # type: ignore[arg-type]

    start_date: date | None = None
    end_date: date | None = None
    time_zone: str = DEFAULT_TIME_ZONE

    @field_validator("start_date", "end_date", mode="before")
    @classmethod
    def _is_a_day(cls, asked: object) -> object:
        """Take a day as text; whatever is no text is left to the type."""
        try:
            return parse_day(asked) if isinstance(asked, str) else asked
        except ValueError as error:
            raise _told("wrong_day", error) from None

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, asked: str) -> str:
        try:
            zone_of(asked)
        except ValueError as error:
            raise _told("wrong_time_zone", error) from None
        return asked

    @field_validator("format")
    @classmethod
    def _fits_the_layout(cls, asked: str, others: ValidationInfo) -> str:
        """Refuse a format that the layout does not come in. Not called for a default, nor if the layout is wrong."""
        layout = others.data.get("layout")
        if layout is not None and asked not in FORMATS_OF[layout]:
            raise PydanticCustomError(
                "wrong_format",
                "The layout {layout} comes as {formats} only",
                {"layout": layout, "formats": " or ".join(FORMATS_OF[layout])},
            )
        return asked


def _told(kind: Literal["wrong_day", "wrong_time_zone"], error: ValueError) -> PydanticCustomError:
    return PydanticCustomError(kind, "{reason}", {"reason": str(error).rstrip(".")})


def export_options(attributes: Mapping[str, Any], *, at: str = ATTRIBUTES, most_days: int = 0) -> ExportOptions:
    """Return the options that the attributes ask for. ``at`` is the JSON Pointer of where they stand.

    A format or a layout that is not asked for is the first that fits the other. ``most_days`` is how many days the
    dates may span, 0 for any number. Raises Problems with one 422 for every field that is unknown, of the wrong type or
    out of its range, and for a format that the layout does not come in; InvalidOptions for dates that do not fit
    together or span too many days.
    """
    try:
        checked = _Attributes.model_validate(attributes)
    except ValidationError as error:
        unknown = f"An export has no attribute {{!r}}. Known: {', '.join(_Attributes.model_fields)}."
        raise Problems(attribute_problems(error, unknown=unknown, at=at)) from None
    layout = checked.layout or next(name for name, formats in FORMATS_OF.items() if checked.format in (None, *formats))
    options = ExportOptions(
        parts_size=checked.parts_size,
        max_age=checked.max_age,
        with_doctypes=tuple(checked.with_doctypes or ()),
        without_files=checked.without_files,
        format=checked.format or FORMATS_OF[layout][0],
        layout=layout,
        start_date=checked.start_date,
        end_date=checked.end_date,
        time_zone=checked.time_zone,
    )
    try:
        options.check_dates(most_days)
    except InvalidOptions as error:
        raise InvalidOptions(str(error), error.pointer.replace(ATTRIBUTES, at, 1)) from None
    return options
