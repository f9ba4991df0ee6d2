"""The attributes of a webhook, checked field by field."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from waybill.domain.change_event import TYPES
from waybill.domain.import_event import IMPORT_TYPES
from waybill.entry.attribute_problems import attribute_problems
from waybill.entry.problem import Problems
from waybill.services.put_webhook import WebhookSettings


class _Attributes(BaseModel):
    """What a PUT sets. The address is looked at by the domain, once it is a text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str
    events: list[Literal[(*TYPES, *IMPORT_TYPES)]] | None = None  # type: ignore[valid-type]
    enabled: bool = True
    rotate_secret: bool = False


def webhook_settings(attributes: Mapping[str, Any]) -> WebhookSettings:
    """Return what the attributes ask for; a type that is named twice counts once.

    Raises Problems with one 422 for every field that is missing, unknown, of the wrong type or out of its range.
    """
    try:
        checked = _Attributes.model_validate(attributes)
    except ValidationError as error:
        unknown = f"A webhook has no attribute {{!r}}. Known: {', '.join(_Attributes.model_fields)}."
        raise Problems(attribute_problems(error, unknown=unknown)) from None
    return WebhookSettings(
        url=checked.url,
        events=tuple(dict.fromkeys(checked.events or ())),
        enabled=checked.enabled,
        rotate_secret=checked.rotate_secret,
    )
