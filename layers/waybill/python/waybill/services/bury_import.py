"""Leave a tombstone where an import was."""

from collections.abc import Callable

from waybill.domain.errors import ImportExists, ImportNotFound
from waybill.domain.import_job import ImportJob, lost_import
from waybill.ports import Clock, ImportStore
from waybill.services.tombstones import KindOfJob, bury

_KIND = KindOfJob("import", ImportNotFound, ImportExists, lost_import)


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

    ``tombstones.bury`` says what ``known`` and ``check`` do. Raises ImportNotFound if the tenant never had such an
    import, and JobChanged if others change the record all the time.
    """
    return bury(tenant, import_id, _KIND, records=imports, clock=clock, known=known, check=check)
