"""Records as rows of a table, for formats that have columns."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from waybill.archive.record_form import form_of
from waybill.domain.options import PLAIN, ExportOptions
from waybill.ports import HasRows, Measure, Source, SourceItem


def in_rows(items: Iterable[SourceItem], source: Source, options: ExportOptions) -> Iterator[SourceItem]:
    """Yield the items, with rows in place of records if the format has columns and the source a form of its own.

    So dates must have been looked at before. Elsewhere a record's own fields are its cells.
    """
    has_columns = options.layout == PLAIN and form_of(options.format).has_columns
    if has_columns and isinstance(source, HasRows):
        return map(source.as_row, items)
    return iter(items)


def measured_in_rows(measure: Measure, source: Source, options: ExportOptions) -> Measure:
    """Return what was measured with rows as its items. Its amounts stay those of records, which rows are about as."""
    return replace(measure, items=list(in_rows(measure.items, source, options)))
