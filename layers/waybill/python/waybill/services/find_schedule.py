"""How every use case finds the schedule that it is about, and the export of its last run."""

from collections.abc import Callable

from waybill.domain.errors import ExportNotFound, ScheduleChanged, ScheduleNotFound
from waybill.domain.job import ExportJob
from waybill.domain.schedule import Schedule, is_schedule_name
from waybill.ports import JobStore, ScheduleStore

_TRIES = 5


def find_schedule(tenant: str, name: str, *, schedules: ScheduleStore) -> Schedule:
    """Return a tenant's schedule. Raises ScheduleNotFound, also for what cannot be a name."""
    if not is_schedule_name(name):
        raise ScheduleNotFound("There is no schedule of this name. GET /move/schedules lists those that there are.")
    return schedules.get(tenant, name)


def last_export(schedule: Schedule, *, jobs: JobStore) -> ExportJob | None:
    """Return the export of the last run, None if there was none or it is gone."""
    if schedule.run is None or not schedule.run.export_id:
        return None
    try:
        return jobs.get(schedule.tenant, schedule.run.export_id)
    except ExportNotFound:
        return None


def change_schedule(
    tenant: str, name: str, change: Callable[[Schedule], Schedule | None], *, schedules: ScheduleStore
) -> Schedule | None:
    """Store what ``change`` makes of the stored schedule, and return it; None if it makes nothing or there is none.

    ``change`` may be called several times. Raises ScheduleChanged if others change the record all the time.
    """
    for _ in range(_TRIES):
        try:
            changed = change(schedules.get(tenant, name))
            if changed is not None:
                schedules.put(changed)
        except ScheduleNotFound:
            return None
        except ScheduleChanged:
            continue
        return changed
    raise ScheduleChanged("The schedule is changed by others all the time. Repeat the request.")
