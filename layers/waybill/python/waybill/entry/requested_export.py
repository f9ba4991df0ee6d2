"""Where requests for exports enter that come as events (EventBridge, detail-type ``waybill.export.requested``)."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from waybill.domain.errors import (
    EventNotAllowed,
    ExportGone,
    IdempotencyKeyReused,
    InvalidOptions,
    MalformedEvent,
    QuotaExceeded,
    WaybillError,
)
from waybill.entry.bootstrap import Wiring
from waybill.entry.event import Happening, on_event
from waybill.entry.export_request import export_options
from waybill.entry.observability import logger
from waybill.entry.problem import Problems
from waybill.entry.task import Context
from waybill.services.start_requested_export import RequestedExport

DETAIL_TYPE = "waybill.export.requested"
_MEMBERS = {"tenant", "options"}
_MOST_TENANT_BYTES = 2048
"""The longest partition key that DynamoDB takes: whose name is longer has nothing here."""
_FOR_GOOD: tuple[type[WaybillError], ...] = (
    EventNotAllowed,
    MalformedEvent,
    InvalidOptions,
    QuotaExceeded,
    IdempotencyKeyReused,
    ExportGone,
)
"""Refusals that the same event would meet again. An export that is gone was started when the event came first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that may be granted, as far as its event alone can tell."""

    export: RequestedExport
    wiring: Wiring


def on_request(run: Callable[[Asked], object]) -> Callable[[dict[str, Any], Context], object]:
    """Make a Lambda handler of a function that takes an Asked.

    A request that cannot be granted however often it comes is logged by its code, without what it holds, and counted,
    and that is the end of it. Every other error is raised, so that Lambda tries again.
    """

    @on_event
    @functools.wraps(run)
    def handler(happening: Happening) -> object:
        try:
            settings = happening.wiring.settings
            export = requested_export(happening.payload, settings.event_sources, most_days=settings.max_range_days)
            return run(Asked(export, happening.wiring))
        except Problems as several:
            code = several.problems[0].code
        except _FOR_GOOD as one:
            code = one.code
        logger().warning("request refused", extra={"code": code, "event_id": str(happening.payload.get("id"))})
        happening.wiring.metrics.count("RequestsRefused", 1)
        return {"refused": code}

    return handler


def requested_export(event: Mapping[str, Any], sources: tuple[str, ...], *, most_days: int) -> RequestedExport:
    """Return what an event asks for. ``most_days`` is how many days its dates may span, 0 for any number.

    Raises EventNotAllowed if it is of another type or its source is not one of ``sources``, MalformedEvent if it names
    no tenant, and Problems for what is wrong with its options: they are checked as the API's are.
    """
    if event.get("detail-type") != DETAIL_TYPE or event.get("source") not in sources:
        raise EventNotAllowed("Events of this source start no exports.")
    detail, event_id = event.get("detail"), event.get("id")
    if not isinstance(detail, dict) or not isinstance(event_id, str) or not detail.keys() <= _MEMBERS:
        raise MalformedEvent(f"The detail must be an object with {' and '.join(sorted(_MEMBERS))} and nothing else.")
    tenant, options = detail.get("tenant"), detail.get("options", {})
    if not isinstance(tenant, str) or not _can_be_tenant(tenant):
        raise MalformedEvent("The detail must name a tenant.")
    if not isinstance(options, dict):
        raise MalformedEvent("The options must be an object.")
    return RequestedExport(event_id, tenant, export_options(options, most_days=most_days))


def _can_be_tenant(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= _MOST_TENANT_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
