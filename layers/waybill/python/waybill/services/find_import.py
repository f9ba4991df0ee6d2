"""How every use case finds the import that it is about."""

from waybill.domain.errors import ImportGone, ImportNotFound
from waybill.domain.import_job import ImportJob
from waybill.domain.job import is_export_id
from waybill.ports import Clock, ImportStore


def check_import_id(import_id: str) -> None:
    """Raise ImportNotFound for what cannot be an import's id, so that no store is asked for it."""
    if not is_export_id(import_id):  # both kinds of ids have one form
        raise ImportNotFound("There is no import with this id.")


def find_import(tenant: str, import_id: str, *, imports: ImportStore, clock: Clock) -> ImportJob:
    """Return a tenant's import. Raises ImportNotFound, also for another tenant's and for what cannot be an id.

    Raises ImportGone, also if its record was just removed because it has expired, and its tombstone does not stand yet.
    """
    check_import_id(import_id)
    try:
        job = imports.get(tenant, import_id)
    except ImportNotFound:
        if imports.owner_of(import_id) == tenant:
            raise ImportGone("This import has expired.") from None
        raise
    job.check_not_gone(clock())
    return job
