"""Remove what is left of an import that has its tombstone."""

from collections.abc import Callable
from contextlib import suppress

from waybill.domain import import_keys
from waybill.domain.errors import JobChanged
from waybill.domain.import_job import ImportJob
from waybill.domain.receipt import Receipt
from waybill.ports import ImportStore, ObjectStore

_TRIES = 5


def remove_import(tombstone: ImportJob, *, imports: ImportStore, archives: ObjectStore) -> ImportJob:
    """Remove every object and record of an import but its tombstone; return that, complete.

    What the import has written into the target stays there. What is there of the import itself is counted and noted
    before anything is removed, so that a removal that was cut short still tells of everything when somebody goes on
    with it. Safe to repeat: a complete receipt stays as it is, and what a late step wrote since is removed.
    """
    if tombstone.receipt is not None and not tombstone.receipt.complete:
        found = list(archives.list(import_keys.prefix(tombstone.id)))
        size = sum(info.size for info in found)
        tombstone = _noted(tombstone, imports, lambda seen: seen.found(objects=len(found), size=size, reports=0))
    archives.delete_prefix(import_keys.prefix(tombstone.id))
    imports.forget_failure(tombstone.tenant, tombstone.id)
    return _noted(tombstone, imports, Receipt.completed)


def _noted(tombstone: ImportJob, imports: ImportStore, change: Callable[[Receipt], Receipt]) -> ImportJob:
    """Return the tombstone with its receipt changed, once it is stored. Others may be removing the same import."""
    for _ in range(_TRIES):
        noted = tombstone.with_receipt(change(tombstone.receipt)) if tombstone.receipt is not None else tombstone
        if noted is tombstone:
            return tombstone
        with suppress(JobChanged):
            imports.replace(noted)
            return noted
        tombstone = imports.get(tombstone.tenant, tombstone.id)
    raise JobChanged(f"The import {tombstone.id} is changed by others all the time. Delete it again.")
