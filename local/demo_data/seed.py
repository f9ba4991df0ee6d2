"""Where all chance of the demo data comes from: one seed, the user's name and the topic. Never the tenant's id."""

import hashlib
import random
from datetime import UTC, datetime, timedelta

SEED = "waybill-demo-1"
NOW = datetime(2026, 6, 30, 18, 0, tzinfo=UTC)
"""The moment at which the demo data was last touched."""


def chance(user: str, topic: str) -> random.Random:
    """Return the generator of random numbers for one topic of one user."""
    return random.Random(f"{SEED}/{user}/{topic}")


def identifier(user: str, doctype: str, number: int | str) -> str:
    """Return a record id as CouchDB makes them: 32 hexadecimal digits."""
    return hashlib.sha256(f"{SEED}/{user}/{doctype}/{number}".encode()).hexdigest()[:32]


def moment(rng: random.Random, days: int = 2000) -> datetime:
    """Return a random moment in the last ``days`` days."""
    return NOW - timedelta(seconds=rng.randrange(days * 86400))


def iso(when: datetime) -> str:
    """Return a time as the records hold it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")
