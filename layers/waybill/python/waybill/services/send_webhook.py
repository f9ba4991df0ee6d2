"""Try once to deliver an event to a webhook."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum

from waybill.domain.errors import WebhookChanged, WebhookNotFound, WebhookNotTaken
from waybill.domain.webhook import MOST_WAITS, Delivery, Outcome, Webhook
from waybill.domain.webhook_message import WebhookMessage, signed_headers
from waybill.ports import Clock, Metrics, WebhookClient, WebhookStore

_TRIES = 5


class Sent(StrEnum):
    """How a try has ended, if there is no use in another one, or not before the receiver wants it."""

    TAKEN = "taken"
    GONE = "gone"
    SKIPPED = "skipped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a try. If it is to be made later: in how many ``seconds``, and how often that was asked so far."""

    sent: Sent
    seconds: int = 0
    waits: int = 0


def send_webhook(
    tenant: str,
    name: str,
    message: WebhookMessage,
    *,
    webhooks: WebhookStore,
    client: WebhookClient,
    clock: Clock,
    metrics: Metrics,
    waits: int = 0,
) -> Ended:
    """Send a message to a webhook, signed with the secrets of this moment, and keep what came of it.

    A webhook that was deleted or switched off meanwhile is not asked. One whose receiver answers 410 is switched off.
    A receiver that asks to wait is waited for, if it did so ``waits`` times before and that is not too often.
    Raises WebhookNotTaken if it should be tried again.
    """
    try:
        webhook = webhooks.get(tenant, name)
    except WebhookNotFound:
        return Ended(Sent.SKIPPED)
    if not webhook.wants(message.type):
        return Ended(Sent.SKIPPED)
    outcome = _post(webhook, message, client, clock)
    _note(webhook, outcome, webhooks, clock)
    if outcome.taken:
        metrics.count("WebhooksTaken", 1)
        return Ended(Sent.TAKEN)
    metrics.count("WebhooksNotTaken", 1)
    if outcome.gone:
        _switch_off(webhook, webhooks)
        return Ended(Sent.GONE)
    wait = outcome.wait_asked(clock())
    if wait is not None and waits < MOST_WAITS:
        return Ended(Sent.LATER, math.ceil(wait.total_seconds()), waits + 1)
    raise WebhookNotTaken(f"The receiver of a webhook has not taken an event ({outcome.text}).")


def _post(webhook: Webhook, message: WebhookMessage, client: WebhookClient, clock: Clock) -> Outcome:
    body = json.dumps(message.document(), ensure_ascii=False, separators=(",", ":")).encode()
    now = clock()
    headers = signed_headers(message.id, body, webhook.signing_keys(now), now)
    return client.post(webhook.url, {"content-type": "application/json", "user-agent": "waybill", **headers}, body)


def _note(webhook: Webhook, outcome: Outcome, webhooks: WebhookStore, clock: Clock) -> None:
    """Keep what came of it. Two tries at the same moment may count as one failure."""
    before = webhook.last_delivery.failures if webhook.last_delivery else 0
    delivery = Delivery(clock(), outcome.text, 0 if outcome.taken else before + 1)
    webhooks.note_delivery(webhook.tenant, webhook.name, delivery)


def _switch_off(webhook: Webhook, webhooks: WebhookStore) -> None:
    """Switch a webhook off, unless it was deleted or given another address meanwhile."""
    for _ in range(_TRIES):
        try:
            stored = webhooks.get(webhook.tenant, webhook.name)
            if stored.url != webhook.url or not stored.enabled:
                return
            webhooks.put(stored.disabled())
        except WebhookChanged:
            continue
        except WebhookNotFound:
            return
        return
    raise WebhookChanged(f"The webhook {webhook.name} is changed by others all the time.")
