"""Schedules as JSON:API documents."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from waybill.domain.schedule import ScheduleView
from waybill.entry.export_list import CURSOR, SIZE
from waybill.services.list_schedules import SchedulePage

RESOURCE_TYPE = "io.cozy.exports.schedules"
"""Ours; Cozy has none. What belongs to a doctype is named below it there, as ``io.cozy.files.versions``."""

_PATH = "/move/schedules"


def schedule_document(view: ScheduleView) -> dict[str, Any]:
    """Return the document of one schedule."""
    return {"jsonapi": {"version": "1.1"}, "data": _resource(view)}


def schedule_list(page: SchedulePage, size: int) -> dict[str, Any]:
    """Return the document of one page. ``links.next`` is null on the last."""
    following = None if page.after is None else f"{_PATH}?{urlencode({SIZE: size, CURSOR: page.after})}"
    return {
        "jsonapi": {"version": "1.1"},
        "data": [_resource(view) for view in page.views],
        "links": {"next": following},
    }


def schedule_path(name: str) -> str:
    """Return the path of one schedule."""
    return f"{_PATH}/{quote(name)}"


def _resource(view: ScheduleView) -> dict[str, Any]:
    schedule, terms = view.schedule, view.schedule.terms
    links = {"self": schedule_path(schedule.name)}
    if view.has_export:
        links["last_export"] = f"/move/exports/{view.last_export}"
    return {
        "type": RESOURCE_TYPE,
        "id": schedule.name,
        "attributes": {
            "expression": terms.expression,
            "time_zone": terms.time_zone,
            "enabled": terms.enabled,
            "options": json.loads(msgspec.json.encode(terms.options)),
            "incremental": terms.incremental,
            "created_at": schedule.created_at.isoformat(),
            "next_run": _time(view.next_run),
            "last_run": _time(view.last_run),
            "last_result": view.last_result.value,
            "last_error": view.last_error,
            "last_export": view.last_export,
        },
        "links": links,
        "meta": {"rev": schedule.rev},
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
