"""PUT /move/webhooks/{name}: make a webhook, or change one."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.jsonapi_body import read_attributes
from waybill.entry.webhook_document import RESOURCE_TYPE, webhook_document
from waybill.entry.webhook_request import webhook_settings
from waybill.services.put_webhook import put_webhook


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 201 for a new webhook, 200 for a changed one; with the secret if it was made now."""
    put = put_webhook(
        request.tenant,
        request.path["name"],
        webhook_settings(read_attributes(request, RESOURCE_TYPE)),
        allow_private=request.wiring.settings.webhook_allow_private,
        webhooks=request.wiring.webhooks,
        clock=request.wiring.clock,
    )
    document = webhook_document(put.webhook, with_secret=put.has_new_secret)
    return Answer(HTTPStatus.CREATED if put.is_new else HTTPStatus.OK, document)
