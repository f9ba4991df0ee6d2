"""Delete a webhook."""

from waybill.ports import WebhookStore
from waybill.services.get_webhook import get_webhook


def delete_webhook(tenant: str, name: str, *, webhooks: WebhookStore) -> None:
    """Remove a webhook with its secrets. What is on its way to it is not sent any more. Raises WebhookNotFound."""
    get_webhook(tenant, name, webhooks=webhooks)
    webhooks.delete(tenant, name)
