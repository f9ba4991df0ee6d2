"""Where webhooks may be sent: wherever ``web_address`` allows, told in the words of a webhook's settings."""

from waybill.domain.errors import InvalidAddress, InvalidWebhookAddress
from waybill.domain.web_address import WebAddress, web_address


def webhook_address(url: str, *, allow_private: bool) -> WebAddress:
    """Return a webhook's address. Raises InvalidWebhookAddress; ``allow_private`` is for tests alone."""
    try:
        return web_address(url, allow_private=allow_private)
    except InvalidAddress as refusal:
        raise InvalidWebhookAddress(str(refusal)) from None
