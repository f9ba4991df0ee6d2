"""GET /api/v2.1/rest/exports/{unique_id}: show one export, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_document import history
from waybill.services.get_qiscus_export import get_qiscus_export


@route(scope="exports.read", dialect=QISCUS)
def handler(request: Request) -> Answer:
    """Answer with the export, and with its progress while it runs."""
    wiring = request.wiring
    shown = get_qiscus_export(request.tenant, request.path["unique_id"], jobs=wiring.jobs, clock=wiring.clock)
    return success(history(shown, request))
