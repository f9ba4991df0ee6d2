"""One local command at a time per checkout."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from local.errors import LocalError
from local.paths import STATE


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the checkout's lock. Raises LocalError if another command holds it."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                "Another command is starting or stopping this checkout's stack. Wait until it is done."
            ) from None
        yield
