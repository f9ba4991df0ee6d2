"""The attributes of an upload, checked field by field."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from waybill.entry.attribute_problems import attribute_problems
from waybill.entry.problem import Problems


class _Attributes(BaseModel):
    """What is said of a file before it is sent. How long and how large it may be is for the domain to say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    size: int


def upload_attributes(attributes: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name and the size, in bytes, of the file that is to be uploaded.

    Raises Problems with one 422 for every field that is missing, unknown or of the wrong type.
    """
    try:
        checked = _Attributes.model_validate(attributes)
    except ValidationError as error:
        unknown = f"An upload has no attribute {{!r}} that can be set. Known: {', '.join(_Attributes.model_fields)}."
        raise Problems(attribute_problems(error, unknown=unknown)) from None
    return checked.name, checked.size
