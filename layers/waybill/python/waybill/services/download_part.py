"""Lead a caller to one part."""

from datetime import timedelta

from waybill.archive.container import container_of
from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.find_export import find_export


def download_part(
    tenant: str,
    export_id: str,
    cursor_or_none: str | None,
    *,
    jobs: JobStore,
    archives: ObjectStore,
    clock: Clock,
    lifetime: timedelta,
) -> str:
    """Return a presigned URL of the part that the cursor names, made this second; no cursor names the first part.

    Raises ExportNotFound, ExportGone, ExportNotReady or UnknownCursor.
    """
    job = find_export(tenant, export_id, jobs=jobs, clock=clock)
    return part_url(job, cursor_or_none, archives=archives, lifetime=lifetime)


def part_url(job: ExportJob, cursor_or_none: str | None, *, archives: ObjectStore, lifetime: timedelta) -> str:
    """Return a presigned URL of one part of an export. Raises ExportNotReady or UnknownCursor."""
    job.check_done()
    part = job.part_at(cursor_or_none)
    return archives.presign(keys.part(job.id, part, container_of(job.options.format).extension), expires_in=lifetime)
