"""Keeps what the functions logged: it lies in the engine's CloudWatch Logs, which end with the engine."""

from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws
from local.paths import LOGS

FILE = LOGS / "functions.log"


def save(endpoint_url: str) -> Path | None:
    """Write all log events of the stack, oldest first, to ``.local/logs/functions.log``; None if they cannot be had."""
    logs = Aws(endpoint_url).logs
    events = []
    try:
        for groups in logs.get_paginator("describe_log_groups").paginate():
            for group in groups["logGroups"]:
                name = group["logGroupName"]
                for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                    events += [
                        (event["timestamp"], name.rpartition("/")[2], event["message"]) for event in page["events"]
                    ]
    except (BotoCoreError, ClientError):
        return None
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("w", encoding="utf-8") as file:
        for timestamp, name, message in sorted(events, key=lambda event: event[0]):
            when = datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds")
            file.write(f"{when} {name}: {message.rstrip()}\n")
    return FILE
