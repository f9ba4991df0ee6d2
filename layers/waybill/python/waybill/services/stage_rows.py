"""Stage the rows of one file: JSON, NDJSON or CSV, of any size, over as many calls as it takes."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from waybill.domain import import_keys
from waybill.domain.catalog import Doctype
from waybill.intake.csv_cells import column_types
from waybill.intake.formats import rows
from waybill.intake.row_file import line_of
from waybill.intake.rows import Broken, RowReader
from waybill.ports import Budget
from waybill.rules.order import CHAT_REFERENCES
from waybill.services.row_files import RowFiles
from waybill.services.staging_state import Reading, StoredInput
from waybill.services.stored_part import StoredPart


@dataclass(frozen=True, slots=True)
class RowsRead:
    """What a call did: ``done`` if the file is read, whole, or up to where it is ``broken``."""

    done: bool
    broken: Broken | None = None
    columns: tuple[str, ...] = ()


def stage_rows(
    stored: StoredInput, source: StoredPart, reading: Reading, *, doctype: Doctype, row_files: RowFiles, budget: Budget
) -> RowsRead:
    """Stage rows from where ``reading`` stands until the file or the budget ends; note in it how far that was."""
    reader = _reader(stored, source, reading, doctype)
    is_json = stored.format != "csv"
    for row in reader:
        if isinstance(row, Broken):
            return RowsRead(done=True, broken=row, columns=reading.resume.columns)
        line = line_of(row, stored.name, is_json=is_json)
        row_files.add(stored.doctype, turn_of(doctype, row.value), line)
        reading.count += 1
        reading.resume = reader.resume()
        if budget.spent():
            return RowsRead(done=False)
    reading.resume = reader.resume()
    return RowsRead(done=True, columns=reading.resume.columns)


def turn_of(doctype: Doctype | None, record: dict[str, object] | None) -> int:
    """Return in which pass a row is judged and written: of a files doctype directories come first."""
    if doctype is not None and doctype.has_files and record is not None and record.get("type") == "directory":
        return import_keys.DIRECTORIES_FIRST
    return import_keys.OTHERS


class _Schema(msgspec.Struct):
    properties: dict[str, msgspec.Raw] = {}
    required: list[str] = []
    additional: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"true"), name="additionalProperties")


def _reader(stored: StoredInput, source: StoredPart, reading: Reading, doctype: Doctype) -> RowReader:
    known, required = _columns(doctype) if stored.format == "csv" else (None, ())
    return rows(
        stored.format,
        source.open(reading.resume.offset),
        start=reading.resume,
        types=column_types(doctype.schema),
        known=known,
        required=required,
    )


def _columns(doctype: Doctype) -> tuple[Collection[str] | None, Collection[str]]:
    """Return the fields that there are, None if others may be, and those that every record must have.

    What a chat's doctypes need is not in their schemas, which are those of exports.
    """
    if doctype.name in CHAT_REFERENCES:
        return None, ()
    try:
        schema = msgspec.json.decode(doctype.schema, type=_Schema)
    except msgspec.DecodeError:
        return None, ()
    return (schema.properties if bytes(schema.additional) == b"false" else None), schema.required
