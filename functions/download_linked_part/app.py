"""GET /move/exports/data/{link}?cursor= of the link API: lead whoever has a capability link to one part."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.download_linked_part import download_linked_part


@route(scope=None, parameters=frozenset({"cursor"}))
def handler(request: Request) -> Answer:
    """Answer 302 to a presigned URL made this second."""
    url = download_linked_part(
        request.link,
        request.query.get("cursor"),
        jobs=request.wiring.jobs,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
        lifetime=request.wiring.settings.download_url_lifetime,
    )
    return Answer(HTTPStatus.FOUND, headers={"location": url, "referrer-policy": "no-referrer"})
