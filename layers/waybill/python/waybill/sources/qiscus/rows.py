"""Rows of a chat on Qiscus as a source: users, rooms and comments, read by its own REST exports.

A read walks through the windows of days. It asks for some ahead, so that Qiscus makes them while others are read, and
yields the rows of each. A key says which window, and how many of its rows are read.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from waybill.domain.errors import SourceUnavailable
from waybill.domain.estimate import Amount
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import Shard
from waybill.ports import Budget, Clock, Measure, SourceItem, Staging, Web
from waybill.sources.qiscus.backups import Backups
from waybill.sources.qiscus.fetching import Fetching
from waybill.sources.qiscus.files import FileRow, digests, file_rows
from waybill.sources.qiscus.progress import Halved, Kept
from waybill.sources.qiscus.terms import Terms
from waybill.sources.qiscus.windows import Window, window_of, windows

AHEAD = 4
"""Windows that are asked for before they are needed."""

LATEST_OFFSET = timedelta(hours=7)
"""By Qiscus's clock, which is UTC+7 in all that is known of it, the day begins earlier than in UTC."""


class QiscusRows:
    """Source of one doctype."""

    def __init__(self, terms: Terms, backups: Backups, *, web: Web, staging: Staging | None, clock: Clock) -> None:
        self._terms = terms
        self._backups = backups
        self._web = web
        self._staging = staging
        self._clock = clock

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002 - an application is one operator's
        """Return one shard, up to the day on which the export is made."""
        until = (self._clock() + LATEST_OFFSET).date() + timedelta(days=1)
        return [Shard(start, self._terms.doctype, self._terms.since.isoformat(), until.isoformat())]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the rows, window by window. Raises SourceUnavailable, and SourceNotReady while Qiscus is at it."""
        if self._staging is None or shard.first is None or shard.last is None:
            raise SourceUnavailable(f"{self._terms.doctype} can be read for an export only.")
        fetching = Fetching(self._terms, self._backups, web=self._web, staging=self._staging, clock=self._clock)
        whole = list(windows(date.fromisoformat(shard.first), date.fromisoformat(shard.last)))
        yield from _Reading(self._terms, fetching).items(whole, after)

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:  # noqa: ARG002
        """Say that nothing is known: Qiscus tells how much there is only when it has made an export of it."""
        return Measure(Amount(), Amount(), (), exact=False, pages=1)

    def settle(self, data: bytes) -> None:
        """Delete an export that was not deleted when it was read (``ports.Debtor``)."""
        self._backups.delete(data.decode())


class _Reading:
    """One read of a doctype."""

    def __init__(self, terms: Terms, fetching: Fetching) -> None:
        self._terms = terms
        self._fetching = fetching

    def items(self, whole: list[Window], after: str | None) -> Iterator[SourceItem]:
        """Yield the items behind a key."""
        begun, done = _place(after)
        before: Window | None = None
        for position, window in enumerate(whole):
            if begun is not None and window.until <= begun.first:
                before = window  # nothing of it is read again, but perhaps its last day is compared with
                continue
            self._fetching.ask_ahead(whole[position : position + AHEAD])
            for leaf in self._leaves(window):
                if begun is None or leaf.first >= begun.first:
                    read = done if begun is not None and leaf.name == begun.name else 0
                    yield from self._rows(leaf, before, read)
                before = leaf

    def _leaves(self, window: Window) -> Iterator[Window]:
        """Yield the windows that are read in place of one, when their files are here. Raises SourceNotReady."""
        state = self._fetching.finished(window)
        if isinstance(state, Halved):
            halves = window.halves()
            self._fetching.ask_ahead(list(halves))
            for half in halves:
                yield from self._leaves(half)
        elif state.total >= self._terms.cap and not window.exact:
            yield self._best_of_day(window)
        else:
            yield window

    def _best_of_day(self, window: Window) -> Window:
        """Return how a day is read that has too many rows together with the next one: alone, if that gives any."""
        alone = window.alone()
        self._fetching.ask_ahead([alone])
        state = self._fetching.finished(alone)
        return alone if isinstance(state, Kept) and state.rows else window

    def _rows(self, window: Window, before: Window | None, read: int) -> Iterator[SourceItem]:
        """Yield the rows of a window behind the first ``read``, without those that the window before has too."""
        state = self._fetching.kept(window)
        shared = self._shared(before)
        for row in file_rows(self._fetching.chunks(state.id), self._terms.leave_out):
            if row.number > read and row.digest not in shared:
                yield self._item(window, row)
        if (state.rows < state.total or state.broken) and read <= state.rows:
            broken = f" {state.broken}" if state.broken else ""
            told = f"Qiscus told {state.total:,} rows, and its file has {state.rows:,}.{broken}"
            yield self._lost(window, state.rows + 1, self._gap(window.told, "rows_missing", told))
        if state.total == self._terms.cap and read <= state.rows + 1:
            told = f"The day has {state.total:,} rows, the most that an export of Qiscus has. There may be more."
            yield self._lost(window, state.rows + 2, self._gap(window.told, "rows_cut", told))

    def _shared(self, before: Window | None) -> frozenset[bytes]:
        """Return what tells the rows of the window before, if its export had a day of this one."""
        leaf = None if before is None else self._last_leaf(before)
        if leaf is None or leaf.exact:
            return frozenset()
        state = self._fetching.known(leaf)
        return digests(self._fetching.chunks(state.id)) if isinstance(state, Kept) else frozenset()

    def _last_leaf(self, window: Window) -> Window:
        """Return what was read of the last days of a window that was read."""
        while isinstance(self._fetching.known(window), Halved):
            window = window.halves()[1]
        alone = self._fetching.known(window.alone()) if window.is_a_day else None
        return window.alone() if isinstance(alone, Kept) and alone.rows else window

    def _item(self, window: Window, row: FileRow) -> SourceItem:
        name = row.id or f"row {row.number} of {window.told}"
        key = f"{window.name}/{row.number:09}"
        if row.line is None:
            gap = self._gap(name, "invalid_json", f"The row {row.problem}.")
            return SourceItem(key, gap=gap, id=name)
        return SourceItem(key, row.line, id=name)

    def _lost(self, window: Window, number: int, gap: Gap) -> SourceItem:
        return SourceItem(f"{window.name}/{number:09}", gap=gap, id=gap.id)

    def _gap(self, name: str, code: str, reason: str) -> Gap:
        return Gap(self._terms.doctype, "record", name, Outcome.FAILED, code, reason)


def _place(after: str | None) -> tuple[Window | None, int]:
    """Return the window that reading stopped in, and how many of its rows were read."""
    if after is None:
        return None, 0
    name, _, read = after.partition("/")
    return window_of(name), int(read)
