"""DELETE /move/exports/{id}: delete an export for good, or cancel it."""

from http import HTTPStatus

from waybill.entry.export_receipt import PARAMETERS, only_running, receipt_document
from waybill.entry.http import Answer, Request, route
from waybill.services.delete_export import delete_export


@route(scope="exports.delete", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with the receipt when every object of the export is gone."""
    tombstone = delete_export(
        request.tenant,
        request.export_id,
        only_running=only_running(request.query),
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, receipt_document(tombstone))
