"""The table of states in the API page, walked: every row is done on ports in memory and must end as the row says."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.docs.test_docs import page, rows, section, words
from tests.fakes import FakeBudget
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import StorageUnavailable, WaybillError
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.receipt import Reason
from waybill.entry import problem
from waybill.services.delete_export import delete_export
from waybill.services.expire_export import expire_export
from waybill.services.fail_export import fail_export
from waybill.services.find_export import find_export
from waybill.services.retry_export import retry_export
from waybill.services.starting_export import LONGEST_START
from waybill.services.sweep_exports import sweep_exports

KEY = "the-key"


class Walk:
    """One export on its way through the table. ``answer`` is what the last request was answered with."""

    def __init__(self) -> None:
        self.product = Product()
        self.answer = ""

    @property
    def job(self) -> ExportJob:
        (job,) = self.product.jobs.jobs.values()
        return job

    @property
    def state(self) -> str:
        """What the API shows of the export."""
        if not self.product.jobs.jobs:
            return "nothing"
        if self.job.receipt is not None:
            return "deleted" if self.job.receipt.reason is Reason.DELETED else "expired, and removed"
        if self.product.clock() >= self.job.expires_at:
            return "expired"
        find_export(TENANT, self.job.id, jobs=self.product.jobs, clock=self.product.clock)
        return str(self.job.state)

    def ask(self, status: int, request: Callable[[], object]) -> None:
        """Send a request; what comes back is the answer that its error is, or ``status``."""
        try:
            request()
        except WaybillError as error:
            refused = problem.of_error(error)
            self.answer = f"{int(refused.status)} {refused.code}"
        else:
            self.answer = str(status)

    def ports(self) -> dict[str, Any]:
        product = self.product
        return {"jobs": product.jobs, "workflow": product.workflow}

    def post(self) -> None:
        self.ask(202, lambda: self.product.create(key=KEY))

    def post_in_vain(self) -> None:
        self.product.workflow.fail_on["start"] = StorageUnavailable("Not now.")
        self.post()

    def retry(self) -> None:
        product = self.product
        self.ask(
            202,
            lambda: retry_export(
                TENANT, self.job.id, quota=product.limits, clock=product.clock, metrics=product.metrics, **self.ports()
            ),
        )

    def retry_in_vain(self) -> None:
        self.product.workflow.fail_on["start"] = StorageUnavailable("Not now.")
        self.retry()

    def retry_unstarted(self, *, seconds: float) -> None:
        self.product.workflow.started.clear()
        self.product.clock.advance(seconds=seconds)
        self.retry()

    def delete(self, *, only_running: bool = False) -> None:
        stores = {"archives": self.product.archives, "clock": self.product.clock, **self.ports()}
        self.ask(200, lambda: delete_export(TENANT, self.job.id, only_running=only_running, **stores))

    def cancel(self) -> None:
        self.delete(only_running=True)

    def sweep(self) -> None:
        product = self.product
        stores = {"archives": product.archives, "clock": product.clock, **self.ports()}
        stores |= {"chains": product.chains, "schedules": product.schedules}
        sweep_exports(metrics=product.metrics, budget=FakeBudget(), **stores)

    def sweep_later(self, *, has_started: bool) -> None:
        """Sweep when the execution is gone: it was never started, or has ended."""
        self.product.workflow.running.clear()
        if not has_started:
            self.product.workflow.started.clear()
        self.product.clock.advance(minutes=15, seconds=1)
        self.sweep()

    def ttl(self) -> None:
        product, known = self.product, self.job
        product.jobs.jobs.clear()
        stores = {"archives": product.archives, "clock": product.clock, **self.ports()}
        expire_export(TENANT, known.id, known=known, metrics=product.metrics, **stores)

    def cancel_what_was_done(self) -> None:
        """Cancel one that was deleted when it was done, in place of the one that is there."""
        self.product.jobs.jobs.clear()
        self.product.jobs.keys.clear()
        self.post()
        self.last_step()
        self.delete()
        self.cancel()

    def last_step(self) -> None:
        done = self.job.finished(self.product.clock(), parts=1, total_size=1, gaps=0)
        self.product.jobs.replace(done)

    def failing_step(self) -> None:
        product = self.product
        fail_export(
            TENANT,
            self.job.id,
            "States.Timeout",
            attempt=self.job.attempt,
            jobs=product.jobs,
            clock=product.clock,
            metrics=product.metrics,
        )

    def expire(self) -> None:
        self.product.clock.now = self.job.expires_at

    def keep_key(self) -> None:
        """Let the export's key be as fresh as if ``max_age`` had been shorter than the key's life."""
        keys = self.product.jobs.keys
        for name, known in keys.items():
            keys[name] = replace(known, expires_at=self.product.clock() + timedelta(hours=1))


Move = Callable[[Walk], None]

INTO: dict[str, tuple[Move, ...]] = {
    "nothing": (),
    "exporting": (Walk.post,),
    "done": (Walk.post, Walk.last_step),
    "error": (Walk.post, Walk.failing_step),
    "deleted": (Walk.post, Walk.delete),
    "expired": (Walk.post, Walk.expire, Walk.keep_key),
}
"""How an export gets into each state that the table has."""

BY: dict[str, Move] = {
    "POST /move/exports": Walk.post,
    "POST /move/exports whose execution cannot be started": Walk.post_in_vain,
    "the last step": Walk.last_step,
    "a step that fails for good": Walk.failing_step,
    "the same Idempotency-Key": Walk.post,
    "retry": Walk.retry,
    "retry, within 30 seconds after a request that died before it started it": lambda walk: walk.retry_unstarted(
        seconds=LONGEST_START.total_seconds() - 1
    ),
    "retry, later than that": lambda walk: walk.retry_unstarted(seconds=LONGEST_START.total_seconds()),
    "retry, whose execution cannot be started": Walk.retry_in_vain,
    "DELETE": Walk.delete,
    "DELETE ?state=exporting": Walk.cancel,
    "DELETE ?state=exporting, when it was done before": lambda walk: walk.cancel_what_was_done(),
    "the sweep": Walk.sweep,
    "the sweep, when its execution is missing after 15 minutes": lambda walk: walk.sweep_later(has_started=False),
    "the sweep, when its execution has ended after 15 minutes": lambda walk: walk.sweep_later(has_started=True),
    "the TTL of its record": Walk.ttl,
    "its expires_at": Walk.expire,
}
"""What the table has leading out of states."""

ALWAYS = {"the same Idempotency-Key", "retry", "DELETE", "DELETE ?state=exporting", "the sweep", "its expires_at"}
"""What may come in every state, so that every state needs a row for it."""


def table() -> list[tuple[str, str, str, str]]:
    """The rows of the page without markup: from, by, to, answer."""
    cells = [[cell.replace("`", "").strip() for cell in row if cell] for row in rows(section(page("api.md"), "States"))]
    return [(row[0], row[1], row[2], row[3]) for row in cells[2:]]


ROWS = table()


@pytest.mark.parametrize(("start", "by", "end", "answer"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_what_the_row_says_comes_true(start: str, by: str, end: str, answer: str) -> None:
    walk = Walk()
    for move in INTO[start]:
        move(walk)
    assert walk.state == start
    walk.answer = ""

    BY[by](walk)

    assert (walk.state, walk.answer) == (end, answer)


def test_every_state_has_a_row_for_whatever_may_come() -> None:
    states = {start for start, *_ in ROWS} - {"nothing"}
    assert states == set(INTO) - {"nothing"}
    assert {str(state) for state in ExportState} <= states
    described = {(start, by) for start, by, *_ in ROWS}
    assert {(start, by) for start in states for by in ALWAYS} <= described | {("expired", "its expires_at")}


def test_no_row_stands_twice_and_every_state_can_be_left_but_those_of_what_is_gone() -> None:
    assert len({(start, by) for start, by, *_ in ROWS}) == len(ROWS)
    left = {start for start, _, end, _ in ROWS if end.partition(",")[0] != start}
    assert left == set(INTO) - {"deleted", "expired"}


def test_the_codes_in_the_table_are_among_the_errors_of_the_page() -> None:
    codes = {word for *_, answer in ROWS for word in re.findall(r"[a-z_]+", answer)}
    assert codes
    assert codes <= words(section(page("api.md"), "Errors"))


def test_a_row_that_is_not_true_is_noticed() -> None:
    with pytest.raises(AssertionError):
        test_what_the_row_says_comes_true("done", "retry", "exporting", "202")
