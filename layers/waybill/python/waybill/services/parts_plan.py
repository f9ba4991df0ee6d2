"""How an export is cut into parts: an archive's by entries and files, or files of records by doctype and record."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from waybill.archive.container import container_of
from waybill.archive.enclosed import LEAST_PARTS_SIZE
from waybill.archive.enough_parts_size import enough_parts_size
from waybill.archive.layouts import archive_layout_of
from waybill.archive.plan_parts import plan_parts
from waybill.archive.plan_record_files import columns_of, enough_file_size, plan_record_files
from waybill.archive.record_form import form_of
from waybill.domain.catalog import Catalog
from waybill.domain.date_range import local_text
from waybill.domain.errors import InvalidOptions
from waybill.domain.options import PLAIN, ExportOptions
from waybill.domain.plan import PartPlan
from waybill.services.read_content import ReadContent

MOST_DOCUMENTS = 1_000_000
"""In the first part of a layout that has all there: its list of entries, some 130 bytes each, is held in memory."""


class PartsPlan(Protocol):
    """The plan of all parts of an export."""

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of every doctype, if the format has columns."""
        ...

    def plans(self) -> Iterator[PartPlan]:
        """Yield the plans of the parts, numbered from 1."""
        ...

    def enough(self, parts: int) -> int | None:
        """Return a ``parts_size`` with which there surely are at most ``parts`` parts, None if none is enough."""
        ...


def parts_plan_of(options: ExportOptions, catalog: Catalog, content: ReadContent, *, created_at: datetime) -> PartsPlan:
    """Return the plan. Raises InvalidOptions if the format or the layout cannot hold what was read."""
    if options.layout == PLAIN:
        return _Files(options, catalog, content, created_at)
    return _Archives(options, catalog, content)


def has_too_many_documents(options: ExportOptions, documents: int) -> bool:
    """Whether the layout has no place for so many records."""
    return options.layout != PLAIN and archive_layout_of(options.layout).gathers_records and documents > MOST_DOCUMENTS


def too_many_documents(options: ExportOptions, documents: int) -> str:
    """Return the sentence for an export of more than MOST_DOCUMENTS."""
    return (
        f"This export has {documents:,} records, and {MOST_DOCUMENTS:,} is the most with the layout "
        f"{options.layout}. Create it again with fewer doctypes in with_doctypes, or with the layout bag."
    )


class _Archives:
    """Of layouts that have record entries and files."""

    columns: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, options: ExportOptions, catalog: Catalog, content: ReadContent) -> None:
        self._parts_size = options.parts_size
        self._container = container_of(options.format)
        self._layout = archive_layout_of(options.layout)
        self._schemas = catalog.schemas
        self._content = content
        documents = sum(count.expected for count in content.ledger.records.values())
        if has_too_many_documents(options, documents):
            raise InvalidOptions(too_many_documents(options, documents), "/data/attributes/layout")

    def plans(self) -> Iterator[PartPlan]:
        """Yield the plans."""
        return plan_parts(
            self._content.entries(),
            self._content.files(),
            parts_size=self._parts_size,
            schemas=self._schemas,
            container=self._container,
            layout=self._layout,
        )

    def enough(self, parts: int) -> int | None:
        """Return the smallest size of which that is sure. A first part that takes all records counts as one more."""
        bounds = self._layout.bounds(self._container, self._schemas, max(self._parts_size, LEAST_PARTS_SIZE))
        gathers = self._layout.gathers_records
        entries = () if gathers else self._content.entries()
        return enough_parts_size(
            sum(bounds.record(entry, first=True) for _, entry in entries),
            (bounds.file(file) for file in self._content.files()),
            around=bounds.empty(),
            parts=parts - gathers,
            more_than=self._parts_size,
        )


class _Files:
    """Of the layout whose parts are files of records."""

    def __init__(self, options: ExportOptions, catalog: Catalog, content: ReadContent, created_at: datetime) -> None:
        self._options = options
        self._form = form_of(options.format)
        self._content = content
        self._created_at = local_text(created_at, options.time_zone)
        self.columns: Mapping[str, tuple[str, ...]] = {}
        if self._form.has_columns:
            self.columns = {
                name: columns_of(name, doctype.schema, content.fields[name], doctype.leave_out, doctype.columns)
                for name, doctype in ((name, catalog.doctypes[name]) for name in content.fields)
            }

    def plans(self) -> Iterator[PartPlan]:
        """Yield the plans."""
        return plan_record_files(
            list(self._content.fields),
            self._content.entries(),
            parts_size=self._options.parts_size,
            form=self._form,
            columns=self.columns,
            extension=container_of(self._options.format).extension,
            created_at=self._created_at,
        )

    def enough(self, parts: int) -> int | None:
        """Return a size of which that is sure, at most twice the smallest, or a little more."""
        size = sum(plan.bound for plan in self.plans())
        around = max((self._form.empty_size(columns) for columns in self.columns.values()), default=0)
        return enough_file_size(size, len(self._content.fields), around=around, parts=parts)
