"""What every step of an import does around its work."""

from collections.abc import Iterator
from contextlib import contextmanager

from waybill.domain import import_keys
from waybill.domain.errors import ImportNotFound
from waybill.domain.import_job import ImportJob, ImportState
from waybill.ports import Clock, ImportStore, ObjectStore


@contextmanager
def making_import(
    tenant: str,
    import_id: str,
    *,
    imports: ImportStore,
    archives: ObjectStore,
    clock: Clock,
    states: tuple[ImportState, ...] = (ImportState.IMPORTING,),
) -> Iterator[ImportJob]:
    """Give a step the import that is being made, or undone, for as long as the step writes objects of it.

    Raises ImportNotFound, ImportGone or ImportNotRunning unless the import is in one of ``states``, so that a step that
    comes late stops before it writes. A step that was under way when the import was deleted removes what it wrote after
    the deletion had looked; one whose import has ended meanwhile removes what is only needed until then.
    """
    job = imports.get(tenant, import_id)
    job.check_running(clock(), *states)
    try:
        yield job
    finally:
        left = _left_behind(tenant, import_id, imports)
        if left is not None:
            archives.delete_prefix(left)


def _left_behind(tenant: str, import_id: str, imports: ImportStore) -> str | None:
    """Return the prefix of what must not be there any more: of an import that is gone all, of one that ended the work.

    One whose record is missing was deleted, or has expired so long ago that its record is gone.
    """
    try:
        job = imports.get(tenant, import_id)
    except ImportNotFound:
        return import_keys.prefix(import_id)
    if job.state is ImportState.DELETED:
        return import_keys.prefix(import_id)
    return import_keys.work(import_id) if job.at_rest else None
