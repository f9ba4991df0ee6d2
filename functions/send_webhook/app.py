"""Step SendWebhook: tries once to deliver an event to a webhook."""

from waybill.domain.webhook_message import WebhookMessage
from waybill.entry.event import Happening, on_event
from waybill.services.send_webhook import send_webhook


@on_event
def handler(happening: Happening) -> object:
    """Answer how it ended; an error means that it should be tried again."""
    asked = happening.payload
    ended = send_webhook(
        asked["tenant"],
        asked["webhook"],
        WebhookMessage(asked["id"], asked["type"], asked["timestamp"], asked["data"]),
        webhooks=happening.wiring.webhooks,
        client=happening.wiring.webhook_client,
        clock=happening.wiring.clock,
        metrics=happening.wiring.metrics,
        waits=asked.get("sent", {}).get("waits", 0),
    )
    return {"ended": ended.sent.value, "seconds": ended.seconds, "waits": ended.waits}
