"""Delete a schedule."""

from waybill.ports import ChainStore, ObjectStore, Scheduler, ScheduleStore
from waybill.services.chains import forget_chain
from waybill.services.find_schedule import find_schedule


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

    The record goes last: whoever got no answer repeats the request and finds it. Raises ScheduleNotFound.
    """
    schedule = find_schedule(tenant, name, schedules=schedules)
    scheduler.remove(tenant, schedule.name)
    forget_chain(tenant, schedule.chain_key, chains=chains, archives=archives)
    schedules.delete(tenant, schedule.name)
