"""POST /move/exports: create an export."""

from http import HTTPStatus

from waybill.entry.export_document import RESOURCE_TYPE, export_document, export_path, retry_after
from waybill.entry.export_request import export_options
from waybill.entry.http import Answer, Request, route
from waybill.entry.idempotency_key import idempotency_key
from waybill.entry.jsonapi_body import read_attributes
from waybill.services.create_export import create_or_replay


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 202 with the export and where to watch it."""
    created = create_or_replay(
        request.tenant,
        export_options(read_attributes(request, RESOURCE_TYPE), most_days=request.wiring.settings.max_range_days),
        idempotency_key=idempotency_key(request),
        quota=request.wiring.settings.quota,
        catalog=request.wiring.catalog,
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    job = created.job
    document = export_document(job, created.progress, link_api_url=request.wiring.settings.link_api_url)
    replayed = {"idempotent-replayed": "true"} if created.replayed else {}
    return Answer(HTTPStatus.ACCEPTED, document, headers={"location": export_path(job), **retry_after(job), **replayed})
