"""GET /move/imports/{id}: show one import."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.import_document import import_document, import_retry_after
from waybill.services.get_import import get_import


@route(scope="imports.read")
def handler(request: Request) -> Answer:
    """Answer with the import, with its progress while it runs, and with its report then."""
    job, report = get_import(
        request.tenant,
        request.import_id,
        imports=request.wiring.imports,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, import_document(job, report), headers=import_retry_after(job))
