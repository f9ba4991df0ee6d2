"""Remove what is left of an import that has its tombstone."""

from waybill.domain import import_keys
from waybill.domain.import_job import ImportJob
from waybill.domain.receipt import Receipt
from waybill.ports import ImportStore, ObjectStore
from waybill.services.tombstones import note_receipt


def remove_import(tombstone: ImportJob, *, imports: ImportStore, archives: ObjectStore) -> ImportJob:
    """Remove every object and record of an import but its tombstone; return that, complete.

    What the import has written into the target stays there. What is there of the import itself is counted and noted
    before anything is removed, so that a removal that was cut short still tells of everything when somebody goes on
    with it. Safe to repeat: a complete receipt stays as it is, and what a late step wrote since is removed.
    """
    if tombstone.receipt is not None and not tombstone.receipt.complete:
        found = list(archives.list(import_keys.prefix(tombstone.id)))
        size = sum(info.size for info in found)
        tombstone = note_receipt(
            tombstone,
            "import",
            records=imports,
            change=lambda seen: seen.found(objects=len(found), size=size, reports=0),
        )
    archives.delete_prefix(import_keys.prefix(tombstone.id))
    imports.forget_failure(tombstone.tenant, tombstone.id)
    return note_receipt(tombstone, "import", records=imports, change=Receipt.completed)
