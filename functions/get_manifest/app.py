"""GET /move/exports/{id}/manifest: give the manifest of a finished export."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.get_manifest import get_manifest


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the manifest as it was written."""
    manifest = get_manifest(
        request.tenant,
        request.export_id,
        jobs=request.wiring.jobs,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, body=manifest.decode(), media_type="application/json")
