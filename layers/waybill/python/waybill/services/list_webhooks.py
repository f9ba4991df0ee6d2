"""List a tenant's webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass

from waybill.domain.errors import InvalidPageCursor
from waybill.domain.webhook import Webhook, is_name
from waybill.ports import WebhookStore


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """One page of webhooks, by name. ``after`` is the name to go on from, None on the last page."""

    webhooks: Sequence[Webhook]
    after: str | None


def list_webhooks(tenant: str, *, limit: int, after: str | None = None, webhooks: WebhookStore) -> WebhookPage:
    """Return one page of webhooks. ``after`` is the ``after`` of the page before.

    Raises InvalidPageCursor if it cannot be one.
    """
    if after is not None and not is_name(after):
        raise InvalidPageCursor("page[cursor] is not from a list answer. Follow links.next instead of making one.")
    rest = [webhook for webhook in webhooks.list(tenant) if after is None or webhook.name > after]
    page = rest[:limit]
    return WebhookPage(page, page[-1].name if len(rest) > limit else None)
