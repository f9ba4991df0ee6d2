"""The tenants' webhooks on the Jobs table.

| sort key | item | goes |
|---|---|---|
| ``webhook#<name>`` | the webhook, its secrets included | when it is deleted |
| ``webhook#<name>#delivery`` | what came of the last try to deliver | with the webhook, else by TTL |

The partition key is the tenant. One range of sort keys has a webhook and its delivery, another all of a tenant's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import (
    LAST,
    NOTHING,
    TTL,
    ConditionFailed,
    DynamoDbTable,
    Item,
    NewItem,
    key,
    number,
    text,
    texts,
    ttl,
)
from waybill.domain.errors import WebhookChanged, WebhookNotFound
from waybill.domain.webhook import Delivery, OldSecret, Webhook

_ALL = "webhook#"
_DELIVERY = "#delivery"
_NOTE_LIFE = timedelta(days=90)
"""How long the last delivery is kept, which also removes one that was noted while its webhook was deleted."""


class DynamoDbWebhooks:
    """WebhookStore on a DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str) -> None:
        self._table = DynamoDbTable(client, table)

    def put(self, webhook: Webhook) -> None:
        """Store a webhook, new if its rev is 1, else if the stored one's rev is one less. Raises WebhookChanged.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        is_new = webhook.rev == 1
        try:
            self._table.put(
                _item_of(webhook),
                condition="attribute_not_exists(pk)" if is_new else "rev = :rev",
                values=None if is_new else {":rev": number(webhook.rev - 1)},
            )
        except ConditionFailed as failed:
            stored = self._table.get(webhook.tenant, _sort_key(webhook.name)) if failed.repeated else {}
            if not stored or _webhook_of(stored) != replace(webhook, last_delivery=None):
                raise WebhookChanged(
                    f"The webhook {webhook.name} was changed by somebody else meanwhile. Read it again."
                ) from None

    def get(self, tenant: str, name: str) -> Webhook:
        """Return a webhook with its last delivery, strongly consistent. Raises WebhookNotFound."""
        first = _sort_key(name)
        found = _webhooks_of(self._table.query(tenant, first, first + _DELIVERY))
        if not found:
            raise WebhookNotFound(f"There is no webhook {name} here.")
        return found[0]

    def list(self, tenant: str) -> Sequence[Webhook]:
        """Return all webhooks of a tenant with their last deliveries, by name."""
        return _webhooks_of(self._table.query(tenant, _ALL, _ALL + LAST))

    def delete(self, tenant: str, name: str) -> None:
        """Remove a webhook and its last delivery. Safe to repeat."""
        self._table.delete(tenant, _sort_key(name))
        self._table.delete(tenant, _sort_key(name) + _DELIVERY)

    def note_delivery(self, tenant: str, name: str, delivery: Delivery) -> None:
        """Keep what came of the last try to deliver."""
        self._table.put(
            {
                **key(tenant, _sort_key(name) + _DELIVERY),
                "at": text(delivery.at.isoformat()),
                "outcome": text(delivery.outcome),
                "failures": number(delivery.failures),
                TTL: ttl(delivery.at + _NOTE_LIFE),
            }
        )


def _sort_key(name: str) -> str:
    return f"{_ALL}{name}"


def _item_of(webhook: Webhook) -> NewItem:
    return {
        **key(webhook.tenant, _sort_key(webhook.name)),
        "name": text(webhook.name),
        "url": text(webhook.url),
        "events": texts(webhook.events),
        "enabled": {"BOOL": webhook.enabled},
        "created": text(webhook.created_at.isoformat()),
        "secret": {"B": webhook.key},
        "old_secrets": {"L": [{"B": old.key} for old in webhook.old_secrets]},
        "old_secrets_end": texts([old.ends_at.isoformat() for old in webhook.old_secrets]),
        "rev": number(webhook.rev),
    }


def _webhooks_of(items: Iterable[Item]) -> Sequence[Webhook]:
    """Return the webhooks among items, each with the delivery that belongs to it."""
    webhooks: dict[str, Webhook] = {}
    deliveries: dict[str, Delivery] = {}
    for item in items:
        sort_key = item["sk"].text
        if sort_key.endswith(_DELIVERY):
            deliveries[sort_key.removesuffix(_DELIVERY)] = _delivery_of(item)
        else:
            webhooks[sort_key] = _webhook_of(item)
    return [replace(webhooks[each], last_delivery=deliveries.get(each)) for each in sorted(webhooks)]


def _webhook_of(item: Item) -> Webhook:
    ends = [datetime.fromisoformat(each.text) for each in item.get("old_secrets_end", NOTHING).members]
    keys = [each.octets for each in item.get("old_secrets", NOTHING).members]
    return Webhook(
        tenant=item["pk"].text,
        name=item["name"].text,
        url=item["url"].text,
        events=tuple(each.text for each in item["events"].members),
        enabled=item["enabled"].truth,
        created_at=datetime.fromisoformat(item["created"].text),
        key=item["secret"].octets,
        old_secrets=tuple(OldSecret(each, end) for each, end in zip(keys, ends, strict=True)),
        rev=int(item["rev"].number),
    )


def _delivery_of(item: Item) -> Delivery:
    return Delivery(datetime.fromisoformat(item["at"].text), item["outcome"].text, int(item["failures"].number))
