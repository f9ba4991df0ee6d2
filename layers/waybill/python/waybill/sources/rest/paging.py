"""Lists that an API gives in pages, by offset and limit: several pages at once, in their order.

A list can change while it is read. A page that came before is not taken for new: that is how a list shows that never
ends, because the API does not heed the offset.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.requests import Reply, Request

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_MOST_STEPS_BACK = 50
"""How often rows may go while a list is read, before that is taken for an API that is not to be trusted."""


class Page(Protocol[R_co]):
    """One page: its rows, and how many the whole list has."""

    @property
    def rows(self) -> Sequence[R_co]:
        """The rows of this page."""
        ...

    @property
    def total(self) -> int:
        """How many rows all pages have together."""
        ...


class SeenPages:
    """Notices pages that repeat. For every way of paging: give it each page's reply as it comes."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def check(self, reply: Reply) -> None:
        """Raise SourceUnavailable if a page with the same bytes came before."""
        digest = hashlib.sha256(reply.body).digest()
        if digest in self._digests:
            raise SourceUnavailable(
                f"{reply.asked} gave the same page as before, so the list would never end. Nothing more was read of it."
            )
        self._digests.add(digest)


def pages(
    client: RestClient,
    page_at: Callable[[int], Request],
    read: Callable[[Reply], Page[R_co]],
    *,
    size: int,
    start: int = 0,
) -> Iterator[Page[R_co]]:
    """Yield the pages of a list from the row ``start`` on. ``page_at(offset)`` asks for ``size`` rows from ``offset``.

    The first page says how many there are, and the others are then asked for side by side. If the last of them says
    that there are more now, it goes on. Raises SourceUnavailable, also if a page is empty although rows are left, and
    if one repeats.
    """
    seen = SeenPages()
    offset, total = start, start + 1
    while offset < total:
        upto = offset + size if offset == start else total
        for reply in client.many(page_at(each) for each in range(offset, upto, size)):
            page = read(reply)
            total = page.total
            if not page.rows:
                if offset < total:
                    raise SourceUnavailable(f"{reply.asked} gave no rows, although it says that it has {total}.")
                return
            seen.check(reply)
            yield page
            offset += len(page.rows)
            if len(page.rows) < size:
                break  # those behind it were asked for at other offsets


def rows_by_key(
    client: RestClient,
    page_at: Callable[[int, int], Request],
    read: Callable[[Reply], Page[R]],
    key: Callable[[R], int],
    *,
    size: int,
    after: int | None = None,
    first: Reply | None = None,
) -> Iterator[R]:
    """Yield the rows of a list that is ordered by ``key``, those behind ``after``, each once.

    ``page_at(offset, size)`` asks for a page; ``first`` is the answer for the first one, if that is there already.
    Every page is asked for so that it begins with the last row of the page before. If it does not, rows before it have
    gone meanwhile and the others have moved up: then reading goes back, so that no row is passed over. Raises
    SourceUnavailable, also if rows are not in order, and if the list never ends.
    """
    walk = _Walk(key, after)
    offset, total = 0, 0
    while True:
        positions = range(offset, max(total - 1, offset + 1), max(size - 1, 1))
        replies = iter([first]) if first is not None else client.many(page_at(each, size) for each in positions)
        first = None
        for position, reply in zip(positions, replies, strict=False):
            if position != offset:
                break  # the page before was shorter than was asked for, or out of place
            page = read(reply)
            total = page.total
            if offset and walk.is_behind(page.rows):
                walk.step_back(reply)
                offset = max(offset - size, 0)
                continue
            if not page.rows and total:
                raise SourceUnavailable(f"{reply.asked} gave no rows, although it says that it has {total}.")
            yield from walk.new(page.rows, reply)
            if offset + len(page.rows) >= total:
                return
            size = min(size, max(len(page.rows), 2))
            offset += max(len(page.rows) - 1, 1)


class _Walk(Generic[R]):
    """How far a list in the order of a key is read: ``edge`` is the key of the last row of the last page."""

    def __init__(self, key: Callable[[R], int], after: int | None) -> None:
        self._key = key
        self._last = after
        self._edge: int | None = None
        self._may_repeat = True
        self._steps_back = 0

    def is_behind(self, rows: Sequence[R]) -> bool:
        """Whether a page begins behind the place where the last one ended, so that rows may lie between.

        One without rows does: it was asked for from the last row on, and that has moved or gone.
        """
        return self._edge is not None and (not rows or self._key(rows[0]) > self._edge)

    def step_back(self, reply: Reply) -> None:
        """Let the next page begin with rows that were read already. Raises SourceUnavailable if that is too often."""
        self._steps_back += 1
        self._may_repeat = True
        if self._steps_back > _MOST_STEPS_BACK:
            raise SourceUnavailable(f"{reply.asked} gives other rows every time, so some could be missed.")

    def new(self, rows: Sequence[R], reply: Reply) -> Iterator[R]:
        """Yield the rows of a page that were not there before."""
        if rows and self._edge is not None and self._key(rows[0]) < self._edge and not self._may_repeat:
            raise SourceUnavailable(f"{reply.asked} gave the same page as before, so the list would never end.")
        self._may_repeat = False
        before: int | None = None
        for row in rows:
            number = self._key(row)
            if before is not None and number <= before:
                raise SourceUnavailable(f"{reply.asked} gave rows in no order, so some could be missed.")
            before = number
            if self._last is None or number > self._last:
                self._last = number
                yield row
        self._edge = before if before is not None else self._edge
