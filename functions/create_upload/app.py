"""POST /move/uploads: begin the upload of a file that an import shall read."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.jsonapi_body import read_attributes
from waybill.entry.upload_document import RESOURCE_TYPE, upload_document, upload_path
from waybill.entry.upload_request import upload_attributes
from waybill.services.create_upload import create_upload


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer 201 with where to send the file."""
    name, size = upload_attributes(read_attributes(request, RESOURCE_TYPE))
    view = create_upload(
        request.tenant,
        name,
        size,
        limits=request.wiring.settings.import_limits,
        uploads=request.wiring.uploads,
        parts=request.wiring.upload_parts,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.CREATED, upload_document(view), headers={"location": upload_path(view.upload)})
