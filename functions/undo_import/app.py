"""POST /move/imports/{id}/undo: take back what an import has written."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.import_document import import_document, import_path, import_retry_after
from waybill.services.undo_import import undo_import


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer 202 with the import and where to watch it."""
    job = undo_import(
        request.tenant,
        request.import_id,
        most_running=request.wiring.settings.max_running_imports,
        imports=request.wiring.imports,
        workflow=request.wiring.import_workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    headers = {"location": import_path(job), **import_retry_after(job)}
    return Answer(HTTPStatus.ACCEPTED, import_document(job), headers=headers)
