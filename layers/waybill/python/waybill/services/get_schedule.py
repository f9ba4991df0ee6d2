"""Show one schedule."""

from waybill.domain.schedule import ScheduleView, view
from waybill.ports import Clock, JobStore, ScheduleStore
from waybill.services.find_schedule import find_schedule, last_export


def get_schedule(tenant: str, name: str, *, schedules: ScheduleStore, jobs: JobStore, clock: Clock) -> ScheduleView:
    """Return a schedule with what became of its last run. Raises ScheduleNotFound."""
    schedule = find_schedule(tenant, name, schedules=schedules)
    return view(schedule, last_export(schedule, jobs=jobs), clock())
