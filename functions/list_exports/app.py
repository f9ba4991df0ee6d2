"""GET /move/exports: list the caller's exports."""

from http import HTTPStatus

from waybill.entry.export_list import PARAMETERS, export_list, read_page
from waybill.entry.http import Answer, Request, route
from waybill.services.list_exports import list_exports


@route(scope="exports.read", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with one page, newest first, and the link to the next."""
    size, after = read_page(request)
    page = list_exports(request.tenant, limit=size, after=after, jobs=request.wiring.jobs, clock=request.wiring.clock)
    return Answer(HTTPStatus.OK, export_list(page, size, link_api_url=request.wiring.settings.link_api_url))
