"""A page of exports as a JSON:API document, with cursor paging."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from waybill.entry.export_document import export_resource
from waybill.entry.http import Request
from waybill.entry.problem import Problem
from waybill.ports import JobPage
from waybill.services.list_exports import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

SIZE = "page[size]"
CURSOR = "page[cursor]"
PARAMETERS = frozenset({SIZE, CURSOR})


def read_page(request: Request) -> tuple[int, str | None]:
    """Return the page size and the cursor that the query asks for. Raises Problem for a size out of range."""
    text = request.query.get(SIZE, str(DEFAULT_PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) < len(str(MAX_PAGE_SIZE)) + 1):
        text = "0"
    if not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid_parameter",
            f"{SIZE} must be a whole number from 1 to {MAX_PAGE_SIZE}.",
            parameter=SIZE,
        )
    return int(text), request.query.get(CURSOR)


def export_list(page: JobPage, size: int, *, link_api_url: str) -> dict[str, Any]:
    """Return the document of one page. ``links.next`` is null on the last."""
    following = None if page.after is None else f"/move/exports?{urlencode({SIZE: size, CURSOR: page.after})}"
    return {
        "jsonapi": {"version": "1.1"},
        "data": [export_resource(job, link_api_url=link_api_url) for job in page.jobs],
        "links": {"next": following},
    }
