"""What has changed in a source since the run before: the source side by side with the rows of that run's baseline."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from waybill.domain.chain import KeyOrder, Row, digest_of
from waybill.domain.ledger import Outcome
from waybill.ports import SourceItem


@dataclass(frozen=True, slots=True)
class Change:
    """One key of the source, or of the baseline, and what the export makes of it.

    ``item`` is what the source gives, None if nothing. ``has_record`` and ``has_content`` say what of it goes into the
    archive, ``deleted`` that the record is there no more. ``row`` is what the chain holds from now on.
    """

    key: str
    item: SourceItem | None
    has_record: bool = True
    has_content: bool = True
    deleted: bool = False
    row: Row | None = None


def everything(items: Iterable[SourceItem]) -> Iterator[Change]:
    """Yield every item as one that the archive takes whole, for an export that is not of a chain."""
    for item in items:
        yield Change(item.key, item)


def changes(items: Iterable[SourceItem], held: Iterable[Row], order: KeyOrder) -> Iterator[Change]:
    """Yield what becomes of every key, in the order of the keys, which both sides have. Holds one of each."""
    source, rows = iter(items), iter(held)
    item, row = next(source, None), next(rows, None)
    while item is not None or row is not None:
        if item is not None and row is not None and item.key == row.key:
            yield _change(item, row)
            item, row = next(source, None), next(rows, None)
        elif row is None or (item is not None and order.place(item.key) < order.place(row.key)):
            assert item is not None  # noqa: S101 - one of the two is there
            yield _change(item, None)
            item = next(source, None)
        else:
            yield Change(row.key, None, deleted=True)
            row = next(rows, None)


def _change(item: SourceItem, row: Row | None) -> Change:
    if item.outside:  # what was asked for has it no more
        return Change(item.key, item, has_record=False, has_content=False, deleted=row is not None)
    if item.line is None:
        is_record = item.gap is not None and item.gap.kind == "record"
        if is_record:  # the chain holds an earlier version, if any; it is exported once it can be read
            return Change(item.key, item, row=Row(item.key, b"") if row else None)
        return Change(item.key, item, deleted=row is not None)
    digest = digest_of(item.line)
    has_record = row is None or row.digest != digest
    if item.file is None:
        return Change(item.key, item, has_record, row=Row(item.key, digest))
    has_content = row is None or (row.etag, row.size) != (item.file.etag, item.file.size)
    return Change(item.key, item, has_record, has_content, row=Row(item.key, digest, item.file.etag, item.file.size))


def is_of_file(item: SourceItem) -> bool:
    """Whether a record is that of a file, also if the file's content cannot be had."""
    return item.file is not None or (item.file_gap is not None and item.file_gap.outcome is Outcome.FAILED)
