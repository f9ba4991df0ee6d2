"""The keys that make a repeated request harmless (draft-ietf-httpapi-idempotency-key-header-07)."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from waybill.domain.import_options import ImportOptions
from waybill.domain.options import ExportOptions

LIFE = timedelta(hours=24)
"""How long a key stands for the export or import that it has made."""


@dataclass(frozen=True, slots=True)
class RememberedKey:
    """A key that was used: for which export or import, with which options, and until when it stands for that.

    ``digest`` is the key's SHA-256 in hexadecimal, because a key may hold anything. ``options`` is ``digest_of`` the
    options. ``expires_at`` is whole seconds.
    """

    digest: str
    job_id: str
    options: str
    expires_at: datetime


def remember(key: str, job_id: str, options: ExportOptions | ImportOptions, now: datetime) -> RememberedKey:
    """Return a key as it is kept, used at ``now``."""
    until = now + LIFE + timedelta(seconds=1, microseconds=-1)
    return RememberedKey(key_digest(key), job_id, digest_of(options), until.replace(microsecond=0))


def key_digest(key: str) -> str:
    """Return under which name a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def digest_of(options: ExportOptions | ImportOptions) -> str:
    """Return a text that is the same for the same options only.

    What was not asked for is left out, so that a release that knows more options knows the old keys again.
    """
    asked = {each.name: getattr(options, each.name) for each in fields(options)}
    given = {each.name: asked[each.name] for each in fields(options) if asked[each.name] != each.default}
    return hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()
