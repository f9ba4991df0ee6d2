"""What every step of an export does around its work."""

from collections.abc import Iterator
from contextlib import contextmanager

from waybill.domain import keys
from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportJob, ExportState
from waybill.ports import Clock, JobStore, ObjectStore


@contextmanager
def making_export(
    tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock
) -> Iterator[ExportJob]:
    """Give a step the export that is being made, for as long as the step writes objects of it.

    Raises ExportNotFound, ExportGone or ExportNotRunning, so that a step that comes late stops before it writes. A step
    that was under way when the export was deleted removes what it wrote after the deletion had looked, and one that was
    under way when the export was done, such as one of an earlier attempt, what is of no use any more.
    """
    job = jobs.get(tenant, export_id)
    job.check_running(clock())
    try:
        yield job
    finally:
        state = _state(tenant, export_id, jobs)
        if state is ExportState.DELETED:
            archives.delete_prefix(keys.prefix(export_id))
        elif state is ExportState.DONE:
            archives.delete_prefix(keys.work(export_id))


def _state(tenant: str, export_id: str, jobs: JobStore) -> ExportState:
    """Return the state of the export now; deleted, if it has expired so long ago that its record is gone."""
    try:
        return jobs.get(tenant, export_id).state
    except ExportNotFound:
        return ExportState.DELETED
