"""What EventBridge Scheduler sends when a schedule fires."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from waybill.domain.errors import InvalidOptions
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Firing
from waybill.entry.export_request import export_options
from waybill.entry.problem import Problems


def read_firing(payload: Mapping[str, Any]) -> Firing:
    """Return the firing that a payload tells of: ``tenant``, ``scheduled_at``, and ``name`` or else ``options``.

    ``scheduled_at`` is a time as ``2026-03-01T03:00:00Z``; ``options`` are those of the operator's own schedule. Raises
    InvalidOptions for options that no export can have, and KeyError or ValueError for what no schedule of ours sends.
    """
    moment = datetime.fromisoformat(payload["scheduled_at"]).astimezone(UTC).replace(microsecond=0)
    options = payload.get("options")
    if options is None:
        return Firing(str(payload["tenant"]), str(payload["name"]), moment)
    return Firing(str(payload["tenant"]), "", moment, _operators(options))


def _operators(options: Mapping[str, Any]) -> ExportOptions:
    try:
        return export_options(options, at="ScheduleOptions")
    except Problems as several:
        first = several.problems[0]
        raise InvalidOptions(f"The parameter ScheduleOptions: {first.detail}", first.source["pointer"]) from None
