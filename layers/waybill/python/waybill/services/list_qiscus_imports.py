"""List a tenant's imports for the Qiscus dialect."""

from collections.abc import Iterator, Sequence
from itertools import islice

from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.qiscus import PAGE_SIZE, is_import_shown
from waybill.ports import Clock, ImportStore, ObjectStore
from waybill.services.import_report import ImportReport, report_of
from waybill.services.list_exports import MAX_PAGE_SIZE


def list_qiscus_imports(
    tenant: str, page: int, *, imports: ImportStore, archives: ObjectStore, clock: Clock
) -> Sequence[tuple[ImportJob, ImportReport | None]]:
    """Return a page of PAGE_SIZE imports, newest first, pages from 1; those that rejected rows with their report.

    Only imports that the dialect has a form for count. Behind the last page pages are empty. Pages shift when imports
    are made or end meanwhile, which is the way of numbered pages.
    """
    shown = islice(_shown(tenant, imports, clock), (page - 1) * PAGE_SIZE, page * PAGE_SIZE)
    return [(job, _report(job, archives)) for job in shown]


def _shown(tenant: str, imports: ImportStore, clock: Clock) -> Iterator[ImportJob]:
    now, after = clock(), None
    while True:
        page = imports.list(tenant, now=now, limit=MAX_PAGE_SIZE, after=after)
        yield from filter(is_import_shown, page.imports)
        if page.after is None:
            return
        after = page.after


def _report(job: ImportJob, archives: ObjectStore) -> ImportReport | None:
    if job.state is ImportState.IMPORTING or not job.counts.failed:
        return None
    return report_of(job.id, archives)
