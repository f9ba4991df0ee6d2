"""List a tenant's exports."""

import json

from waybill.domain.errors import InvalidPageCursor
from waybill.domain.job import is_export_id
from waybill.ports import Clock, JobPage, JobStore

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_CURSOR_BYTES_PER_PAGE = 1_600_000
"""As they stand in the answer: 100,000 numbered cursors."""


def list_exports(
    tenant: str, *, limit: int = DEFAULT_PAGE_SIZE, after: str | None = None, jobs: JobStore, clock: Clock
) -> JobPage:
    """Return one page of exports, newest first. ``after`` is the ``after`` of the page before.

    Raises InvalidPageCursor if it cannot be one.
    """
    if after is not None and not is_export_id(after):
        raise InvalidPageCursor("page[cursor] is not from a list answer. Follow links.next instead of making one.")
    return _answerable(jobs.list(tenant, now=clock(), limit=limit, after=after))


def _answerable(page: JobPage) -> JobPage:
    """Cut a page of exports with very many parts short, so that their cursors fit into one answer (6 MB)."""
    size = 0
    for position, job in enumerate(page.jobs):
        size += len(json.dumps(job.cursors))
        if position and size > MAX_CURSOR_BYTES_PER_PAGE:
            return JobPage(page.jobs[:position], page.jobs[position - 1].id)
    return page
