"""GET /move/webhooks/{name}: show one webhook."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.webhook_document import webhook_document
from waybill.services.get_webhook import get_webhook


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the webhook and what came of the last try to deliver, never with its secret."""
    webhook = get_webhook(request.tenant, request.path["name"], webhooks=request.wiring.webhooks)
    return Answer(HTTPStatus.OK, webhook_document(webhook))
