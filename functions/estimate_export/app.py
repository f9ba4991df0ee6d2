"""POST /move/exports/estimate: say what an export would be."""

from http import HTTPStatus

from waybill.entry.estimate_document import estimate_document
from waybill.entry.export_document import RESOURCE_TYPE
from waybill.entry.export_request import export_options
from waybill.entry.http import Answer, Request, route
from waybill.entry.jsonapi_body import read_attributes
from waybill.services.estimate_export import estimate_export


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 200 with the estimate. Nothing is stored."""
    catalog = request.wiring.catalog
    estimate = estimate_export(
        request.tenant,
        export_options(read_attributes(request, RESOURCE_TYPE), most_days=request.wiring.settings.max_range_days),
        quota=request.wiring.settings.quota,
        catalog=catalog,
        sources=request.wiring.sources,
        jobs=request.wiring.jobs,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, estimate_document(estimate))
