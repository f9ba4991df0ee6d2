"""Show an export to whoever has its capability link."""

from waybill.domain.job import ExportJob
from waybill.ports import Clock, JobStore
from waybill.services.find_export import find_linked_export


def get_linked_export(link: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return the export, without progress, which would take more rights. Raises ExportNotFound or ExportGone."""
    return find_linked_export(link, jobs=jobs, clock=clock)
