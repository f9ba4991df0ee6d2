"""How long a source waits, and when it gives up."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PATIENCE = 35.0
"""Seconds after which a request is not begun again. With SILENCE it stays below what a step keeps back of its time."""

SILENCE = 20.0
"""Seconds that an API may be silent in the middle of an answer."""

_FIRST_WAIT = 0.5
_MOST_WAIT = 8.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time comes from and how it passes; tests hand in their own. ``draw`` gives 0 to 1.

    After ``patience`` seconds a request is not begun again; an API may be silent for ``silence`` seconds. Who reads for
    an export ``postpones``: what an API wants to be waited for longer is SourceNotReady then, and no failure.
    """

    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    patience: float = PATIENCE
    silence: float = SILENCE
    postpones: bool = False


class Tries:
    """The attempts at one request. ``count`` is how many were begun."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._until = timing.monotonic() + timing.patience
        self.count = 1

    def again(self, retry_after: str | None = None) -> bool:
        """Wait for the next attempt, with full jitter and no less than the API asks for; say whether there is one."""
        ceiling = min(_FIRST_WAIT * 2 ** (self.count - 1), _MOST_WAIT)
        seconds = max(self._timing.draw() * ceiling, seconds_of(retry_after, self._timing.now()))
        if self._timing.monotonic() + seconds >= self._until:
            return False
        self._timing.sleep(seconds)
        self.count += 1
        return True


def seconds_of(retry_after: str | None, now: datetime) -> float:
    """Return what ``Retry-After`` asks for, 0 if nothing: seconds, or a moment (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 0.0)
