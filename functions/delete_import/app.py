"""DELETE /move/imports/{id}: delete an import for good, or cancel it."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.import_receipt import PARAMETERS, only_running, receipt_document
from waybill.services.delete_import import delete_import


@route(scope="imports.create", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with the receipt when every object of the import is gone."""
    tombstone = delete_import(
        request.tenant,
        request.import_id,
        only_running=only_running(request.query),
        imports=request.wiring.imports,
        workflow=request.wiring.import_workflow,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, receipt_document(tombstone))
