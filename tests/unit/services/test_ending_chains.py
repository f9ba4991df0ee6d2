"""A chain that ends, because its schedule does, while its first run is being made: nothing is left for a next one.

The schedule and the run come to their ends at the same time, and either may break off anywhere.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.unit.services.exports import TENANT, Product, record
from tests.unit.services.fuse import Call, Fuse, after, before
from tests.unit.services.test_endings import expire, sweep
from tests.unit.services.test_schedules import Planner

from waybill.domain.errors import ScheduleNotFound, StorageUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.schedule import Terms

TERMS = Terms("rate(1 hour)", incremental=True)
End = Callable[[Planner], None]


def deleted(planner: Planner) -> None:
    with suppress(ScheduleNotFound):
        planner.delete()


def switched_off(planner: Planner) -> None:
    planner.put(replace(TERMS, incremental=False))


ends = pytest.mark.parametrize("end", [deleted, switched_off])
breaks = pytest.mark.parametrize("breaking", [before, after])


def packed() -> tuple[Planner, ExportJob]:
    """A schedule whose first run has still to be finished."""
    planner = Planner(Product([record("a"), record("b")]))
    planner.put(TERMS)
    job = planner.fire_when_due()
    for batch in planner.product.plan(job):
        planner.product.read(job, batch)
    planner.product.plan_parts(job)
    planner.product.pack(job)
    return planner, job


def left(planner: Planner) -> list[str]:
    """What is left for a next run, in the bucket and in the table."""
    stored = [key for key in planner.product.archives.objects if key.startswith("chains/")]
    return [*stored, *(f"chain#{key}" for _, key in planner.product.chains.good)]


def is_incremental(planner: Planner) -> bool:
    return any(schedule.terms.incremental for schedule in planner.schedules.list(TENANT))


def wire(planner: Planner, fuse: Fuse) -> None:
    """Put a fuse between the use cases and everything that they ask."""
    fuse.wire(planner.product, "jobs", "archives", "chains", "schedules")
    fuse.wire(planner, "scheduler")
    planner.schedules = planner.product.schedules


def at_each_call(then: Callable[[Planner, ExportJob, Call], Any]) -> Iterator[tuple[Planner, ExportJob, Fuse]]:
    """Yield a run, and a fuse that goes off at the first call; then at the second, until there are no more."""
    for at in count(1):
        planner, job = packed()
        fuse = Fuse(at, lambda call, planner=planner, job=job: then(planner, job, call))  # type: ignore[misc]
        yield planner, job, fuse
        if not fuse.reached:
            assert at > 5
            return


def meanwhile(do: Callable[[Planner, ExportJob], object]) -> Callable[[Planner, ExportJob, Call], Any]:
    """Let something else be done before the call."""

    def then(planner: Planner, job: ExportJob, call: Call) -> Any:
        do(planner, job)
        return call()

    return then


def test_as_long_as_the_schedule_stands_it_is_left() -> None:
    planner, job = packed()

    planner.product.finish(job)

    assert len(left(planner)) > 1
    assert sweep(planner.product).chains == 0
    chain = planner.fire_when_due().chain
    assert chain is not None
    assert chain.parent_export == job.id


@ends
def test_a_run_that_is_done_after_the_end_is_an_export_like_any_other(end: End) -> None:
    planner, job = packed()
    end(planner)

    assert planner.product.finish(job).ready

    assert planner.product.jobs.get(TENANT, job.id).state is ExportState.DONE
    assert left(planner) == []


@ends
def test_whenever_the_chain_ends_while_the_run_comes_to_its_end(end: End) -> None:
    for planner, job, fuse in at_each_call(meanwhile(lambda planner, job: end(planner))):
        wire(planner, fuse)
        with fuse:
            planner.product.finish(job)

        assert left(planner) == [] or not fuse.reached


@ends
def test_whenever_the_run_comes_to_its_end_while_the_chain_ends(end: End) -> None:
    for planner, _, fuse in at_each_call(meanwhile(lambda planner, job: planner.product.finish(job))):
        wire(planner, fuse)
        with fuse:
            end(planner)

        assert left(planner) == []


@ends
@breaks
def test_a_last_step_that_breaks_off_after_the_end_is_completed_when_it_is_repeated(
    end: End, breaking: Callable[[Call], Any]
) -> None:
    for planner, job, fuse in at_each_call(lambda planner, job, call: breaking(call)):
        end(planner)
        wire(planner, fuse)
        with suppress(StorageUnavailable), fuse:
            planner.product.finish(job)

        assert planner.product.finish(job).ready
        assert left(planner) == []


@ends
@breaks
def test_an_end_that_breaks_off_is_completed_when_it_is_repeated(end: End, breaking: Callable[[Call], Any]) -> None:
    for planner, job, fuse in at_each_call(lambda planner, job, call: breaking(call)):
        planner.product.finish(job)
        wire(planner, fuse)
        with suppress(StorageUnavailable), fuse:
            end(planner)

        end(planner)
        assert left(planner) == []


@ends
@breaks
def test_what_nobody_repeats_the_sweep_completes(end: End, breaking: Callable[[Call], Any]) -> None:
    """One of the two breaks off for good, at any of its calls. Unless the chain has not ended, nothing is left."""
    for planner, job, fuse in at_each_call(lambda planner, job, call: breaking(call)):
        wire(planner, fuse)
        with fuse:
            with suppress(StorageUnavailable):
                end(planner)
            with suppress(StorageUnavailable):
                planner.product.finish(job)
        planner.product.clock.advance(hours=1)

        sweep(planner.product)

        assert left(planner) == [] or is_incremental(planner)


@breaks
def test_what_a_run_that_is_never_done_has_left_goes_with_its_export(breaking: Callable[[Call], Any]) -> None:
    for planner, job, fuse in at_each_call(lambda planner, job, call: breaking(call)):
        deleted(planner)
        wire(planner, fuse)
        with suppress(StorageUnavailable), fuse:
            planner.product.finish(job)
        planner.product.clock.now = job.expires_at

        expire(planner.product, job)
        sweep(planner.product)

        assert left(planner) == []


def test_the_sweep_leaves_chains_alone_of_which_nobody_knows_whose_they_are() -> None:
    planner, job = packed()
    planner.product.finish(job)
    planner.product.jobs.owners.clear()
    before_it = left(planner)

    assert sweep(planner.product).chains == 0
    assert left(planner) == before_it


def test_a_deletion_that_broke_off_shows_a_schedule_that_fires_no_more() -> None:
    planner, _ = packed()
    fuse = Fuse(1, before)
    fuse.wire(planner.product, "chains")
    with suppress(StorageUnavailable), fuse:
        planner.delete()

    shown = planner.get()
    assert (shown.schedule.terms.enabled, shown.next_run) == (False, None)
    planner.delete()
    assert planner.schedules.list(TENANT) == []
