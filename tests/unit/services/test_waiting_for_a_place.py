"""Who is refused for want of a place, waits as told and asks again, is told nothing that is not so, and is let in."""

import re
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import QuotaExceeded
from waybill.domain.job import ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaLimits

SECOND_NS = 1_000_000_000
ENDS = st.floats(1, 20_000) | st.just(float("inf"))
RUNNING = st.lists(
    st.tuples(
        st.integers(60, 10_000),  # seconds until it expires
        ENDS,  # seconds until it is done
        st.lists(st.floats(0, 1), min_size=1, max_size=5),  # what its workers report, one after the other
        st.floats(0, 500),  # seconds until the next one is started
    ),
    min_size=1,
    max_size=4,
)


class Caller:
    """Has exports running, and asks for one more until it is let in."""

    def __init__(self, running: list[tuple[int, float, list[float], float]]) -> None:
        self.product = Product(limits=QuotaLimits(running=len(running), per_day=1000))
        self.clock = self.product.clock
        self.running = []
        for expires, ends, reports, pause in running:
            job = self.product.create(ExportOptions(max_age=expires * SECOND_NS))
            self.running.append((job, job.created_at + timedelta(seconds=min(ends, 1e8)), reports))
            self.clock.advance(seconds=pause)
        self.tries = 0

    def ask(self) -> QuotaExceeded | None:
        """Ask for one more, when everybody has worked up to now; return the refusal, if it is one."""
        for job, ends, reports in self.running:
            stored = self.product.jobs.get(TENANT, job.id)
            if stored.state is ExportState.EXPORTING and ends <= self.clock():
                self.product.jobs.replace(stored.failed(self.clock(), "It ended."))
            share = reports[self.tries % len(reports)]
            self.product.jobs.report(job, WorkerProgress("read", 0, 1, share, 0, 0))
        self.tries += 1
        try:
            self.product.create()
        except QuotaExceeded as refused:
            return refused
        return None

    @property
    def first_free(self) -> datetime:
        """When the first place is free."""
        return min(min(ends, job.expires_at) for job, ends, _ in self.running)


def latest(refusal: QuotaExceeded) -> datetime:
    """The moment at which there is a place at the latest, as the refusal names it."""
    named = re.search(r"At (\S+) there is a place at the latest", str(refusal))
    assert named is not None
    return datetime.fromisoformat(named[1])


@settings(max_examples=200, deadline=None)
@given(RUNNING)
def test_every_answer_holds_and_the_last_one_is_a_place(
    running: list[tuple[int, float, list[float], float]],
) -> None:
    caller = Caller(running)
    begun = caller.clock()
    promised: datetime | None = None
    while (refusal := caller.ask()) is not None:
        now = caller.clock()
        assert caller.first_free > now
        assert 1 <= refusal.retry_after <= 3600
        assert promised in {None, latest(refusal)}
        promised = latest(refusal)
        assert now + timedelta(seconds=refusal.retry_after) <= promised + timedelta(seconds=1)
        caller.clock.advance(seconds=refusal.retry_after)

    assert caller.first_free <= caller.clock()
    assert promised is None or caller.clock() <= promised + timedelta(seconds=1)
    assert caller.tries <= 2 + (caller.clock() - begun).total_seconds() / 5


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.floats(1, 9_000))
def test_whatever_the_progress_shows_one_waits_at_most_twice_as_long_as_the_export_runs(
    reports: list[float], ends: float
) -> None:
    caller = Caller([(10_000, ends, reports, 0)])
    (job, *_) = caller.running[0]
    while (refusal := caller.ask()) is not None:
        caller.clock.advance(seconds=refusal.retry_after)

    assert (caller.clock() - job.created_at).total_seconds() <= max(2 * ends, ends + 5) + 1
