"""Work done side by side, with the results in the order of the work."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """The one who wanted the results has gone."""


class Stop:
    """Tells workers that nobody waits for them any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def now(self) -> None:
        """Say so."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped if that was said."""
        if self._event.is_set():
            raise Stopped


def in_order(work: Callable[[T, Stop], R], items: Iterable[T], *, limit: int) -> Iterator[R]:
    """Yield ``work(item, stop)`` of every item in their order, with up to ``limit`` at work.

    No more than ``limit`` items are taken ahead of the results, so memory stays bounded. What one of them raises is
    raised in its place. When the results are no longer wanted, those at work are told to stop, and waited for.
    """
    left = iter(items)
    first = list(islice(left, 2))
    stop = Stop()
    if limit == 1 or len(first) < 2:  # noqa: PLR2004 - one alone needs no thread
        yield from (work(item, stop) for item in (*first, *left))
        return
    with ThreadPoolExecutor(limit, thread_name_prefix="source") as workers:
        waiting: deque[Future[R]] = deque()
        try:
            for item in first:
                waiting.append(workers.submit(work, item, stop))
            for item in islice(left, limit - len(first)):
                waiting.append(workers.submit(work, item, stop))
            while waiting:
                result = waiting.popleft().result()
                for item in islice(left, 1):
                    waiting.append(workers.submit(work, item, stop))
                yield result
        finally:
            stop.now()
            for future in waiting:
                future.cancel()
