"""List a tenant's schedules."""

from collections.abc import Sequence
from dataclasses import dataclass

from waybill.domain.errors import InvalidPageCursor
from waybill.domain.schedule import ScheduleView, is_schedule_name, view
from waybill.ports import Clock, JobStore, ScheduleStore
from waybill.services.find_schedule import last_export


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """One page of a tenant's schedules, by name. ``after`` is the name to go on from, None on the last page."""

    views: Sequence[ScheduleView]
    after: str | None


def list_schedules(
    tenant: str, *, limit: int, after: str | None, schedules: ScheduleStore, jobs: JobStore, clock: Clock
) -> SchedulePage:
    """Return one page of schedules, sorted by name. ``after`` is the ``after`` of the page before.

    Raises InvalidPageCursor if it cannot be one.
    """
    if after is not None and not is_schedule_name(after):
        raise InvalidPageCursor("page[cursor] is not from a list answer. Follow links.next instead of making one.")
    behind = [each for each in schedules.list(tenant) if after is None or each.name > after]
    page, now = behind[:limit], clock()
    views = [view(schedule, last_export(schedule, jobs=jobs), now) for schedule in page]
    return SchedulePage(views, page[-1].name if len(behind) > limit else None)
