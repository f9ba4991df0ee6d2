"""Show one export to the Qiscus dialect."""

from waybill.domain.job import ExportJob
from waybill.domain.progress import Progress
from waybill.domain.qiscus import check_shown, export_id_of
from waybill.ports import Clock, JobStore
from waybill.services.get_export import get_export


def get_qiscus_export(
    tenant: str, unique_id: str, *, jobs: JobStore, clock: Clock
) -> tuple[ExportJob, Progress | None]:
    """Return an export, and its progress while it runs.

    Raises ExportNotFound, also for an export that the dialect has no form for, or ExportGone.
    """
    shown = get_export(tenant, export_id_of(unique_id), jobs=jobs, clock=clock)
    check_shown(shown[0])
    return shown
