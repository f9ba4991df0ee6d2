"""Choose records by their date, for exports of some days only."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

import msgspec

from waybill.domain.catalog import Doctype
from waybill.domain.date_range import DateRange, moment_of
from waybill.domain.estimate import Amount
from waybill.domain.ledger import Gap, Outcome
from waybill.ports import Measure, SourceItem

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def chosen_by_date(items: Iterator[SourceItem], doctype: Doctype, dates: DateRange | None) -> Iterator[SourceItem]:
    """Yield an item for every item, in their order: the same where its record lies in the range.

    A record outside, and its file, is replaced by an item that says so and nothing else. One that does not tell its
    date is a gap, and so is its file. Directories are chosen whatever their date, because they say where files lie;
    what has no record has no date, and stays as it is.
    """
    if dates is None:
        yield from items
        return
    path = doctype.date_field.split(".")
    for item in items:
        if item.line is None or item.directory is not None:
            yield item
            continue
        moment = _moment(item.line, path)
        if moment is None:
            yield _undated(item, doctype)
        elif dates.holds(moment):
            yield item
        else:
            yield SourceItem(item.key, outside=True)


def measured_by_date(measure: Measure, doctype: Doctype, dates: DateRange | None) -> Measure:
    """Return how much of what was measured lies in the range.

    What was counted is counted again; what was extrapolated is taken to lie in the range as what was read does. Items
    outside stay as such, because reading counts them where it cuts entries.
    """
    if dates is None:
        return measure
    items = list(chosen_by_date(iter(measure.items), doctype, dates))
    shares = [part / whole if whole else 0.0 for part, whole in zip(_sizes(items), _sizes(measure.items), strict=True)]
    return replace(measure, items=items, read=_part(measure.read, shares), amount=_part(measure.amount, shares))


def _sizes(items: Sequence[SourceItem]) -> tuple[int, int, int, int]:
    """Return the numbers and bytes of records and of files."""
    lines = [item.line for item in items if item.line is not None]
    files = [item.file for item in items if item.file is not None]
    return len(lines), sum(map(len, lines)) + len(lines), len(files), sum(file.size for file in files)


def _part(amount: Amount, shares: Sequence[float]) -> Amount:
    records, record_bytes, files, file_bytes = shares
    return Amount(
        round(amount.records * records),
        round(amount.record_bytes * record_bytes),
        round(amount.files * files),
        round(amount.file_bytes * file_bytes),
        round(amount.shrinking_bytes * file_bytes),
    )


def _moment(line: bytes, path: list[str]) -> datetime | date | None:
    raw = msgspec.Raw(line)
    try:
        for name in path:
            raw = _FIELDS.decode(raw)[name]
        return moment_of(msgspec.json.decode(raw))
    except (KeyError, msgspec.MsgspecError, RecursionError):
        return None


def _undated(item: SourceItem, doctype: Doctype) -> SourceItem:
    reason = f"The field {doctype.date_field} tells no date, so it is not known whether it was asked for."
    lost = item.file_gap
    if item.file is not None:
        lost = _gap(doctype.name, "file", item.file.id, "date_unreadable", f"In its index record: {reason}")
    gap = _gap(doctype.name, "record", item.id or item.key, "date_unreadable", reason)
    return SourceItem(item.key, gap=gap, file_gap=lost)


def _gap(doctype: str, kind: str, key: str, code: str, reason: str) -> Gap:
    return Gap(doctype, kind, key, Outcome.FAILED, code, reason)
