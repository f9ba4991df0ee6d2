"""End the undoing of an import."""

from waybill.domain import import_keys
from waybill.domain.import_job import ImportState
from waybill.ports import Clock, ImportStore, Metrics, ObjectStore
from waybill.services.making_import import making_import
from waybill.services.undo_rows import undo_counts


def finish_undo(
    tenant: str, import_id: str, *, imports: ImportStore, archives: ObjectStore, clock: Clock, metrics: Metrics
) -> None:
    """Set the import undone, with what undoing did; safe to repeat.

    The journal stays as long as the import, and so does the list of what was left because it was changed since. Raises
    ImportGone or ImportNotRunning.
    """
    if imports.get(tenant, import_id).state is not ImportState.UNDONE:
        states = (ImportState.UNDOING,)
        with making_import(tenant, import_id, imports=imports, archives=archives, clock=clock, states=states) as job:
            imports.replace(job.undone(undo_counts(import_id, archives)))
            metrics.count("ImportsUndone", 1)
    archives.delete_prefix(import_keys.work(import_id))
    imports.forget_failure(tenant, import_id)
