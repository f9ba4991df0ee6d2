"""GET /move/imports/{id}/failures: lead to the rejected rows."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.get_import_failures import get_import_failures


@route(scope="imports.read", parameters=frozenset({"doctype"}))
def handler(request: Request) -> Answer:
    """Answer 302 to a presigned URL made this second."""
    url = get_import_failures(
        request.tenant,
        request.import_id,
        request.query.get("doctype"),
        imports=request.wiring.imports,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
        lifetime=request.wiring.settings.download_url_lifetime,
    )
    return Answer(HTTPStatus.FOUND, headers={"location": url, "referrer-policy": "no-referrer"})
