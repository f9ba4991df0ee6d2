"""Delete a schedule."""

from waybill.ports import Scheduler, ScheduleStore
from waybill.services.find_schedule import find_schedule


def delete_schedule(tenant: str, name: str, *, schedules: ScheduleStore, scheduler: Scheduler) -> None:
    """Let a schedule fire no more and remove it. The exports that it made stay.

    The record goes last: whoever got no answer repeats the request and finds it. Raises ScheduleNotFound.
    """
    schedule = find_schedule(tenant, name, schedules=schedules)
    scheduler.remove(tenant, schedule.name)
    schedules.delete(tenant, schedule.name)
