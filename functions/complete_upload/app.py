"""POST /move/uploads/{id}/complete: put the parts of an upload together."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.upload_document import upload_document
from waybill.services.complete_upload import complete_upload


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer with the upload, which an import can name from now on."""
    view = complete_upload(
        request.tenant,
        request.path["id"],
        uploads=request.wiring.uploads,
        parts=request.wiring.upload_parts,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, upload_document(view))
