"""Show one webhook."""

from waybill.domain.errors import WebhookNotFound
from waybill.domain.webhook import Webhook, is_name
from waybill.ports import WebhookStore


def get_webhook(tenant: str, name: str, *, webhooks: WebhookStore) -> Webhook:
    """Return a tenant's webhook. Raises WebhookNotFound, also for what cannot be a name."""
    if not is_name(name):
        raise WebhookNotFound("There is no webhook with this name.")
    return webhooks.get(tenant, name)
