"""DELETE /move/webhooks/{name}: delete a webhook."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.delete_webhook import delete_webhook


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 204 when the webhook and its secrets are gone."""
    delete_webhook(request.tenant, request.path["name"], webhooks=request.wiring.webhooks)
    return Answer(HTTPStatus.NO_CONTENT)
