"""How every use case finds the export that it is about."""

from waybill.domain.errors import ExportGone, ExportNotFound
from waybill.domain.job import ExportJob, is_export_id
from waybill.domain.link import claimed_export, is_same_link, no_such_link
from waybill.ports import Clock, JobStore


def check_id(export_id: str) -> None:
    """Raise ExportNotFound for what cannot be an export's id, so that no store is asked for it."""
    if not is_export_id(export_id):
        raise ExportNotFound("There is no export with this id.")


def stored_export(tenant: str, export_id: str, *, jobs: JobStore) -> ExportJob:
    """Return a tenant's export, whatever has become of it. Raises ExportNotFound, also for what cannot be an id.

    Raises ExportGone if its record was just removed because it has expired, and its tombstone does not stand yet.
    """
    check_id(export_id)
    try:
        return jobs.get(tenant, export_id)
    except ExportNotFound:
        if jobs.owner_of(export_id) == tenant:
            raise ExportGone("This export has expired. Create a new one.") from None
        raise


def find_export(tenant: str, export_id: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return a tenant's export. Raises ExportNotFound, also for another tenant's, and ExportGone."""
    job = stored_export(tenant, export_id, jobs=jobs)
    job.check_not_gone(clock())
    return job


def find_linked_export(link: str, *, jobs: JobStore, clock: Clock) -> ExportJob:
    """Return the export that a capability link leads to.

    Raises ExportNotFound, with the same sentence whether the link is none, is not the one that was made, or its export
    was deleted; and ExportGone if it is genuine and its export has expired.
    """
    export_id = claimed_export(link)
    try:
        job = jobs.get(jobs.owner_of(export_id), export_id)
    except ExportNotFound:
        raise no_such_link() from None
    if not is_same_link(link, job.link):
        raise no_such_link()
    job.check_not_gone(clock())
    return job
