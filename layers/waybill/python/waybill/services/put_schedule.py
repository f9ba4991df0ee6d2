"""Make a schedule, or replace the one of this name."""

from dataclasses import replace
from datetime import timedelta

from waybill.domain.catalog import Catalog
from waybill.domain.chain import check_can_chain
from waybill.domain.errors import (
    InvalidOptions,
    InvalidSchedule,
    InvalidScheduleName,
    ScheduleChanged,
    ScheduleNotFound,
    TooManySchedules,
)
from waybill.domain.schedule import (
    MOST_SCHEDULES,
    Schedule,
    ScheduleView,
    Terms,
    check_timing,
    is_schedule_name,
    new_schedule,
    view,
)
from waybill.ports import ChainStore, Clock, JobStore, ObjectStore, Scheduler, ScheduleStore
from waybill.services.chains import forget_chain
from waybill.services.find_schedule import last_export

_TRIES = 5


def put_schedule(
    tenant: str,
    name: str,
    terms: Terms,
    *,
    least: timedelta,
    catalog: Catalog,
    schedules: ScheduleStore,
    scheduler: Scheduler,
    jobs: JobStore,
    chains: ChainStore,
    archives: ObjectStore,
    clock: Clock,
) -> tuple[ScheduleView, bool]:
    """Store a schedule and let it fire; return it, and whether it is new.

    What incremental runs have left for the next one goes when the schedule is not incremental any more.

    The record comes first: whoever got no answer repeats the request, and then both are there. ``least`` is what must
    lie between two firings. Raises InvalidScheduleName, InvalidSchedule, InvalidOptions and TooManySchedules, and then
    nothing has changed, or ScheduleChanged.
    """
    now = clock()
    _check_name(name)
    check_timing(terms, now, least=least)
    _check_options(terms, catalog.of_tenant(tenant))
    for _ in range(_TRIES):
        before = _stored(tenant, name, schedules)
        schedule = new_schedule(tenant, name, terms, now) if before is None else before.replaced(terms, now)
        try:
            schedules.put(schedule)
        except ScheduleChanged:
            continue
        break
    else:
        raise ScheduleChanged("The schedule is changed by others all the time. Repeat the request.")
    if before is None:
        _check_number(schedule, schedules)
    try:
        scheduler.put(schedule, starts_at=schedule.starts_at(now))
    except InvalidSchedule:
        _take_back(schedule, before, schedules)
        raise
    if before is not None and not terms.incremental:
        forget_chain(tenant, schedule.chain_key, chains=chains, archives=archives)
    return view(schedule, last_export(schedule, jobs=jobs), now), before is None


def _check_name(name: str) -> None:
    if not is_schedule_name(name):
        raise InvalidScheduleName(
            "The name of a schedule has 1 to 64 letters (A to Z, a to z), digits, dots, dashes and underscores."
        )


def _check_options(terms: Terms, catalog: Catalog) -> None:
    """Check the options as those of any export, of one of a chain if it is to be, and name the place they have here."""
    try:
        catalog.chosen(terms.options)
        if terms.incremental:
            check_can_chain(terms.options)
    except InvalidOptions as error:
        pointer = error.pointer.replace("/data/attributes/", "/data/attributes/options/", 1)
        raise InvalidOptions(str(error), pointer) from None


def _stored(tenant: str, name: str, schedules: ScheduleStore) -> Schedule | None:
    try:
        return schedules.get(tenant, name)
    except ScheduleNotFound:
        return None


def _check_number(schedule: Schedule, schedules: ScheduleStore) -> None:
    """Take a new schedule back if it is one too many: counted when it is stored, so that two at once do not slip by."""
    if len(schedules.list(schedule.tenant)) > MOST_SCHEDULES:
        schedules.delete(schedule.tenant, schedule.name)
        raise TooManySchedules(f"There are {MOST_SCHEDULES} schedules already, which is the most. Delete one first.")


def _take_back(schedule: Schedule, before: Schedule | None, schedules: ScheduleStore) -> None:
    if before is None:
        schedules.delete(schedule.tenant, schedule.name)
    else:
        schedules.put(replace(before, rev=schedule.rev + 1))
