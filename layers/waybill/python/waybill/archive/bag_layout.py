"""The layout ``bag``: record entries and files under ``data``, tag files behind them (RFC 8493)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from waybill.archive import copying
from waybill.archive.bag import MANIFEST, PAYLOAD, Bag, BagBounds, base_name, schema_path
from waybill.archive.container import Container, EntryWriter
from waybill.archive.directories import DirectoryBook
from waybill.archive.enclosed import enclosed
from waybill.archive.layout import Contents, MadeRecords, PackedRecords, PartBounds, PartLayout, Record
from waybill.archive.plan_parts import entry_target
from waybill.domain.plan import Entry, FileEntry, PartPlan, PartsHeader


class BagLayout:
    """The layout as planning and packing see it (``layout.Layout``)."""

    needs_sha256 = True
    pairs_files = False
    gathers_records = False
    files_root = f"{PAYLOAD}/files"

    def entry_target(self, parts_size: int) -> int:
        """Return how many bytes of NDJSON to put into one record entry."""
        return entry_target(parts_size)

    def pack_records(self, container: Container, doctype: str, name: str, records: Sequence[Record]) -> PackedRecords:
        """Return a file of NDJSON: one JSON object a line."""
        content = b"".join(b"%b\n" % record.line for record in records)
        packed = b"".join(container.pack([content]))
        path = f"{PAYLOAD}/{doctype}/{name}.ndjson"
        return PackedRecords(path, len(content), hashlib.sha256(content).hexdigest(), packed)

    def file_record(self, line: bytes, size: int) -> bytes:  # noqa: ARG002
        """Return the record as it is; the files' records are among the record entries."""
        return line

    def made_first(self, tenant: str) -> Iterator[MadeRecords]:  # noqa: ARG002
        """Yield nothing: what is made stands in the tag files."""
        yield from ()

    def made_last(self, directories: DirectoryBook) -> Iterator[MadeRecords]:  # noqa: ARG002
        """Yield nothing: the directories' records are among the record entries."""
        yield from ()

    def name(self, number: int, parts: int) -> str:
        """Return the part's name, which is also that of the directory that it unpacks to."""
        return base_name(number, parts)

    def bounds(self, container: Container, schemas: Mapping[str, str], parts_size: int) -> PartBounds:
        """Return the bounds of parts."""
        return BagBounds(container, schemas, enclosed(parts_size))

    def arranged(
        self, files: Sequence[FileEntry], container: Container, *, records: int, bound: int
    ) -> Sequence[FileEntry]:
        """Return the files so that those which the store copies have others in between."""
        return copying.arranged(files, container, written=records, bound=bound)

    def part(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        container: Container,
        schemas: Mapping[str, str],
        parts_size: int,
        state: bytes | None = None,
    ) -> PartLayout:
        """Return what lays out a part."""
        return _BagPart(plan, header, container=container, schemas=schemas, tools=enclosed(parts_size), state=state)


class _State(msgspec.Struct):
    listed: list[bytes]
    payload_size: int
    newest: int


class _BagPart:
    """One part (``layout.PartLayout``)."""

    def __init__(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        container: Container,
        schemas: Mapping[str, str],
        tools: Mapping[str, bytes],
        state: bytes | None,
    ) -> None:
        self._plan = plan
        self._container = container
        self._schemas = schemas
        self._tools = tools
        self._bag = Bag(plan.number, header.parts, header.group)
        self._newest = 0
        self._list_sha256: str | None = None
        if state:
            start = msgspec.msgpack.decode(state, type=_State)
            self._bag.restore(start.listed, start.payload_size)
            self._newest = start.newest

    def opening(self, writer: EntryWriter) -> Iterator[bytes]:  # noqa: ARG002
        """Yield nothing: a bag begins with its payload."""
        yield from ()

    def records(self, writer: EntryWriter, entry: Entry, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a record entry."""
        yield from writer.packed_entry(self._bag.base + entry.path, entry.size, entry.updated_at, packed)
        self._list(entry.path, entry.size, entry.sha256, entry.updated_at)

    def before_file(self, writer: EntryWriter, file: FileEntry, record: bytes) -> Iterator[bytes]:  # noqa: ARG002
        """Yield nothing: the file's record is among the record entries."""
        yield from ()

    def place(self, file: FileEntry) -> str:
        """Return the path of a file in the archive."""
        return self._bag.base + file.path

    def wrote_file(self, file: FileEntry, sha256: str | None) -> None:
        """List a file. Raises ValueError if there is no digest to list it with."""
        if sha256 is None:
            raise ValueError("A bag lists every file with its SHA-256.")
        self._list(file.path, file.reference.size, sha256, file.reference.updated_at)

    def closing(self, writer: EntryWriter) -> Iterator[bytes]:
        """Yield schemas, the program that checks, and the tag files."""
        base = self._bag.base
        if not self._bag.entries:  # the payload directory is there even if it is empty: RFC 8493, section 2.1.2
            yield from writer.directory(base + PAYLOAD, self._newest)
        doctypes = sorted({entry.doctype for entry in self._plan.entries})
        schemas = [(schema_path(doctype), self._schemas[doctype].encode()) for doctype in doctypes]
        for path, content in [*schemas, *self._tools.items()]:
            packed = self._container.pack([content])
            yield from writer.packed_entry(base + path, len(content), self._newest, packed)
            self._bag.add_tag(path, content)
        for path, content in self._bag.tag_files():
            yield from writer.entry(base + path, len(content), self._newest, [content])
            if path == MANIFEST:
                self._list_sha256 = hashlib.sha256(content).hexdigest()

    def contents(self) -> Contents:
        """Return what the part holds."""
        return Contents(self._bag.entries, self._bag.payload_size, self._list_sha256)

    def state(self) -> bytes:
        """Return what another one needs to go on."""
        return msgspec.msgpack.encode(_State(self._bag.listed(), self._bag.payload_size, self._newest))

    def _list(self, path: str, size: int, sha256: str, updated_at: int) -> None:
        self._bag.add_payload(path, size, sha256)
        self._newest = max(self._newest, updated_at)
