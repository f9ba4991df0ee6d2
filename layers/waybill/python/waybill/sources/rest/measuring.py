"""How much a source holds that is read by an API: counted as far as there is time, then scaled up."""

from collections.abc import Callable, Iterable

from waybill.domain.estimate import Amount
from waybill.ports import Budget, Measure, SourceItem


def measured_by_reading(
    items: Iterable[SourceItem],
    *,
    page: int,
    pages: int,
    budget: Budget,
    total: Callable[[], int | None] = lambda: None,
) -> Measure:
    """Return how much there is (``ports.Source.measure``), of records without files.

    Items are read as long as ``pages`` pages of ``page`` of them last and ``budget`` is not spent, one page in any
    case. If that is not all, ``total`` is asked how many items there are; without an answer those that were read count
    alone.
    """
    read: list[SourceItem] = []
    records = size = 0
    exact = True
    for item in items:
        if len(read) >= pages * page or (len(read) >= page and budget.spent()):
            exact = False
            break
        read.append(item)
        if item.line is not None:
            records, size = records + 1, size + len(item.line) + 1
    counted = Amount(records, size, 0, 0, 0)
    number = None if exact else total()
    amount = counted if not number else counted.times(max(number / len(read), 1.0))
    return Measure(amount, counted, read, exact=exact, pages=max(-(-len(read) // page), 1))
