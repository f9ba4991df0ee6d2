"""Tell the world that the state of an export has changed."""

from waybill.domain.change_event import ChangeEvent
from waybill.domain.webhook_message import message_of
from waybill.ports import EventBus, Metrics, WebhookStore, WebhookWorkflow


def publish_change(
    tenant: str,
    event: ChangeEvent,
    *,
    bus: EventBus,
    webhooks: WebhookStore,
    workflow: WebhookWorkflow,
    metrics: Metrics,
) -> None:
    """Put the event on the bus, and start sending it to every webhook that wants it.

    Safe to repeat: a repeated event has the same id, and what is being sent already is not sent again. Raises
    StorageUnavailable.
    """
    bus.publish(event, tenant=tenant)
    for webhook in webhooks.list(tenant):
        if webhook.wants(event.type):
            workflow.start(tenant, webhook.name, message_of(event))
    metrics.count("ChangesPublished", 1)
