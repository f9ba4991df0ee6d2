"""Leave a tombstone where an import was."""

from collections.abc import Callable
from contextlib import suppress

from waybill.domain.errors import ImportExists, ImportNotFound, JobChanged
from waybill.domain.import_job import ImportJob, lost_import
from waybill.ports import Clock, ImportStore

_TRIES = 5


def bury_import(
    tenant: str,
    import_id: str,
    *,
    imports: ImportStore,
    clock: Clock,
    known: ImportJob | None = None,
    check: Callable[[ImportJob], None] | None = None,
) -> ImportJob:
    """Return the import's tombstone, once it is stored. From then on it answers 410.

    A tombstone that stands is kept. Where DynamoDB has removed the record by its TTL, the tombstone is made of the
    record that is ``known`` to have been there, or of what the id tells. ``check`` sees the record that would be
    replaced, and raises to leave it as it is. Raises ImportNotFound if the tenant never had such an import, and
    JobChanged if others change the record all the time.
    """
    for _ in range(_TRIES):
        try:
            stored = imports.get(tenant, import_id)
        except ImportNotFound:
            tombstone = _last_known(tenant, import_id, known, imports, clock).deleted(clock())
            with suppress(ImportExists):
                imports.bury(tombstone)
                return tombstone
            continue
        if check is not None:
            check(stored)
        tombstone = stored.deleted(clock())
        if tombstone is stored:
            return stored
        with suppress(JobChanged):
            imports.replace(tombstone)
            return tombstone
    raise JobChanged(f"The import {import_id} is changed by others all the time. Delete it again.")


def _last_known(tenant: str, import_id: str, known: ImportJob | None, imports: ImportStore, clock: Clock) -> ImportJob:
    if known is not None:
        return known
    if imports.owner_of(import_id) != tenant:
        raise ImportNotFound(f"There is no import {import_id} here.")
    return lost_import(tenant, import_id, clock())
