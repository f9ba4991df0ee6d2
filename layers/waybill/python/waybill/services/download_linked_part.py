"""Lead whoever has an export's capability link to one part of it."""

from datetime import timedelta

from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.download_part import part_url
from waybill.services.find_export import find_linked_export


def download_linked_part(
    link: str,
    cursor_or_none: str | None,
    *,
    jobs: JobStore,
    archives: ObjectStore,
    clock: Clock,
    lifetime: timedelta,
) -> str:
    """Return a presigned URL of the part that the cursor names, as ``download_part`` does for the export's owner.

    Raises ExportNotFound, ExportGone, ExportNotReady or UnknownCursor.
    """
    job = find_linked_export(link, jobs=jobs, clock=clock)
    return part_url(job, cursor_or_none, archives=archives, lifetime=lifetime)
