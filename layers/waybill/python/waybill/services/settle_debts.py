"""Give back what exports have taken up in other systems, once they have ended."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import CatalogError, DebtsUnsettled, ExportNotFound, WaybillError
from waybill.domain.job import ExportState
from waybill.ports import Budget, Clock, Debtor, JobStore, Metrics, ObjectStore, Sources

MOST_TROUBLES = 10
"""So many debts may fail to be settled before a round gives up; then it is the other system that has failed."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round did, in numbers of debts: ``settled``, and ``running``, which their exports may still settle."""

    settled: int
    running: int


def settle_debts(
    *,
    catalog: Catalog,
    sources: Callable[[Catalog], Sources],
    jobs: JobStore,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
    budget: Budget,
) -> Settled:
    """Settle the debts of every export that is not being made any more: done, failed, deleted, expired or forgotten.

    A failed one that is retried asks anew for what was given back. Stops when the budget is spent. Safe to repeat, also
    side by side. A debt that cannot be settled does not hold up the others, and is tried again by the next round; in
    the end DebtsUnsettled is raised for it.
    """
    found = sources(catalog)
    counts: Counter[str] = Counter()
    troubles: list[WaybillError] = []
    for export_id, doctype, key in _debts(archives):
        if budget.spent() or len(troubles) == MOST_TROUBLES:
            break
        if _is_running(export_id, jobs, clock):
            counts["running"] += 1
            continue
        try:
            _settle(found, doctype, archives.get(key))
        except WaybillError as error:
            troubles.append(error)
            continue
        archives.delete_prefix(key)
        counts["settled"] += 1
        metrics.count("DebtsSettled", 1)
    if troubles:
        metrics.count("DebtsLeft", len(troubles))
        raise DebtsUnsettled(f"{len(troubles)} debts could not be settled, the first because: {troubles[0]}")
    return Settled(counts["settled"], counts["running"])


def _debts(archives: ObjectStore) -> Iterator[tuple[str, str, str]]:
    """Yield all debts: export, doctype and key."""
    for prefix in archives.prefixes(keys.DEBTS):
        export_id = keys.debtor_of(prefix)
        for info in list(archives.list(prefix)):
            yield export_id, info.key.removeprefix(prefix).partition("/")[0], info.key


def _is_running(export_id: str, jobs: JobStore, clock: Clock) -> bool:
    try:
        job = jobs.get(jobs.owner_of(export_id), export_id)
    except ExportNotFound:
        return False
    return job.state is ExportState.EXPORTING and clock() < job.expires_at


def _settle(sources: Sources, doctype: str, data: bytes) -> None:
    source = sources.of(doctype)
    if not isinstance(source, Debtor):
        raise CatalogError(f"The doctype {doctype} is read from another source now, where nothing can be given back.")
    source.settle(data)
