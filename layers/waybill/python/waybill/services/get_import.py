"""Show one import."""

from waybill.domain.import_job import ImportJob, ImportState
from waybill.ports import Clock, ImportStore, ObjectStore
from waybill.services.find_import import find_import
from waybill.services.import_report import ImportReport, report_of


def get_import(
    tenant: str, import_id: str, *, imports: ImportStore, archives: ObjectStore, clock: Clock
) -> tuple[ImportJob, ImportReport | None]:
    """Return an import, and its report once there is one. Raises ImportNotFound or ImportGone."""
    job = find_import(tenant, import_id, imports=imports, clock=clock)
    return job, None if job.state is ImportState.IMPORTING else report_of(job.id, archives)
