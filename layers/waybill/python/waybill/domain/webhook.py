"""A tenant's webhook: where its change events are sent, and what they are signed with."""

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from waybill.domain.errors import InvalidWebhookName, TooManySecrets

MOST_WEBHOOKS = 10
"""How many webhooks a tenant may have."""

ROTATION = timedelta(hours=24)
"""How long an old secret signs beside the new one."""

MOST_SECRETS = 5
"""How many secrets of one webhook may sign at once: the present one and those before it."""

MOST_WAIT = timedelta(hours=6)
"""How long a receiver can have us wait at once."""

MOST_WAITS = 5
"""How often a receiver can have us wait with one message; then its tries go by our own times."""

_MOST_DIGITS = 9
_SECRET_BYTES = 32  # Standard Webhooks, "Signature scheme": 24 to 64
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A secret that was replaced. It signs until ``ends_at``."""

    key: bytes = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """The last try to deliver to a webhook: when, and a status code or a word for what came of it.

    ``failures`` counts the tries that have failed in a row, 0 if the last was taken.
    """

    at: datetime
    outcome: str
    failures: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of one tenant.

    ``events`` are the types that it wants, none for all. ``rev`` counts the changes of its record, from 1. Address and
    secrets do not stand in the object's text.
    """

    tenant: str
    name: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    enabled: bool
    created_at: datetime
    key: bytes = field(repr=False)
    old_secrets: tuple[OldSecret, ...] = field(default=(), repr=False)
    rev: int = 1
    last_delivery: Delivery | None = None

    @property
    def secret(self) -> str:
        """The present secret as its owner gets it (Standard Webhooks, "Signature scheme")."""
        return _SECRET_PREFIX + base64.b64encode(self.key).decode("ascii")

    def wants(self, event_type: str) -> bool:
        """Whether events of this type are sent to it."""
        return self.enabled and (not self.events or event_type in self.events)

    def signing_keys(self, now: datetime) -> Sequence[bytes]:
        """Return the keys that sign at ``now``, the present one first."""
        return [self.key, *(old.key for old in self.old_secrets if now < old.ends_at)]

    def changed(self, *, url: str, events: tuple[str, ...], enabled: bool) -> "Webhook":
        """Return the webhook with other settings and the same secrets."""
        return replace(self, url=url, events=events, enabled=enabled, rev=self.rev + 1)

    def rotated(self, now: datetime) -> "Webhook":
        """Return the webhook with a new secret, made at ``now``. ``rev`` stays. Raises TooManySecrets."""
        still = tuple(old for old in self.old_secrets if now < old.ends_at)
        if len(still) + 2 > MOST_SECRETS:
            raise TooManySecrets(
                f"This webhook has {MOST_SECRETS} secrets that sign already. The oldest ends at "
                f"{still[-1].ends_at.isoformat()}; rotate again then."
            )
        return replace(self, key=_new_key(), old_secrets=(OldSecret(self.key, now + ROTATION), *still))

    def disabled(self) -> "Webhook":
        """Return the webhook switched off."""
        return replace(self, enabled=False, rev=self.rev + 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try to deliver: the receiver's status code, or a word if it gave none.

    ``retry_after`` is that header of its answer, as it came.
    """

    status: int | None
    word: str = ""
    retry_after: str = ""

    @property
    def text(self) -> str:
        """The status code or the word."""
        return self.word if self.status is None else str(self.status)

    @property
    def taken(self) -> bool:
        """Whether the receiver has taken the event (Standard Webhooks, "Delivery success and failure": 2xx)."""
        return self.status is not None and self.status // 100 == HTTPStatus.OK // 100

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events at all (Standard Webhooks, ibid.: 410)."""
        return self.status == HTTPStatus.GONE

    def wait_asked(self, now: datetime) -> timedelta | None:
        """Return how long the receiver asks to be left alone, MOST_WAIT at most; None if it does not.

        It asks with ``Retry-After``, seconds or a date (RFC 9110, section 10.2.3), beside 503 or 429 (RFC 6585).
        """
        if self.status not in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            return None
        wait = _span(self.retry_after.strip(), now)
        return min(wait, MOST_WAIT) if wait is not None and wait > timedelta(0) else None


def new_webhook(tenant: str, name: str, *, url: str, events: tuple[str, ...], enabled: bool, now: datetime) -> Webhook:
    """Return a new webhook with a secret of its own."""
    return Webhook(tenant, name, url, events, enabled, created_at=now, key=_new_key())


def is_name(text: str) -> bool:
    """Whether a text can be the name of a webhook."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> None:
    """Raise InvalidWebhookName unless a text can be the name of a webhook."""
    if not is_name(text):
        raise InvalidWebhookName(
            "The name of a webhook has 1 to 32 of a-z, 0-9 and -, and begins with a letter or digit."
        )


def _span(text: str, now: datetime) -> timedelta | None:
    """Return how long after ``now`` is what a text says in seconds or as a date; None if it says neither."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _new_key() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)
