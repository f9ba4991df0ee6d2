"""Chains of exports: where the next one belongs, when one is good, and when a chain is forgotten."""

from contextlib import suppress

from waybill.domain import keys
from waybill.domain.chain import Chain, GoodRun
from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportJob
from waybill.ports import ChainStore, Clock, JobStore, ObjectStore, ScheduleStore
from waybill.services.baselines import stored_baseline


def next_in_chain(tenant: str, key: str, *, chains: ChainStore) -> Chain:
    """Return the place of an export that is asked for now: behind the last good run of the chain ``key``.

    ``key`` is hexadecimal and says nothing of the tenant. Runs that failed, were cancelled or still run count for
    nothing.
    """
    last = chains.last_good(tenant, key)
    return Chain(key) if last is None else Chain(key, last.export_id, last.manifest_sha256)


def note_done(
    job: ExportJob, *, chains: ChainStore, schedules: ScheduleStore, archives: ObjectStore, clock: Clock
) -> None:
    """Let the next run build on this export, which is done, and remove what earlier runs have left for it.

    If another run that began at the same place was done before, the chain goes on from that one, and what this one has
    left is removed instead. If the chain has ended meanwhile, all of it is removed. Safe to repeat.
    """
    if job.chain is None:
        return
    chain = job.chain
    baseline = stored_baseline(archives, job)
    if baseline is None:
        return
    run = GoodRun(job.id, baseline.manifest_sha256, clock())
    if not chains.note_good(job.tenant, chain.key, run, after=chain.parent_export):
        archives.delete_prefix(keys.baselines_of(job.id, chain.key))
        return
    # Looked at after it is noted: who ends a chain says so first and forgets it then, so one of the two sees the other.
    if not has_schedule(job.tenant, chain.key, schedules=schedules):
        forget_chain(job.tenant, chain.key, chains=chains, archives=archives)
        return
    for export_id in _exports_with_objects(archives, chain.key):
        if export_id != job.id:
            archives.delete_prefix(keys.baselines_of(export_id, chain.key))


def has_schedule(tenant: str, key: str, *, schedules: ScheduleStore) -> bool:
    """Whether there is a schedule whose exports make this chain; there is none once that is deleted or not incremental.

    Whoever ends a chain must store that before it is forgotten.
    """
    return any(schedule.wants(key) for schedule in schedules.list(tenant))


def forget_if_over(
    key: str, *, jobs: JobStore, chains: ChainStore, schedules: ScheduleStore, archives: ObjectStore
) -> bool:
    """Remove what the runs of a chain have left if its schedule has ended, and say whether it had.

    Whose chain it is the exports tell, as long as it is known whose they were. Safe to repeat.
    """
    for export_id in _exports_with_objects(archives, key):
        with suppress(ExportNotFound):
            tenant = jobs.owner_of(export_id)
            if has_schedule(tenant, key, schedules=schedules):
                return False
            forget_chain(tenant, key, chains=chains, archives=archives)
            return True
    return False


def forget_chain(tenant: str, key: str, *, chains: ChainStore, archives: ObjectStore) -> None:
    """Remove everything that a chain's runs have left for the next ones, as when its schedule goes. Safe to repeat.

    The exports themselves stay. Another run of the same key begins a new chain.
    """
    chains.forget(tenant, key)
    archives.delete_prefix(keys.chain(key))


def _exports_with_objects(archives: ObjectStore, key: str) -> list[str]:
    """Return the exports that have left something, by one look at each."""
    prefix = keys.chain(key)
    found: list[str] = []
    after: str | None = None
    while (info := next(archives.list(prefix, after=after), None)) is not None:
        found.append(info.key[len(prefix) :].partition("/")[0])
        after = f"{prefix}{found[-1]}/~"
    return found
