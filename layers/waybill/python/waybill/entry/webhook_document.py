"""A webhook as a JSON:API document, and a page of them."""

from typing import Any
from urllib.parse import urlencode

from waybill.domain.webhook import Webhook
from waybill.services.list_webhooks import WebhookPage

RESOURCE_TYPE = "waybill.webhooks"


def webhook_document(webhook: Webhook, *, with_secret: bool = False) -> dict[str, Any]:
    """Return the document of one webhook. Its secret is in it only if it was made this moment."""
    resource = _resource(webhook)
    if with_secret:
        resource["attributes"]["secret"] = webhook.secret
    return {"jsonapi": {"version": "1.1"}, "data": resource}


def webhook_list(page: WebhookPage, size: int) -> dict[str, Any]:
    """Return the document of one page. ``links.next`` is null on the last."""
    query = urlencode({"page[size]": size, "page[cursor]": page.after})
    return {
        "jsonapi": {"version": "1.1"},
        "data": [_resource(webhook) for webhook in page.webhooks],
        "links": {"next": None if page.after is None else f"/move/webhooks?{query}"},
    }


def _resource(webhook: Webhook) -> dict[str, Any]:
    last = webhook.last_delivery
    return {
        "type": RESOURCE_TYPE,
        "id": webhook.name,
        "attributes": {
            "url": webhook.url,
            "events": list(webhook.events),
            "enabled": webhook.enabled,
            "created_at": webhook.created_at.isoformat(),
            "last_delivery": None
            if last is None
            else {"at": last.at.isoformat(), "outcome": last.outcome, "failures": last.failures},
        },
        "links": {"self": f"/move/webhooks/{webhook.name}"},
        "meta": {"rev": webhook.rev},
    }
