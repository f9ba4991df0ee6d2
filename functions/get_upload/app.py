"""GET /move/uploads/{id}: show what is there of an upload, and where to send what is missing."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.upload_document import upload_document
from waybill.services.get_upload import get_upload


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer with the upload, and with URLs made that second."""
    view = get_upload(
        request.tenant,
        request.path["id"],
        uploads=request.wiring.uploads,
        parts=request.wiring.upload_parts,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, upload_document(view))
