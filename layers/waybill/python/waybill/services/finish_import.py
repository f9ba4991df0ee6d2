"""End an import whose rows are all judged, and written unless it is a dry run."""

from waybill.domain import import_keys
from waybill.domain.import_job import ImportState
from waybill.ports import Clock, ImportStore, Metrics, ObjectStore
from waybill.services.import_results import conclude
from waybill.services.making_import import making_import


def finish_import(
    tenant: str, import_id: str, *, imports: ImportStore, archives: ObjectStore, clock: Clock, metrics: Metrics
) -> None:
    """Store the report and the files of rejected rows, and set the import done.

    The report is stored before the import is done, so that nobody sees the one without the other. What was staged is
    removed at the end, because it holds what people have sent; a repeated call completes that. Raises ImportGone or
    ImportNotRunning, and StorageUnavailable.
    """
    if imports.get(tenant, import_id).state is not ImportState.DONE:
        with making_import(tenant, import_id, imports=imports, archives=archives, clock=clock) as job:
            counts = conclude(job, archives)
            done = job.finished(clock(), counts)
            imports.replace(done)
            metrics.count("ImportsDone", 1)
            metrics.count("RowsWritten", counts.written)
            metrics.count("RowsRejected", counts.failed)
            metrics.count("ImportDuration", done.creation_duration / 1_000_000, "Milliseconds")
    archives.delete_prefix(import_keys.work(import_id))
    imports.forget_failure(tenant, import_id)
