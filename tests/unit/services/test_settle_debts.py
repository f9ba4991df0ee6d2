"""What exports hold in other systems is given back when they have ended, however they ended."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes import FakeBudget, MemorySource
from tests.unit.services.exports import TENANT, Product

from waybill.domain import keys
from waybill.domain.errors import DebtsUnsettled, SourceUnavailable
from waybill.domain.job import ExportJob
from waybill.services.delete_export import delete_export
from waybill.services.export_staging import ExportStaging
from waybill.services.fail_export import fail_export
from waybill.services.retry_export import retry_export
from waybill.services.settle_debts import MOST_TROUBLES, Settled, settle_debts


class Lender(MemorySource):
    """A source that takes up something. ``given_back`` is what it was told to give back, ``failing`` what it cannot."""

    def __init__(self, doctype: str = "todos") -> None:
        super().__init__(doctype, (), TENANT)
        self.given_back: list[bytes] = []
        self.failing: set[bytes] = set()

    def settle(self, data: bytes) -> None:
        if data in self.failing:
            raise SourceUnavailable(f"The ticket {data.decode()} cannot be deleted.")
        self.given_back.append(data)


@pytest.fixture
def lender() -> Lender:
    return Lender()


@pytest.fixture
def product(lender: Lender) -> Product:
    return Product(more_sources=[lender])


def owing(product: Product, *tickets: str, doctype: str = "todos") -> ExportJob:
    """An export that is being made and owes these."""
    job = product.create()
    staging = ExportStaging(product.archives, job.id, call=FakeBudget(), enough=FakeBudget())
    for ticket in tickets:
        staging.put_debt(doctype, ticket, ticket.encode())
    return job


def settle(product: Product, budget: FakeBudget | None = None) -> Settled:
    return settle_debts(
        catalog=product.catalog,
        sources=lambda catalog: product.sources,
        jobs=product.jobs,
        archives=product.archives,
        clock=product.clock,
        metrics=product.metrics,
        budget=budget or FakeBudget(),
    )


def fail(product: Product, job: ExportJob) -> None:
    ports: dict[str, Any] = {"jobs": product.jobs, "clock": product.clock, "metrics": product.metrics}
    fail_export(TENANT, job.id, "States.Timeout", attempt=0, **ports)


def delete(product: Product, job: ExportJob) -> None:
    ports: dict[str, Any] = {"jobs": product.jobs, "workflow": product.workflow, "archives": product.archives}
    delete_export(TENANT, job.id, clock=product.clock, **ports)


def expire(product: Product, job: ExportJob) -> None:
    product.clock.advance(days=8)


def forget(product: Product, job: ExportJob) -> None:
    product.jobs.jobs.clear()


def finish(product: Product, job: ExportJob) -> None:
    for batch in product.plan(job):
        product.read(job, batch)
    product.plan_parts(job)
    product.pack(job)
    product.finish(job)


@pytest.mark.parametrize("end", [fail, delete, expire, forget, finish])
def test_an_export_that_has_ended_gives_back_what_it_holds(
    product: Product, lender: Lender, end: Callable[[Product, ExportJob], None]
) -> None:
    job = owing(product, "1", "2")
    assert settle(product) == Settled(settled=0, running=2)
    end(product, job)

    assert settle(product) == Settled(settled=2, running=0)

    assert lender.given_back == [b"1", b"2"]
    assert not [key for key in product.archives.objects if key.startswith(keys.DEBTS)]
    assert settle(product) == Settled(settled=0, running=0)


def test_an_export_that_is_retried_keeps_what_it_holds(product: Product, lender: Lender) -> None:
    job = owing(product, "1")
    fail(product, job)
    ports: dict[str, Any] = {"workflow": product.workflow, "clock": product.clock, "metrics": product.metrics}
    retry_export(TENANT, job.id, quota=product.limits, jobs=product.jobs, **ports)

    assert settle(product) == Settled(settled=0, running=1)
    assert not lender.given_back


def test_what_cannot_be_given_back_holds_up_nothing_and_is_tried_again(product: Product, lender: Lender) -> None:
    fail(product, owing(product, "1", "2", "3"))
    lender.failing = {b"2"}

    with pytest.raises(DebtsUnsettled, match=r"1 debts could not be settled, the first because: The ticket 2 cannot"):
        settle(product)

    assert lender.given_back == [b"1", b"3"]
    lender.failing = set()
    assert settle(product) == Settled(settled=1, running=0)


def test_a_doctype_that_is_read_from_elsewhere_now_is_told(product: Product) -> None:
    fail(product, owing(product, "1", doctype="contacts"))

    with pytest.raises(DebtsUnsettled, match="contacts is read from another source now"):
        settle(product)


def test_a_round_gives_up_when_the_other_system_fails(product: Product, lender: Lender) -> None:
    tickets = [str(number) for number in range(10, 30)]
    fail(product, owing(product, *tickets))
    lender.failing = {ticket.encode() for ticket in tickets}

    with pytest.raises(DebtsUnsettled, match=f"^{MOST_TROUBLES} debts"):
        settle(product)


def test_a_round_that_has_no_time_leaves_the_rest_to_the_next(product: Product, lender: Lender) -> None:
    fail(product, owing(product, "1", "2", "3"))

    assert settle(product, FakeBudget(3)) == Settled(settled=2, running=0)
    assert settle(product) == Settled(settled=1, running=0)
