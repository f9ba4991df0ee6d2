"""Chains of exports: where the next one belongs, when one is good, and when a chain is forgotten."""

from waybill.domain import keys
from waybill.domain.chain import Chain, GoodRun
from waybill.domain.job import ExportJob
from waybill.ports import ChainStore, Clock, ObjectStore
from waybill.services.baselines import stored_baseline


def next_in_chain(tenant: str, key: str, *, chains: ChainStore) -> Chain:
    """Return the place of an export that is asked for now: behind the last good run of the chain ``key``.

    ``key`` is hexadecimal and says nothing of the tenant. Runs that failed, were cancelled or still run count for
    nothing.
    """
    last = chains.last_good(tenant, key)
    return Chain(key) if last is None else Chain(key, last.export_id, last.manifest_sha256)


def note_done(job: ExportJob, *, chains: ChainStore, archives: ObjectStore, clock: Clock) -> None:
    """Let the next run build on this export, which is done, and remove what earlier runs have left for it.

    If another run that began at the same place was done before, the chain goes on from that one, and what this one has
    left is removed instead. Safe to repeat.
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
    for export_id in _exports_with_objects(archives, chain.key):
        if export_id != job.id:
            archives.delete_prefix(keys.baselines_of(export_id, chain.key))


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
