"""GET /api/v2.1/rest/exports: list the caller's exports, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_document import histories
from waybill.entry.qiscus_request import PAGE, read_page
from waybill.services.list_qiscus_exports import list_qiscus_exports


@route(scope="exports.read", parameters=PAGE, dialect=QISCUS)
def handler(request: Request) -> Answer:
    """Answer with one page, newest first."""
    wiring = request.wiring
    page = list_qiscus_exports(request.tenant, read_page(request), jobs=wiring.jobs, clock=wiring.clock)
    return success(histories(page, request))
