"""Whether a tenant may have one more export running."""

from contextlib import suppress

from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.progress import total
from waybill.domain.quota import QuotaLimits, QuotaUse, TakenPlace, no_place
from waybill.ports import Clock, JobStore


def with_place(use: QuotaUse, limits: QuotaLimits, *, jobs: JobStore, clock: Clock) -> QuotaUse:
    """Return what the tenant has used, with room for one more export to run. Raises QuotaExceeded if there is none.

    Only when all places seem taken are the exports themselves looked at, and the places of those that have ended are
    given back.
    """
    if use.has_place(limits):
        return use
    running = [job for export_id in use.running if (job := _running(use.tenant, export_id, jobs, clock)) is not None]
    use = use.without(set(use.running) - {job.id for job in running})
    if not use.has_place(limits):
        raise no_place([_place(job, jobs) for job in running], limits, clock())
    return use


def _running(tenant: str, export_id: str, jobs: JobStore, clock: Clock) -> ExportJob | None:
    with suppress(ExportNotFound):
        job = jobs.get(tenant, export_id)
        if job.state is ExportState.EXPORTING and clock() < job.expires_at:
            return job
    return None


def _place(job: ExportJob, jobs: JobStore) -> TakenPlace:
    return TakenPlace(job.began_at, total(jobs.reports(job.tenant, job.id)).percentage, job.expires_at)
