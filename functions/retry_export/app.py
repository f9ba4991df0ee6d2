"""POST /move/exports/{id}/retry: begin a failed export once more."""

from http import HTTPStatus

from waybill.domain.progress import total
from waybill.entry.export_document import export_document, export_path, retry_after
from waybill.entry.http import Answer, Request, route
from waybill.services.retry_export import retry_export


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 202 with the export and where to watch it."""
    job = retry_export(
        request.tenant,
        request.export_id,
        quota=request.wiring.settings.quota,
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    document = export_document(job, total([]), link_api_url=request.wiring.settings.link_api_url)
    return Answer(HTTPStatus.ACCEPTED, document, headers={"location": export_path(job), **retry_after(job)})
