"""What is sent to a webhook (Standard Webhooks 1.0): a small body, its id, and a signature for every secret."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from waybill.domain.change_event import Event


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One event on its way to one webhook. ``id`` is the event's, the same at every try. ``timestamp`` is its time."""

    id: str
    type: str
    timestamp: str
    data: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the body as JSON data (Standard Webhooks, "Payload structure")."""
        return {"type": self.type, "timestamp": self.timestamp, "data": dict(self.data)}


def message_of(event: Event) -> WebhookMessage:
    """Return the message that tells a tenant of an event. It names no tenant: its receiver knows."""
    return WebhookMessage(event.id, event.type, event.at.isoformat(), event.data())


def signed_headers(message_id: str, body: bytes, keys: Sequence[bytes], now: datetime) -> dict[str, str]:
    """Return the headers that a body is sent with at ``now``, with one signature for each key.

    HMAC-SHA256 over id, time and body (Standard Webhooks, "Signature scheme"); several keys sign while one replaces the
    other.
    """
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, content, "sha256")).decode("ascii") for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
