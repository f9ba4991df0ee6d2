"""GET /move/exports/{id}: show one export."""

from http import HTTPStatus

from waybill.entry.export_document import export_document, retry_after
from waybill.entry.http import Answer, Request, route
from waybill.services.get_export import get_export


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the export, and with its progress while it runs."""
    job, progress = get_export(request.tenant, request.export_id, jobs=request.wiring.jobs, clock=request.wiring.clock)
    document = export_document(job, progress, link_api_url=request.wiring.settings.link_api_url)
    return Answer(HTTPStatus.OK, document, headers=retry_after(job))
