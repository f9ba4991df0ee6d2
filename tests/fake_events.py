"""The ports of events and webhooks in memory. tests/contract/ holds them and the adapters to one suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from waybill.domain.change_event import Event, cloud_event, tenant_reference
from waybill.domain.errors import StorageUnavailable, WebhookChanged, WebhookNotFound
from waybill.domain.webhook import Delivery, Outcome, Webhook
from waybill.domain.webhook_message import WebhookMessage

BUS = "waybill"


@dataclass
class MemoryBus:
    """EventBus. ``told`` are the CloudEvents on it. It takes none while ``refuses``."""

    told: list[dict[str, object]] = field(default_factory=list)
    refuses: bool = False

    def publish(self, event: Event, *, tenant: str) -> None:
        if self.refuses:
            raise StorageUnavailable("The event bus did not take an event.")
        self.told.append(cloud_event(event, tenant_reference(tenant, BUS)))


@dataclass
class MemoryWebhooks:
    """WebhookStore."""

    stored: dict[tuple[str, str], Webhook] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)

    def put(self, webhook: Webhook) -> None:
        stored = self.stored.get((webhook.tenant, webhook.name))
        if (stored.rev if stored else 0) != webhook.rev - 1:
            raise WebhookChanged(f"The webhook {webhook.name} was changed by somebody else meanwhile.")
        self.stored[webhook.tenant, webhook.name] = replace(webhook, last_delivery=None)

    def get(self, tenant: str, name: str) -> Webhook:
        if (tenant, name) not in self.stored:
            raise WebhookNotFound(f"There is no webhook {name} here.")
        return replace(self.stored[tenant, name], last_delivery=self.deliveries.get((tenant, name)))

    def list(self, tenant: str) -> Sequence[Webhook]:
        return [self.get(tenant, name) for owner, name in sorted(self.stored) if owner == tenant]

    def delete(self, tenant: str, name: str) -> None:
        self.stored.pop((tenant, name), None)
        self.deliveries.pop((tenant, name), None)

    def note_delivery(self, tenant: str, name: str, delivery: Delivery) -> None:
        self.deliveries[tenant, name] = delivery


@dataclass
class MemoryWebhookWorkflow:
    """WebhookWorkflow. ``started`` has each message once, by tenant, webhook and the message's id."""

    started: dict[tuple[str, str, str], WebhookMessage] = field(default_factory=dict)

    def start(self, tenant: str, name: str, message: WebhookMessage) -> None:
        self.started.setdefault((tenant, name, message.id), message)


@dataclass
class FakeWebhookClient:
    """WebhookClient that gives ``outcomes`` one after the other, the last for ever, and keeps what it was sent."""

    outcomes: list[Outcome] = field(default_factory=lambda: [Outcome(204)])
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.sent.append((url, dict(headers), body))
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
