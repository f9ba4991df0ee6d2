"""DELETE /move/uploads/{id}: remove an upload, finished or not."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.delete_upload import delete_upload


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer 204 when the upload and its file are gone."""
    wiring = request.wiring
    delete_upload(request.tenant, request.path["id"], uploads=wiring.uploads, parts=wiring.upload_parts)
    return Answer(HTTPStatus.NO_CONTENT)
