"""POST /move/exports: create an export."""

from http import HTTPStatus

from waybill.domain.progress import total
from waybill.entry.export_document import RESOURCE_TYPE, export_document, export_path, retry_after
from waybill.entry.export_request import export_options
from waybill.entry.http import Answer, Request, route
from waybill.entry.jsonapi_body import read_attributes
from waybill.services.create_export import create_export


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 202 with the export and where to watch it."""
    job = create_export(
        request.tenant,
        export_options(read_attributes(request, RESOURCE_TYPE)),
        catalog=request.wiring.catalog,
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    document = export_document(job, total([]), link_api_url=request.wiring.settings.link_api_url)
    return Answer(HTTPStatus.ACCEPTED, document, headers={"location": export_path(job), **retry_after(job)})
