"""What happens around the work of every step of an import."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes import FakeClock, FakeImports, MemoryObjects

from waybill.domain import import_keys
from waybill.domain.errors import ImportGone, ImportNotFound, ImportNotRunning
from waybill.domain.import_job import ImportJob, ImportState, RowCounts, new_import
from waybill.domain.import_options import ImportOptions
from waybill.services.making_import import making_import

TENANT = "alice"


def an_import(clock: FakeClock) -> ImportJob:
    return new_import(TENANT, ImportOptions(inputs=()), clock())


def kept_after(job: ImportJob, meanwhile: Callable[[FakeImports], None]) -> set[str]:
    """What is left of two objects, of the work and of the report, if ``meanwhile`` happens while a step writes them."""
    imports, archives = FakeImports(job), MemoryObjects()
    states = (ImportState.IMPORTING, ImportState.UNDOING)
    clock = FakeClock()
    with making_import(TENANT, job.id, imports=imports, archives=archives, clock=clock, states=states) as seen:
        assert seen == job
        archives.put(import_keys.seen(job.id), b"work")
        archives.put(import_keys.report(job.id), b"report")
        meanwhile(imports)
    return {key.removeprefix(import_keys.prefix(job.id)) for key in archives.objects}


def test_a_step_leaves_what_it_wrote_for_the_next_one() -> None:
    job = an_import(FakeClock())
    assert kept_after(job, lambda imports: None) == {"work/seen.sqlite", "report.json"}

    undoing = job.finished(FakeClock()(), RowCounts()).undoing()
    assert kept_after(undoing, lambda imports: None) == {"work/seen.sqlite", "report.json"}


def test_a_step_of_an_import_that_was_deleted_meanwhile_leaves_nothing() -> None:
    job = an_import(FakeClock())

    assert kept_after(job, lambda imports: imports.replace(job.deleted(FakeClock()()))) == set()
    assert kept_after(job, lambda imports: imports.jobs.clear()) == set()


def test_a_step_of_an_import_that_has_failed_meanwhile_leaves_no_staged_rows() -> None:
    job = an_import(FakeClock())

    assert kept_after(job, lambda imports: imports.replace(job.failed(FakeClock()(), "No."))) == {"report.json"}


def test_it_cleans_up_also_behind_a_step_that_breaks() -> None:
    clock = FakeClock()
    job = an_import(clock)
    imports, archives = FakeImports(job), MemoryObjects()

    def step() -> None:
        with making_import(TENANT, job.id, imports=imports, archives=archives, clock=clock):
            archives.put(import_keys.report(job.id), b"report")
            imports.replace(job.deleted(clock()))
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        step()

    assert archives.objects == {}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda job: job.deleted(FakeClock()()), ImportGone),
        (lambda job: replace(job, expires_at=FakeClock()()), ImportGone),
        (lambda job: job.finished(FakeClock()(), RowCounts()), ImportNotRunning),
        (lambda job: job.finished(FakeClock()(), RowCounts()).undoing(), ImportNotRunning),
        (lambda job: replace(job, tenant="bert"), ImportNotFound),
    ],
)
def test_a_step_that_comes_late_does_not_begin(
    change: Callable[[ImportJob], ImportJob], error: type[Exception]
) -> None:
    clock = FakeClock()
    job = change(an_import(clock))

    with (
        pytest.raises(error),
        making_import(TENANT, job.id, imports=FakeImports(job), archives=MemoryObjects(), clock=clock),
    ):
        pytest.fail("The step has begun.")
