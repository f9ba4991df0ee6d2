"""End an export that cannot be finished."""

from waybill.domain.job import ExportState
from waybill.ports import Clock, JobStore, Metrics


def fail_export(tenant: str, export_id: str, error: str, *, jobs: JobStore, clock: Clock, metrics: Metrics) -> None:
    """Set the job to state error, with the sentence that the failing step left, or one made from ``error``.

    ``error`` is the error name that the state machine caught. An export that has ended already is left as it is, so
    that a repeated call changes nothing. Raises ExportNotFound.
    """
    job = jobs.get(tenant, export_id)
    if job.state is not ExportState.EXPORTING:
        return
    sentence = jobs.failure(tenant, export_id) or (
        f"A step stopped unexpectedly ({error}), also when it was tried again. Create the export again; if that fails "
        f"too, tell the operator the export's id."
    )
    jobs.replace(job.failed(clock(), sentence))
    jobs.forget_reports(tenant, export_id)
    metrics.count("ExportsFailed", 1)
