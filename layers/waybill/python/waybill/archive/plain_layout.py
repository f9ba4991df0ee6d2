"""The layout ``plain`` of the formats that hold records alone: a part is one file with records of one doctype.

When records are read, they are staged as lines of JSON text. Which of them fit into one file, and what columns there
are, is known when all are read; so the file gets its form when it is packed.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from waybill.archive.bag import base_name
from waybill.archive.container import Container, EntryWriter
from waybill.archive.directories import DirectoryBook
from waybill.archive.layout import Contents, MadeRecords, PackedRecords, PartLayout, Record
from waybill.archive.record_form import RecordForm, form_of
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Entry, FileEntry, PartPlan, PartsHeader

MOST_ENTRY_BYTES = 4 * MEBIBYTE


class PlainLayout:
    """The layout as reading and packing see it (``layout.Layout``)."""

    needs_sha256 = False
    pairs_files = False
    files_root = ""

    def entry_target(self, parts_size: int) -> int:
        """Return how many bytes of lines to put into one entry, which planning cuts where a file ends."""
        return min(parts_size, MOST_ENTRY_BYTES)

    def pack_records(self, container: Container, doctype: str, name: str, records: Sequence[Record]) -> PackedRecords:
        """Return the lines, the size of each of them and of what comes of it, and the names of their fields."""
        form = form_of(container.extension)
        content = b"".join(b"%b\n" % record.line for record in records)
        rows: list[tuple[int, int]] = []
        fields: dict[str, None] = {}
        for record in records:
            size, names = form.row_size(record.line)
            rows.append((len(record.line) + 1, size))
            fields.update(dict.fromkeys(names))
        digest = hashlib.sha256(content).hexdigest()
        return PackedRecords(f"{doctype}/{name}", len(content), digest, content, tuple(rows), tuple(fields))

    def file_record(self, line: bytes, size: int) -> bytes:  # noqa: ARG002
        """Return the record as it is."""
        return line

    def made_first(self, tenant: str) -> Iterator[MadeRecords]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def made_last(self, directories: DirectoryBook) -> Iterator[MadeRecords]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def name(self, number: int, parts: int) -> str:
        """Return a name for a part whose plan has none."""
        return base_name(number, parts)

    def part(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        container: Container,
        schemas: Mapping[str, str],  # noqa: ARG002
        parts_size: int,  # noqa: ARG002
        state: bytes | None = None,
    ) -> PartLayout:
        """Return what lays out a part."""
        return _RecordFile(form_of(container.extension), header.columns.get(plan.doctype, ()), state)


class _State(msgspec.Struct):
    size: int
    empty: bool


class _RecordFile:
    """One part (``layout.PartLayout``)."""

    def __init__(self, form: RecordForm, columns: Sequence[str], state: bytes | None) -> None:
        self._form = form
        self._columns = columns
        self._held = msgspec.msgpack.decode(state, type=_State) if state else _State(0, empty=True)

    def opening(self, writer: EntryWriter) -> Iterator[bytes]:  # noqa: ARG002
        """Yield what stands before the records."""
        yield self._counted(self._form.opening(self._columns))

    def records(self, writer: EntryWriter, entry: Entry, packed: Iterable[bytes]) -> Iterator[bytes]:  # noqa: ARG002
        """Yield records in their form."""
        lines = b"".join(packed).split(b"\n")[:-1]
        rows = self._form.rows(lines, self._columns, first=self._held.empty)
        self._held.empty = False
        yield self._counted(rows)

    def before_file(self, writer: EntryWriter, file: FileEntry, record: bytes) -> Iterator[bytes]:  # noqa: ARG002
        """Yield nothing: no files are planned."""
        yield from ()

    def place(self, file: FileEntry) -> str:
        """Return the path of a file."""
        return file.path

    def wrote_file(self, file: FileEntry, sha256: str | None) -> None:  # noqa: ARG002
        """Count a file."""
        self._held.size += file.reference.size

    def closing(self, writer: EntryWriter) -> Iterator[bytes]:  # noqa: ARG002
        """Yield what stands behind the records."""
        closing = self._form.closing(empty=self._held.empty)
        if closing:
            yield self._counted(closing)

    def contents(self) -> Contents:
        """Return what the part holds: itself."""
        return Contents(1, self._held.size, None)

    def state(self) -> bytes:
        """Return what another one needs to go on."""
        return msgspec.msgpack.encode(self._held)

    def _counted(self, chunk: bytes) -> bytes:
        self._held.size += len(chunk)
        return chunk
