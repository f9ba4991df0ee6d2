"""How much a source holds, without reading all of it: counted from the beginning on, then extrapolated from samples.

The keys behind what was counted are cut into SAMPLES ranges. From the beginning of each a small page is read, and how
far it reaches on the scale of keys says how many such pages the range holds. That is as good as keys are spread evenly
within a range.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from waybill.archive.media_types import compressible
from waybill.domain.estimate import Amount
from waybill.ports import Budget, Measure, SourceItem
from waybill.sources.key_ranges import KeyScale

SAMPLES = 16
SAMPLE_RECORDS = 100
"""With 16 times 100 records, evenly spread keys are counted to a few hundredths."""

LISTED = 1_000
"""Objects in a page of a bucket's listing (S3, "ListObjectsV2", ``max-keys``)."""


class PageLimit:
    """How many pages may be read in a row: ``pages``, the first in any case, the others while ``budget`` is not spent.

    ``reached`` says that another page was wanted and not allowed, so that not everything was read.
    """

    def __init__(self, pages: int, budget: Budget) -> None:
        self._most = pages
        self._budget = budget
        self.pages = 1
        self.reached = False

    def another(self) -> bool:
        """Whether one more page may be read."""
        self.reached = self.pages >= self._most or self._budget.spent()
        self.pages += not self.reached
        return not self.reached

    def again(self) -> "PageLimit":
        """Return the same limit for another row of pages."""
        return PageLimit(self._most, self._budget)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Items that were read in a row, each with its sort key.

    ``end`` is None if that is all that was asked for, otherwise the sort key up to which everything was read.
    """

    keys: Sequence[str]
    items: Sequence[SourceItem]
    end: str | None


class Measurable(Protocol):
    """A source that can be read in stretches."""

    @property
    def numeric_keys(self) -> bool:
        """Whether sort keys are numbers."""
        ...

    def stretch(
        self, tenant: str, low: str | None, high: str | None, *, limit: PageLimit, records: int | None = None
    ) -> Stretch:
        """Read what has sort keys in ``[low, high)``, as far as ``limit`` allows, ``records`` to a page."""
        ...

    def last_key(self, tenant: str) -> str | None:
        """Return the last sort key, if there are any."""
        ...


def measured(source: Measurable, tenant: str, *, pages: int, budget: Budget) -> Measure:
    """Measure a source (``ports.Source.measure``).

    At most ``pages`` pages of up to 1 MB are read in a row, then one key and SAMPLES pages of SAMPLE_RECORDS records;
    of a bucket's listing as many. Raises SourceUnavailable.
    """
    limit = PageLimit(pages, budget)
    beginning = source.stretch(tenant, None, None, limit=limit)
    amount = read = _amount_of(beginning.items)
    if beginning.end is None:
        return Measure(amount, read, beginning.items, exact=True, pages=limit.pages)
    last = source.last_key(tenant)
    if beginning.keys and last is not None:
        scale = KeyScale(beginning.keys, last, numeric=source.numeric_keys)
        amount = _extrapolated(source, tenant, read, scale=scale, counted_to=beginning.end, budget=budget)
    return Measure(amount, read, beginning.items, exact=False, pages=limit.pages)


def _amount_of(items: Iterable[SourceItem]) -> Amount:
    """Return how much these items are: what an export reads of them and can write."""
    records = record_bytes = files = file_bytes = shrinking = 0
    for item in items:
        if item.line is not None:
            records += 1
            record_bytes += len(item.line) + 1
        if item.file is not None:
            files += 1
            file_bytes += item.file.size
            shrinking += item.file.size if compressible(item.file.mime, item.file.name) else 0
    return Amount(records, record_bytes, files, file_bytes, shrinking)


def _extrapolated(
    source: Measurable, tenant: str, counted: Amount, *, scale: KeyScale, counted_to: str, budget: Budget
) -> Amount:
    """Return what there is altogether, where everything up to the key ``counted_to`` is ``counted``."""
    bounds: list[str | None] = [counted_to, *scale.cuts(counted_to, SAMPLES), None]
    amount = counted
    reached = scale.position(counted_to)
    for low, high in pairwise(bounds):
        if budget.spent():
            break
        sample = source.stretch(tenant, low, high, limit=PageLimit(1, budget), records=SAMPLE_RECORDS)
        fresh = [item for key, item in zip(sample.keys, sample.items, strict=True) if key != counted_to]
        begin = scale.position(low or "")
        end = 1.0 if high is None else scale.position(high)
        seen = end if sample.end is None else scale.position(sample.end)
        amount += _amount_of(fresh).times((end - begin) / (seen - begin) if begin < seen < end else 1.0)
        reached = end
    return amount.times(1 / reached) if 0 < reached < 1 else amount
