"""GET /move/webhooks: list the caller's webhooks."""

from http import HTTPStatus

from waybill.entry.export_list import PARAMETERS, read_page
from waybill.entry.http import Answer, Request, route
from waybill.entry.webhook_document import webhook_list
from waybill.services.list_webhooks import list_webhooks


@route(scope="exports.read", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with one page, by name, and the link to the next."""
    size, after = read_page(request)
    page = list_webhooks(request.tenant, limit=size, after=after, webhooks=request.wiring.webhooks)
    return Answer(HTTPStatus.OK, webhook_list(page, size))
