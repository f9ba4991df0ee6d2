"""What the formats that hold records alone, ``json`` and ``csv``, make of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from waybill.archive.csv_form import CsvForm
from waybill.archive.json_form import JsonForm


class RecordForm(Protocol):
    """How a file of records is written. All texts are UTF-8. A record is one line of JSON text.

    ``columns`` are those of the doctype, in a form that has columns.
    """

    @property
    def has_columns(self) -> bool:
        """Whether the file depends on the names of all fields of the doctype."""
        ...

    def row_size(self, line: bytes) -> tuple[int, Sequence[str]]:
        """Return what a record takes in the file besides ``row_overhead``, and, if there are columns, its fields."""
        ...

    def row_overhead(self, columns: Sequence[str]) -> int:
        """Return what every record takes in the file, whatever is in it."""
        ...

    def empty_size(self, columns: Sequence[str]) -> int:
        """Return the most bytes that a file has besides its records."""
        ...

    def opening(self, columns: Sequence[str]) -> bytes:
        """Return what stands before the records."""
        ...

    def rows(self, lines: Sequence[bytes], columns: Sequence[str], *, first: bool) -> bytes:
        """Return some records; ``first`` says that none stands before them."""
        ...

    def closing(self, *, empty: bool) -> bytes:
        """Return what stands behind the records; ``empty`` says that there are none."""
        ...


_FORMS: Mapping[str, RecordForm] = {"json": JsonForm(), "csv": CsvForm()}


def form_of(name: str) -> RecordForm:
    """Return the form of the format that ``domain.options`` names."""
    return _FORMS[name]
