"""Whether a tenant may have one more import running."""

from contextlib import suppress

from waybill.domain.errors import ImportNotFound
from waybill.domain.import_job import ImportState
from waybill.domain.running_imports import RunningImports
from waybill.ports import Clock, ImportStore


def with_import_place(tenant: str, limit: int, *, imports: ImportStore, clock: Clock) -> RunningImports:
    """Return what of the tenant runs, with room for one more import. Raises QuotaExceeded if there is none.

    Only when all places seem taken are the imports themselves looked at, and the places of those that have ended are
    given back.
    """
    running = imports.running(tenant)
    if len(running.ids) >= limit:
        ended = {each for each in running.ids if not _runs(tenant, each, imports, clock)}
        running = running.without(ended)
        running.check_place(limit)
    return running


def _runs(tenant: str, import_id: str, imports: ImportStore, clock: Clock) -> bool:
    with suppress(ImportNotFound):
        job = imports.get(tenant, import_id)
        return job.state in (ImportState.IMPORTING, ImportState.UNDOING) and clock() < job.expires_at
    return False
