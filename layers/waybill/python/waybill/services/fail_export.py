"""End an export that cannot be finished."""

from waybill.domain.job import ExportState
from waybill.ports import Clock, JobStore, Metrics


def fail_export(
    tenant: str, export_id: str, error: str, *, attempt: int, jobs: JobStore, clock: Clock, metrics: Metrics
) -> None:
    """Set the job to state error, with the sentence that the failing step left, or one made from ``error``.

    ``error`` is the error name that the state machine caught, in the export's attempt number ``attempt``. An export
    that has ended already, or is in another attempt, is left as it is, so that a repeated or late call changes nothing.
    What the steps have staged stays for the next attempt. Raises ExportNotFound.
    """
    job = jobs.get(tenant, export_id)
    if job.state is not ExportState.EXPORTING or job.attempt != attempt:
        return
    sentence = jobs.failure(tenant, export_id) or (
        f"A step stopped unexpectedly ({error}), also when it was tried again. Retry the export; if that fails too, "
        f"tell the operator its id."
    )
    jobs.replace(job.failed(clock(), sentence))
    jobs.forget_reports(tenant, export_id)
    metrics.count("ExportsFailed", 1)
