"""Keep with its schedule how an export ended, so that it is known when the export is gone."""

from waybill.domain.schedule import Schedule
from waybill.ports import JobStore, ScheduleStore
from waybill.services.find_schedule import change_schedule, last_export


def note_scheduled_end(tenant: str, export_id: str, *, schedules: ScheduleStore, jobs: JobStore) -> None:
    """Note how an export ended, or that it is retried, if it was the last run of a schedule; do nothing for any other.

    To be called after every change of an export's state. Safe to repeat.
    """

    def ended(schedule: Schedule) -> Schedule | None:
        if schedule.run is None or schedule.run.export_id != export_id:
            return None
        run = schedule.run.ended(last_export(schedule, jobs=jobs))
        return None if run == schedule.run else schedule.noted(run)

    for schedule in schedules.list(tenant):
        if schedule.run is not None and schedule.run.export_id == export_id:
            change_schedule(tenant, schedule.name, ended, schedules=schedules)
