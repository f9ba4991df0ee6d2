"""GET /move/exports/data/{id}?cursor=: lead to one part."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.download_part import download_part


@route(scope="exports.read", parameters=frozenset({"cursor"}))
def handler(request: Request) -> Answer:
    """Answer 302 to a presigned URL made this second."""
    url = download_part(
        request.tenant,
        request.export_id,
        request.query.get("cursor"),
        jobs=request.wiring.jobs,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
        lifetime=request.wiring.settings.download_url_lifetime,
    )
    return Answer(HTTPStatus.FOUND, headers={"location": url, "referrer-policy": "no-referrer"})
