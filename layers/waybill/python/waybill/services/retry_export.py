"""Begin a failed export once more, from where it stopped."""

from waybill.domain.errors import JobChanged, QuotaExceeded
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.quota import QuotaLimits
from waybill.ports import Clock, JobStore, Metrics, Workflow
from waybill.services.find_export import find_export
from waybill.services.quota_check import with_place
from waybill.services.starting_export import start_execution, start_if_lost

_TRIES = 10


def retry_export(
    tenant: str,
    export_id: str,
    *,
    quota: QuotaLimits,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
) -> ExportJob:
    """Set a failed export to exporting and start another execution, which goes on from what the steps have left.

    It takes a place among the running exports, and is not counted as started. An export whose execution was never
    started, because the request died, is started now. Raises ExportNotFound, ExportGone, ExportNotFailed,
    ExportBeingCreated, QuotaExceeded, and StorageUnavailable if it cannot be started; then it is as failed as before.
    """
    for _ in range(_TRIES):
        job = find_export(tenant, export_id, jobs=jobs, clock=clock)
        if job.state is ExportState.EXPORTING and start_if_lost(job, jobs=jobs, workflow=workflow, clock=clock):
            return job
        job.check_failed(clock())
        used = jobs.quota(tenant).at(clock()).without({export_id})
        try:
            used = with_place(used, quota, jobs=jobs, clock=clock)
        except QuotaExceeded:
            metrics.count("ExportsRefused", 1)
            raise
        retried = job.retried(clock())
        try:
            jobs.replace(retried, quota=used.resumed(export_id))
        except JobChanged:
            continue
        start_execution(retried, jobs=jobs, workflow=workflow, clock=clock)
        metrics.count("ExportsRetried", 1)
        return retried
    raise JobChanged(f"The export {export_id} is changed by others all the time. Retry it again.")
