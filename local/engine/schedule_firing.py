"""Patch 7: schedules are what AWS makes of them, where the stock engine stops half way.

A target's input gets the keyword ``<aws.scheduler.scheduled-time>`` filled in, and permissions are looked up for a
schedule in its own group, where the stock engine takes every schedule for one of the group ``default``. What is due
fires within a second, where the stock engine looks every ten.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_actions
from ministack.services import eventbridge, scheduler

from local.engine.guard import check_parameters, check_source

_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_DEFAULT_GROUP = ":schedule/default/"
_PERIOD = 1
"""Seconds between two looks at what is due."""


def apply() -> None:
    """Patch how a target is invoked, how a request's resource is named, and how often what is due is looked for."""
    check_parameters(eventbridge._invoke_target, "target", "event", "rule", "view")
    check_parameters(
        iam_actions.extract_resource_arn,
        "service", "method", "path", "headers", "body", "query_params", "region", "account_id",
    )  # fmt: skip
    check_source(scheduler._ticker_loop, "51e1b1334023fb4a")
    _patch_invoke()
    _patch_resource()
    scheduler._SCHEDULE_TICK_INTERVAL = _PERIOD  # read anew before every look


def _patch_invoke() -> None:
    stock = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> Any:
        if event.get("Source") == "aws.scheduler" and _SCHEDULED_TIME in target.get("Input", ""):
            moment = datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            target = {**target, "Input": target["Input"].replace(_SCHEDULED_TIME, moment)}
        return stock(target, event, rule, view)

    eventbridge._invoke_target = invoke


def _patch_resource() -> None:
    stock = iam_actions.extract_resource_arn

    def resource(service: str, *request: Any) -> str:
        arn: str = stock(service, *request)
        _, _, _, body, query, *_ = request
        return arn.replace(_DEFAULT_GROUP, f":schedule/{_group(body, query)}/") if service == "scheduler" else arn

    iam_actions.extract_resource_arn = resource


def _group(body: bytes, query_params: Mapping[str, Any]) -> str:
    """Return the group that a request names: in its query, or in its body."""
    named = query_params.get("groupName")
    if isinstance(named, list):
        named = named[0]
    if named is None and body:
        named = json.loads(body).get("GroupName")
    return str(named or "default")
