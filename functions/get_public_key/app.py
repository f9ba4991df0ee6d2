"""GET /.well-known/waybill.pem: give the key that manifests are checked with (RFC 8615: well-known URIs)."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.get_public_key import get_public_key


@route(scope=None)
def handler(request: Request) -> Answer:
    """Answer with the public key, to anybody; an hour later the caller's copy may be asked for anew."""
    key = get_public_key(signer=request.wiring.signer)
    headers = {"cache-control": "public, max-age=3600"}
    return Answer(HTTPStatus.OK, body=key, media_type="application/x-pem-file", headers=headers)
