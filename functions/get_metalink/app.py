"""GET /move/exports/{id}/metalink: give the list of all parts that download managers work through."""

from http import HTTPStatus

from waybill.domain.metalink import MEDIA_TYPE
from waybill.entry.http import Answer, Request, route
from waybill.services.get_metalink import get_metalink


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the metalink; its URLs were made this second."""
    metalink = get_metalink(
        request.tenant,
        request.export_id,
        jobs=request.wiring.jobs,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
        lifetime=request.wiring.settings.metalink_url_lifetime,
    )
    headers = {"content-disposition": 'attachment; filename="waybill.meta4"', "referrer-policy": "no-referrer"}
    return Answer(HTTPStatus.OK, body=metalink, media_type=MEDIA_TYPE, headers=headers)
