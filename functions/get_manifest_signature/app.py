"""GET /move/exports/{id}/manifest/signature: give the signature of a finished export's manifest."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.get_manifest_signature import get_manifest_signature


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the signature's bytes, for `openssl dgst -sha256 -verify waybill.pem -signature`."""
    signature = get_manifest_signature(
        request.tenant,
        request.export_id,
        jobs=request.wiring.jobs,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    headers = {"content-disposition": 'attachment; filename="manifest.json.sig"'}
    return Answer(HTTPStatus.OK, body=signature, media_type="application/octet-stream", headers=headers)
