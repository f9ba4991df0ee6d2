"""Delete a schedule."""

from waybill.ports import ChainStore, ObjectStore, Scheduler, ScheduleStore
from waybill.services.chains import forget_chain
from waybill.services.find_schedule import change_schedule, find_schedule


def delete_schedule(
    tenant: str,
    name: str,
    *,
    schedules: ScheduleStore,
    scheduler: Scheduler,
    chains: ChainStore,
    archives: ObjectStore,
) -> None:
    """Let a schedule fire no more and remove it, with what its runs left for the next. The exports that it made stay.

    The record goes last: whoever got no answer repeats the request and finds it. Until then it says of an incremental
    schedule that it makes no chain any more, so that a run which ends meanwhile leaves nothing for the next. Raises
    ScheduleNotFound, and ScheduleChanged if others change the record all the time.
    """
    schedule = find_schedule(tenant, name, schedules=schedules)
    scheduler.remove(tenant, schedule.name)
    change_schedule(
        tenant, schedule.name, lambda stored: stored.ending() if stored.terms.incremental else None, schedules=schedules
    )
    forget_chain(tenant, schedule.chain_key, chains=chains, archives=archives)
    schedules.delete(tenant, schedule.name)
