"""GET /api/v2.1/rest/imports: list the caller's imports, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_import_document import import_histories
from waybill.entry.qiscus_request import PAGE, read_page
from waybill.services.list_qiscus_imports import list_qiscus_imports


@route(scope="imports.read", parameters=PAGE, dialect=QISCUS)
def handler(request: Request) -> Answer:
    """Answer with one page, newest first."""
    wiring = request.wiring
    page = list_qiscus_imports(
        request.tenant, read_page(request), imports=wiring.imports, archives=wiring.archives, clock=wiring.clock
    )
    return success(import_histories(page, request))
