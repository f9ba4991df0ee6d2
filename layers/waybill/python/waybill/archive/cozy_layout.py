"""The layout ``cozy``: what a Cozy imports (reference cozy-move, sections 2 and 4).

The first part holds every document, one an entry, and the directories, parents first. Then, in all parts, comes each
file's record and directly behind it the file, in the order of ids: the importer takes whatever stands behind a file's
record for its content. So a file that cannot be had leaves out its record as well.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from waybill.archive import cozy
from waybill.archive.bag import base_name
from waybill.archive.container import Container, EntryWriter
from waybill.archive.directories import DirectoryBook
from waybill.archive.layout import Contents, MadeRecords, PackedRecords, PartBounds, PartLayout, Record
from waybill.archive.media_types import compressible
from waybill.archive.zip_archive import ZipWriter
from waybill.archive.zip_runs import pack_run, run_bound
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Entry, FileEntry, PartPlan, PartsHeader

RUN_BYTES = 4 * MEBIBYTE
RUN_DOCUMENTS = 10_000

_MOST_GROUP_BYTES = 128
_MOST_PARTS = 99_999_999


class CozyLayout:
    """The layout as reading, planning and packing see it (``layout.Layout``). Its container is zip."""

    needs_sha256 = False
    pairs_files = True
    gathers_records = True
    files_root = cozy.FILES

    def entry_target(self, parts_size: int) -> int:  # noqa: ARG002
        """Return the size of a run, which the first part takes in whatever its own size."""
        return RUN_BYTES

    def pack_records(
        self,
        container: Container,  # noqa: ARG002
        doctype: str,
        name: str,
        records: Sequence[Record],
    ) -> PackedRecords:
        """Return a run of documents."""
        return _packed(
            f"{doctype}/{name}",
            [
                (cozy.document_path(doctype, cozy.document_id(each.key, each.line)), each.updated_at, each.line)
                for each in records
            ],
        )

    def file_record(self, line: bytes, size: int) -> bytes:
        """Return a file's record with its true size."""
        return cozy.with_true_size(line, size)

    def made_first(self, tenant: str) -> Iterator[MadeRecords]:
        """Yield the document that says whose data it is. It is no record of anybody's."""
        path, content = cozy.instance(tenant)
        yield MadeRecords(cozy.INSTANCES, 0, _packed(cozy.INSTANCES, [(path, 0, content)]))

    def made_last(self, directories: DirectoryBook) -> Iterator[MadeRecords]:
        """Yield runs of directories, parents first."""
        run: list[tuple[str, int, bytes]] = []
        doctype, size, number = "", 0, 0
        for each, directory in directories:
            if run and (each != doctype or size >= RUN_BYTES or len(run) >= RUN_DOCUMENTS):
                number += 1
                yield MadeRecords(doctype, len(run), _packed(f"{doctype}/directories-{number:06}", run))
                run, size = [], 0
            doctype, content = each, directory.record.encode()
            run.append((cozy.document_path(doctype, directory.id), directory.updated_at, content))
            size += len(content)
        if run:
            yield MadeRecords(doctype, len(run), _packed(f"{doctype}/directories-{number + 1:06}", run))

    def name(self, number: int, parts: int) -> str:
        """Return the part's name."""
        return base_name(number, parts)

    def bounds(self, container: Container, schemas: Mapping[str, str], parts_size: int) -> PartBounds:  # noqa: ARG002
        """Return the bounds of parts."""
        return _CozyBounds(container)

    def arranged(
        self,
        files: Sequence[FileEntry],
        container: Container,  # noqa: ARG002
        *,
        records: int,  # noqa: ARG002
        bound: int,  # noqa: ARG002
    ) -> Sequence[FileEntry]:
        """Return the files as they are, in the order of their ids."""
        return files

    def part(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        container: Container,  # noqa: ARG002
        schemas: Mapping[str, str],  # noqa: ARG002
        parts_size: int,  # noqa: ARG002
        state: bytes | None = None,
    ) -> PartLayout:
        """Return what lays out a part."""
        return _CozyPart(plan, header, state)


class _State(msgspec.Struct):
    entries: int
    payload_size: int


class _CozyPart:
    """One part (``layout.PartLayout``)."""

    def __init__(self, plan: PartPlan, header: PartsHeader, state: bytes | None) -> None:
        self._comment = cozy.part_comment(header.group, plan.number, header.parts)
        self._held = msgspec.msgpack.decode(state, type=_State) if state else _State(0, 0)

    def opening(self, writer: EntryWriter) -> Iterator[bytes]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def records(self, writer: EntryWriter, entry: Entry, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a run of documents."""
        archive = _zip(writer)
        before = archive.entries
        yield from archive.packed_run(entry.path, packed)
        self._held.entries += archive.entries - before
        self._held.payload_size += entry.size

    def before_file(self, writer: EntryWriter, file: FileEntry, record: bytes) -> Iterator[bytes]:
        """Yield the file's record."""
        path = cozy.document_path(file.doctype, file.reference.id)
        yield from writer.entry(path, len(record), file.reference.updated_at, [record])
        self._held.entries += 1
        self._held.payload_size += len(record)

    def place(self, file: FileEntry) -> str:
        """Return the path of a file in the archive."""
        return file.path

    def wrote_file(self, file: FileEntry, sha256: str | None) -> None:  # noqa: ARG002
        """Count a file."""
        self._held.entries += 1
        self._held.payload_size += file.reference.size

    def closing(self, writer: EntryWriter) -> Iterator[bytes]:
        """Yield nothing, but say in the archive's comment which part of what it is."""
        _zip(writer).comment = self._comment
        yield from ()

    def contents(self) -> Contents:
        """Return what the part holds."""
        return Contents(self._held.entries, self._held.payload_size, None)

    def state(self) -> bytes:
        """Return what another one needs to go on."""
        return msgspec.msgpack.encode(self._held)


class _CozyBounds:
    """The most bytes that a part can have (``layout.PartBounds``)."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def empty(self) -> int:
        """Return the bytes of a part without contents."""
        return self._container.end_bound() + len(cozy.part_comment("0" * _MOST_GROUP_BYTES, _MOST_PARTS, _MOST_PARTS))

    def record(self, entry: Entry, *, first: bool) -> int:  # noqa: ARG002
        """Return what a run of documents adds to a part."""
        return run_bound(entry.length, max(entry.records, 1))

    def file(self, file: FileEntry) -> int:
        """Return what a file and its record add to a part."""
        reference = file.reference
        shrinks = compressible(reference.mime, reference.name)
        content = self._container.entry_bound(file.path, reference.size, compressible=shrinks)
        if reference.record is None:
            return content
        path = cozy.document_path(file.doctype, reference.id)
        return content + self._container.entry_bound(path, reference.record.length, compressible=True)


def _packed(name: str, contents: Sequence[tuple[str, int, bytes]]) -> PackedRecords:
    digest = hashlib.sha256()
    for path, _, content in contents:
        digest.update(b"%b\0%d\0%b" % (path.encode(), len(content), content))
    size = sum(len(content) for _, _, content in contents)
    return PackedRecords(name, size, digest.hexdigest(), pack_run(contents))


def _zip(writer: EntryWriter) -> ZipWriter:
    if not isinstance(writer, ZipWriter):
        raise TypeError("The layout cozy comes as zip only.")
    return writer
