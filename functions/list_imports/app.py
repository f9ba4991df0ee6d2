"""GET /move/imports: list the caller's imports."""

from http import HTTPStatus

from waybill.entry.export_list import PARAMETERS, read_page
from waybill.entry.http import Answer, Request, route
from waybill.entry.import_document import import_list
from waybill.services.list_imports import list_imports


@route(scope="imports.read", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with one page, newest first, and the link to the next."""
    size, after = read_page(request)
    wiring = request.wiring
    page = list_imports(request.tenant, limit=size, after=after, imports=wiring.imports, clock=wiring.clock)
    return Answer(HTTPStatus.OK, import_list(page, size))
