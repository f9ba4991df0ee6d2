"""Give the manifest of a finished export."""

from waybill.domain import keys
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.find_export import find_export


def get_manifest(tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock) -> bytes:
    """Return the manifest as it was written. Raises ExportNotFound, ExportGone or ExportNotReady."""
    job = find_export(tenant, export_id, jobs=jobs, clock=clock)
    job.check_done()
    return archives.get(keys.manifest(job.id))
