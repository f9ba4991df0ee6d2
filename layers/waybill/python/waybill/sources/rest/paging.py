"""Lists that an API gives in pages, by offset and limit: several pages at once, in their order.

A list can change while it is read. A page that came before is not taken for new: that is how a list shows that never
ends, because the API does not heed the offset.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.requests import Reply, Request

R_co = TypeVar("R_co", covariant=True)


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
