"""One run of the benchmarks at a time in a checkout: two would stop each other's server."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from local.errors import LocalError


@contextlib.contextmanager
def only_run(state: Path) -> Iterator[None]:
    """Hold the right to measure in ``state`` until the block is left, or the process dies. Raises LocalError."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError("The benchmarks are being run in this checkout already. Wait until they end.") from None
        yield
