"""Create an export: what its link needs, then the job record, then the execution that bears its name."""

from waybill.domain.catalog import Catalog
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExportJob, new_export
from waybill.domain.options import ExportOptions
from waybill.ports import Clock, JobStore, Metrics, Workflow


def create_export(
    tenant: str,
    options: ExportOptions,
    *,
    catalog: Catalog,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
) -> ExportJob:
    """Store a new job and start making it; return the job.

    Raises InvalidOptions before anything is stored. If the workflow cannot be started the job ends in state error, so
    that it is not left exporting for ever, and StorageUnavailable is raised.
    """
    catalog.chosen(options)
    job = new_export(tenant, options, clock())
    if job.has_link:
        jobs.note_link(job)
    jobs.create(job)
    try:
        workflow.start(job)
    except StorageUnavailable:
        jobs.replace(job.failed(clock(), "The export could not be started. Create it again."))
        raise
    metrics.count("ExportsStarted", 1)
    return job
