"""Remove an import whose time is over."""

from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.receipt import Reason
from waybill.ports import Clock, ImportStore, ImportWorkflow, Metrics, ObjectStore
from waybill.services.bury_import import bury_import
from waybill.services.remove_import import remove_import


class _NotExpiredError(Exception):
    """The import stands, and its time is not over."""


def expire_import(
    tenant: str,
    import_id: str,
    *,
    known: ImportJob | None = None,
    imports: ImportStore,
    workflow: ImportWorkflow,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
) -> bool:
    """Leave a tombstone, so that the import is 410 for good, and remove all else of it; return whether it is gone.

    ``known`` is the record as it was, if DynamoDB has removed it by its TTL. An import that stands and has not expired
    is left alone: whoever called has old news of it. Safe to repeat: a removal that was cut short is completed, and a
    complete receipt stays as it is.
    """

    def check(stored: ImportJob) -> None:
        if stored.state is not ImportState.DELETED and clock() < stored.expires_at:
            raise _NotExpiredError

    try:
        tombstone = bury_import(tenant, import_id, known=known, imports=imports, clock=clock, check=check)
    except _NotExpiredError:
        return False
    was_left = tombstone.receipt is None or not tombstone.receipt.complete
    if was_left:
        workflow.stop(tombstone)
    gone = remove_import(tombstone, imports=imports, archives=archives)
    if was_left and gone.receipt is not None and gone.receipt.reason is Reason.EXPIRED:
        metrics.count("ImportsExpired", 1)
    return True
