"""The ports of schedules in memory. They obey the same conditions as the adapters: tests/contract/ holds both to it.

``fail_on`` maps a method's name to the error that it raises.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from waybill.domain.errors import ScheduleChanged, ScheduleNotFound
from waybill.domain.schedule import Schedule


class MemorySchedules:
    """ScheduleStore."""

    def __init__(self, *schedules: Schedule, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.stored = {(schedule.tenant, schedule.name): schedule for schedule in schedules}
        self.fail_on = dict(fail_on or {})

    def get(self, tenant: str, name: str) -> Schedule:
        self._meet("get")
        try:
            return self.stored[tenant, name]
        except KeyError:
            raise ScheduleNotFound("There is no schedule of this name.") from None

    def list(self, tenant: str) -> Sequence[Schedule]:
        self._meet("list")
        return [schedule for (owner, _), schedule in sorted(self.stored.items()) if owner == tenant]

    def put(self, schedule: Schedule) -> None:
        self._meet("put")
        key = schedule.tenant, schedule.name
        if (self.stored[key].rev if key in self.stored else 0) != schedule.rev - 1:
            raise ScheduleChanged("The schedule was changed by somebody else meanwhile.")
        self.stored[key] = schedule

    def delete(self, tenant: str, name: str) -> None:
        self._meet("delete")
        self.stored.pop((tenant, name), None)

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]


class MemoryScheduler:
    """Scheduler. ``firing`` is what fires now, by tenant and name: the schedule and when its rate begins."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.firing: dict[tuple[str, str], tuple[Schedule, datetime | None]] = {}
        self.fail_on = dict(fail_on or {})

    def put(self, schedule: Schedule, *, starts_at: datetime | None) -> None:
        self._meet("put")
        self.firing[schedule.tenant, schedule.name] = schedule, starts_at

    def remove(self, tenant: str, name: str) -> None:
        self._meet("remove")
        self.firing.pop((tenant, name), None)

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]
