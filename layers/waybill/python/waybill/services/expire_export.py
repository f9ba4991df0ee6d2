"""Remove an export whose time is over."""

from waybill.domain.job import ExportJob, ExportState
from waybill.domain.receipt import Reason
from waybill.ports import Clock, JobStore, Metrics, ObjectStore, Workflow
from waybill.services.bury_export import bury_export
from waybill.services.remove_export import remove_export


class _NotExpiredError(Exception):
    """The export stands, and its time is not over."""


def expire_export(
    tenant: str,
    export_id: str,
    *,
    known: ExportJob | None = None,
    jobs: JobStore,
    workflow: Workflow,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
) -> bool:
    """Leave a tombstone, so that the export is 410 for good, and remove all else of it; return whether it is gone.

    ``known`` is the record as it was, if DynamoDB has removed it by its TTL. An export that stands and has not expired
    is left alone: whoever called has old news of it. Safe to repeat: a removal that was cut short is completed, of an
    expired export as of a deleted one, and a complete receipt stays as it is.
    """

    def check(stored: ExportJob) -> None:
        if stored.state is not ExportState.DELETED and clock() < stored.expires_at:
            raise _NotExpiredError

    try:
        tombstone = bury_export(tenant, export_id, known=known, jobs=jobs, clock=clock, check=check)
    except _NotExpiredError:
        return False
    was_left = tombstone.receipt is None or not tombstone.receipt.complete
    if was_left:
        workflow.stop(tombstone)
    gone = remove_export(tombstone, jobs=jobs, archives=archives)
    if was_left and gone.receipt is not None and gone.receipt.reason is Reason.EXPIRED:
        metrics.count("ExportsExpired", 1)
    return True
