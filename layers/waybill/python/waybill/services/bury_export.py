"""Leave a tombstone where an export was."""

from collections.abc import Callable

from waybill.domain.errors import ExportExists, ExportNotFound
from waybill.domain.job import ExportJob, lost_export
from waybill.ports import Clock, JobStore
from waybill.services.tombstones import KindOfJob, bury

_KIND = KindOfJob("export", ExportNotFound, ExportExists, lost_export)


def bury_export(
    tenant: str,
    export_id: str,
    *,
    jobs: JobStore,
    clock: Clock,
    known: ExportJob | None = None,
    check: Callable[[ExportJob], None] | None = None,
) -> ExportJob:
    """Return the export's tombstone, once it is stored. From then on it answers 410, and its link leads nowhere.

    ``tombstones.bury`` says what ``known`` and ``check`` do. Raises ExportNotFound if the tenant never had such an
    export, and JobChanged if others change the record all the time.
    """
    return bury(tenant, export_id, _KIND, records=jobs, clock=clock, known=known, check=check)
