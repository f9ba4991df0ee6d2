"""GET /move/exports/{link} of the link API: show one export to whoever has its capability link."""

from http import HTTPStatus

from waybill.entry.export_document import linked_export_document, retry_after
from waybill.entry.http import Answer, Request, route
from waybill.services.get_linked_export import get_linked_export


@route(scope=None)
def handler(request: Request) -> Answer:
    """Answer with the export as its owner sees it, but for what the link does not open."""
    job = get_linked_export(request.link, jobs=request.wiring.jobs, clock=request.wiring.clock)
    return Answer(HTTPStatus.OK, linked_export_document(job), headers=retry_after(job))
