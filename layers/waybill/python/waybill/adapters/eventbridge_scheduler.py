"""Schedules on EventBridge Scheduler, in one group.

A schedule there is named by a digest of tenant and name; its input, which only its target gets, names both.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from waybill.adapters.aws_json import AwsError
from waybill.adapters.aws_rest_json import AwsRestJsonClient
from waybill.domain.errors import InvalidSchedule, StorageUnavailable
from waybill.domain.schedule import Schedule, schedule_key

_MOST_RETRIES = 10
_MOST_AGE_SECONDS = 3600
"""A firing that could not be delivered within an hour goes to the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class Target:
    """What fires: the ARNs of the function, of the role that may call it, and of the queue for what was not delivered.

    Who only removes schedules needs none of them.
    """

    function_arn: str = ""
    role_arn: str = ""
    dead_letters_arn: str = ""


class EventBridgeScheduler:
    """Scheduler on one schedule group."""

    def __init__(self, client: AwsRestJsonClient, group: str, target: Target) -> None:
        self._client = client
        self._group = group
        self._target = target

    def put(self, schedule: Schedule, *, starts_at: datetime | None) -> None:
        """Let a schedule fire as it says. Raises InvalidSchedule or StorageUnavailable.

        Whether it is there already is seen by trying, since two requests may come at the same time.
        """
        payload = self._payload(schedule, starts_at)
        try:
            if not self._done("UpdateSchedule", "PUT", schedule, payload, unless="ResourceNotFoundException"):
                is_new = self._done("CreateSchedule", "POST", schedule, payload, unless="ConflictException")
                if not is_new:
                    self._call("UpdateSchedule", "PUT", schedule.tenant, schedule.name, payload)
        except AwsError as error:
            if error.kind == "ValidationException":
                raise InvalidSchedule(
                    "expression: EventBridge Scheduler does not take it together with this time zone.",
                    "/data/attributes/expression",
                ) from error
            raise _unavailable(error) from error

    def remove(self, tenant: str, name: str) -> None:
        """Let a schedule fire no more. Safe to repeat. Raises StorageUnavailable."""
        try:
            self._call("DeleteSchedule", "DELETE", tenant, name, None)
        except AwsError as error:
            if error.kind != "ResourceNotFoundException":
                raise _unavailable(error) from error

    def _done(
        self, operation: str, method: str, schedule: Schedule, payload: dict[str, object], *, unless: str
    ) -> bool:
        """Do an operation and return whether it was done; not, if AWS refuses it as ``unless``. Raises AwsError."""
        try:
            self._call(operation, method, schedule.tenant, schedule.name, payload)
        except AwsError as error:
            if error.kind != unless:
                raise
            return False
        return True

    def _call(self, operation: str, method: str, tenant: str, name: str, payload: dict[str, object] | None) -> None:
        query = [("groupName", self._group)] if payload is None else ()
        self._client.call(operation, method, f"/schedules/{schedule_key(tenant, name)}", query=query, payload=payload)

    def _payload(self, schedule: Schedule, starts_at: datetime | None) -> dict[str, object]:
        payload: dict[str, object] = {
            "GroupName": self._group,
            "ScheduleExpression": schedule.terms.expression,
            "ScheduleExpressionTimezone": schedule.terms.time_zone,
            "State": "ENABLED" if schedule.terms.enabled else "DISABLED",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": self._target.function_arn,
                "RoleArn": self._target.role_arn,
                "DeadLetterConfig": {"Arn": self._target.dead_letters_arn},
                "RetryPolicy": {
                    "MaximumRetryAttempts": _MOST_RETRIES,
                    "MaximumEventAgeInSeconds": _MOST_AGE_SECONDS,
                },
                "Input": _input(schedule),
            },
        }
        if starts_at is not None:
            payload["StartDate"] = int(starts_at.timestamp())
        return payload


def _input(schedule: Schedule) -> str:
    """Return what the function gets. No name can be taken for one of the keywords that AWS fills in, which begin so."""
    names = msgspec.json.encode({"tenant": schedule.tenant, "name": schedule.name}).decode().replace("<", "\\u003c")
    return f'{names[:-1]},"scheduled_at":"<aws.scheduler.scheduled-time>"}}'


def _unavailable(error: AwsError) -> StorageUnavailable:
    return StorageUnavailable(f"Schedules cannot be changed now: {error}")
