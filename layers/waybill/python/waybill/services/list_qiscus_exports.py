"""List a tenant's exports for the Qiscus dialect."""

from collections.abc import Iterator, Sequence
from itertools import islice

from waybill.domain.job import ExportJob, ExportState
from waybill.domain.progress import Progress, total
from waybill.domain.qiscus import PAGE_SIZE, is_shown
from waybill.ports import Clock, JobStore
from waybill.services.list_exports import MAX_PAGE_SIZE


def list_qiscus_exports(
    tenant: str, page: int, *, jobs: JobStore, clock: Clock
) -> Sequence[tuple[ExportJob, Progress | None]]:
    """Return a page of PAGE_SIZE exports, newest first, pages from 1; those that run with their progress.

    Only exports that the dialect has a form for count. Behind the last page pages are empty. Pages shift when exports
    are made or end meanwhile, which is the way of numbered pages.
    """
    shown = islice(_shown(tenant, jobs, clock), (page - 1) * PAGE_SIZE, page * PAGE_SIZE)
    return [(job, _progress(job, jobs)) for job in shown]


def _shown(tenant: str, jobs: JobStore, clock: Clock) -> Iterator[ExportJob]:
    now, after = clock(), None
    while True:
        page = jobs.list(tenant, now=now, limit=MAX_PAGE_SIZE, after=after)
        yield from filter(is_shown, page.jobs)
        if page.after is None:
            return
        after = page.after


def _progress(job: ExportJob, jobs: JobStore) -> Progress | None:
    return total(jobs.reports(job.tenant, job.id)) if job.state is ExportState.EXPORTING else None
