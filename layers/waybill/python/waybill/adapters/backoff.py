"""How often a refused request is tried again, and how long to wait before."""

import random
import time
from collections.abc import Callable, Iterator


class Backoff:
    """Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").

    ``attempts`` counts the first one. ``first`` and ``most`` are the ceiling of the first wait and of any, in seconds.
    ``sleep`` and ``draw`` (0 to 1) are for the tests, which wait for nothing.
    """

    def __init__(
        self,
        *,
        attempts: int = 6,
        first: float = 0.1,
        most: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.attempts = attempts
        self.first = first
        self.most = most
        self._sleep = sleep
        self._draw = draw

    def rounds(self) -> Iterator[int]:
        """Yield the number of each attempt from 0, waiting before each but the first."""
        yield 0
        for attempt in range(1, self.attempts):
            self._sleep(self._draw() * min(self.first * 2 ** (attempt - 1), self.most))
            yield attempt
