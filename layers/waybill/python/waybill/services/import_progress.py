"""Tell the record of an import how far it has got."""

from waybill.domain.errors import JobChanged
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts
from waybill.ports import Clock, ImportStore


def progressed(
    job: ImportJob, phase: ImportPhase, counts: RowCounts, *, imports: ImportStore, clock: Clock
) -> ImportJob:
    """Store how far an import has got, and return it. Nothing is stored if nothing is new.

    Raises ImportGone or ImportNotRunning if it was deleted or has ended meanwhile.
    """
    if (job.phase, job.counts) == (phase, counts):
        return job
    try:
        changed = job.changed(phase=phase, counts=counts)
        imports.replace(changed)
    except JobChanged:
        stored = imports.get(job.tenant, job.id)
        stored.check_running(clock(), job.state)
        changed = stored.changed(phase=phase, counts=counts)
        imports.replace(changed)
    return changed
