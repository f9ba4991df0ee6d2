"""Lead a caller to one part."""

from datetime import timedelta

from waybill.archive.container import container_of
from waybill.domain import cursor, keys
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
    job.check_done()
    part = cursor.decode(job.id, cursor_or_none, job.parts) if cursor_or_none else 1
    return archives.presign(keys.part(job.id, part, container_of(job.options.format).extension), expires_in=lifetime)
