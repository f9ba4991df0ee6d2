"""Make a webhook, or change one."""

from dataclasses import dataclass

from waybill.domain.errors import TooManyWebhooks, WebhookNotFound
from waybill.domain.webhook import MOST_WEBHOOKS, Webhook, check_name, new_webhook
from waybill.domain.webhook_address import webhook_address
from waybill.ports import Clock, WebhookStore


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What a tenant asks of a webhook. ``events`` are the types that it wants, none for all."""

    url: str
    events: tuple[str, ...] = ()
    enabled: bool = True
    rotate_secret: bool = False


@dataclass(frozen=True, slots=True)
class PutWebhook:
    """The webhook as it is now, and whether this call has made it, or a new secret of it."""

    webhook: Webhook
    is_new: bool
    has_new_secret: bool


def put_webhook(
    tenant: str, name: str, settings: WebhookSettings, *, allow_private: bool, webhooks: WebhookStore, clock: Clock
) -> PutWebhook:
    """Make the webhook ``name``, or give it these settings in place of those that it has.

    Raises InvalidWebhookName, InvalidWebhookAddress, TooManyWebhooks, TooManySecrets or WebhookChanged.
    """
    check_name(name)
    webhook_address(settings.url, allow_private=allow_private)
    try:
        stored = webhooks.get(tenant, name)
    except WebhookNotFound:
        return PutWebhook(_made(tenant, name, settings, webhooks, clock), is_new=True, has_new_secret=True)
    changed = stored.changed(url=settings.url, events=settings.events, enabled=settings.enabled)
    if settings.rotate_secret:
        changed = changed.rotated(clock())
    webhooks.put(changed)
    return PutWebhook(changed, is_new=False, has_new_secret=settings.rotate_secret)


def _made(tenant: str, name: str, settings: WebhookSettings, webhooks: WebhookStore, clock: Clock) -> Webhook:
    """Store a new webhook, and take it back if others were made at the same time and they are too many now."""
    if len(webhooks.list(tenant)) >= MOST_WEBHOOKS:
        raise _too_many()
    made = new_webhook(tenant, name, url=settings.url, events=settings.events, enabled=settings.enabled, now=clock())
    webhooks.put(made)
    if len(webhooks.list(tenant)) > MOST_WEBHOOKS:
        webhooks.delete(tenant, name)
        raise _too_many()
    return made


def _too_many() -> TooManyWebhooks:
    return TooManyWebhooks(f"There are {MOST_WEBHOOKS} webhooks already, as many as one may have. Delete one first.")
