"""Write one part, step by step: its record entries, its files, and what its layout puts around them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from waybill.archive.container import Container, CopyingWriter
from waybill.archive.copied import CopiedEntry
from waybill.archive.copying import may_be_copied
from waybill.archive.cozy_gaps import left_out_with_its_file
from waybill.archive.errors import ContentLost, ContentSizeChanged
from waybill.archive.file_records import with_records
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.layout import Layout
from waybill.archive.media_types import compressible
from waybill.archive.sha256 import Sha256
from waybill.archive.streams import BLOCK, Stream, blocks, exactly
from waybill.domain.errors import (
    ObjectChanged,
    ObjectDenied,
    ObjectMissing,
    ObjectUnreadable,
    StorageUnavailable,
    WaybillError,
)
from waybill.domain.ledger import Count, Gap, Outcome, count_gaps
from waybill.domain.plan import (
    FileEntry,
    FileReference,
    PackedPart,
    PartPlan,
    PartsHeader,
    SegmentSlice,
    StoredDigests,
)

_READ_AHEAD = 64 * 1024
"""Bytes of a file that are there before its header is written: whatever goes wrong with them costs no new attempt."""

_REASONS = {
    "file_missing": "The file was gone when the export came to it.",
    "file_changed": "The file was changed while the export was made. A new export will have it.",
    "file_denied": "The store refused to give the file to the export. Ask the operator to grant access to it.",
    "file_unreadable": "The file could not be read to its end. Try a new export.",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """A step: the content of ``file`` is to be copied into the part here, between what ``entry`` puts around it.

    ``entry.header`` must be asked for its bytes before anybody asks for the writer's state or draws the last steps.
    ``crc32`` is that of the content, if the store knows it. The trailer follows as a step of its own.
    """

    file: FileEntry
    entry: CopiedEntry
    crc32: int | None


class SafePoint:
    """A step without bytes: now ``PartWriter.state`` can be asked for."""


class AllTold:
    """A step without bytes: the headers of all copied contents must have been asked for before the next step."""


_SAFE_POINT: Final = SafePoint()
_ALL_TOLD: Final = AllTold()

Step = bytes | Copy | SafePoint | AllTold


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose content is under way: how many bytes of it are written, and the state of their SHA-256."""

    consumed: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class PartState:
    """Where the writing of a part stands: what is done, and what the writer and the layout need to go on."""

    opened: bool
    entries_done: int
    files_done: int
    open_file: OpenFile | None
    writer: bytes
    layout: bytes
    file_counts: dict[str, Count]
    gaps: tuple[Gap, ...]
    copied: int


@dataclass(frozen=True, slots=True)
class Materials:
    """Where a part's contents come from.

    ``read_segment`` gives a slice's bytes, ``open_file`` a file's content from some byte on, both in chunks.
    ``stored_digests`` says what the store knows of a file that is to be copied.
    """

    read_segment: Callable[[SegmentSlice], Iterable[bytes]]
    open_file: Callable[[FileReference, int], Iterable[bytes]]
    stored_digests: Callable[[FileEntry], StoredDigests]


class PartWriter:
    """Writes the part of ``plan``: draw ``steps`` to the end, then ask ``packed``.

    ``schemas`` has the JSON Schema text of every doctype with entries in the part. ``lost`` names by path the files
    that are left out from the start, with the gap that goes into the ledger for each. ``state`` is what an earlier
    writer of the same part left; the bytes that follow are those that would have followed there. ``name`` is the part's
    file name.
    """

    def __init__(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        layout: Layout,
        container: Container,
        schemas: Mapping[str, str],
        parts_size: int,
        materials: Materials,
        lost: Mapping[str, Gap] | None = None,
        state: PartState | None = None,
    ) -> None:
        self._plan = plan
        self.name = plan.name or f"{layout.name(plan.number, header.parts)}.{container.extension}"
        self._container = container
        self._needs_sha256 = layout.needs_sha256
        self._writer = container.writer(state.writer if state else None)
        self._layout = layout.part(
            plan,
            header,
            container=container,
            schemas=schemas,
            parts_size=parts_size,
            state=state.layout if state else None,
        )
        self._materials = materials
        self._lost = lost or {}
        self._opened = state.opened if state else False
        self._entries_done = state.entries_done if state else 0
        self._files_done = state.files_done if state else 0
        self._rest = state.open_file if state else None
        self._file_counts = dict(state.file_counts) if state else {}
        self._gaps = list(state.gaps) if state else []
        self._copies = state.copied if state else 0
        self._consumed = 0
        self._sha256 = Sha256()
        self._complete = False

    def steps(self) -> Iterator[Step]:
        """Yield the part's bytes, in runs of about 1 MiB at most or as large as those that ``read_segment`` gives.

        Between them come the other steps. A file that is missing, has changed, is refused, or is shorter or longer than
        planned becomes a gap, and nothing of it is in the part. Raises ContentLost if that shows only after the file's
        header was written, and ContentSizeChanged if a segment is not as long as planned; then what was yielded since
        the last state is worthless. What else the callables raise passes.
        """
        if not self._opened:
            yield from self._layout.opening(self._writer)
            self._opened = True
        yield from self._records()
        yield from self._files()
        yield _ALL_TOLD
        yield from self._layout.closing(self._writer)
        yield from self._writer.end()
        self._complete = True

    def state(self) -> PartState:
        """Return what another writer needs to go on, at a SafePoint."""
        return PartState(
            opened=self._opened,
            entries_done=self._entries_done,
            files_done=self._files_done,
            open_file=OpenFile(self._consumed, self._sha256.state()) if self._consumed else None,
            writer=self._writer.state(),
            layout=self._layout.state(),
            file_counts=dict(self._file_counts),
            gaps=tuple(self._gaps),
            copied=self._copies,
        )

    def packed(self, fingerprint: Fingerprint, crc32: int | None) -> PackedPart:
        """Return what the part holds, whose bytes have these digests. Raises RuntimeError before the last step."""
        if not self._complete:
            raise RuntimeError("The part is not written yet.")
        records: Counter[str] = Counter()
        for entry in self._plan.entries:
            if entry.records:
                records[entry.doctype] += entry.records
        for doctype in {file.doctype for file in self._plan.files if file.reference.record is not None}:
            records[doctype] += self._file_counts[doctype].written
        contents = self._layout.contents()
        return PackedPart(
            number=self._plan.number,
            name=self.name,
            size=fingerprint.size,
            sha256=fingerprint.sha256,
            crc32=None if crc32 is None else f"{crc32:08x}",
            entries=contents.entries,
            payload_size=contents.payload_size,
            entry_list_sha256=contents.list_sha256,
            copied=self._copies,
            records_written=dict(records),
            file_counts=self._file_counts,
            gaps=tuple(self._gaps),
            piece_length=fingerprint.piece_length,
            pieces=fingerprint.pieces,
            first_file=self._plan.first_file,
        )

    def _records(self) -> Iterator[Step]:
        left = self._plan.entries[self._entries_done :]
        skipped = sum(entry.length for entry in self._plan.entries[: self._entries_done])
        slices = _behind(self._plan.slices, skipped) if left else []
        pieces = (exactly(self._materials.read_segment(piece), piece.length, piece.key) for piece in slices)
        stream = Stream(chain.from_iterable(pieces))
        for entry in left:
            packed = exactly(stream.take(entry.length), entry.length, entry.path)
            yield from self._layout.records(self._writer, entry, packed)
            self._entries_done += 1
            yield _SAFE_POINT

    def _files(self) -> Iterator[Step]:
        left = self._plan.files[self._files_done :]
        for file, record in with_records(left, self._materials.read_segment):
            outcome = Count(expected=1, written=1)
            found = self._found(file)
            if isinstance(found, Gap):
                self._gaps += [found] if file.reference.record is None else [found, left_out_with_its_file(found)]
                outcome = Count(expected=1) + count_gaps([found])
            elif isinstance(found, StoredDigests):
                yield from self._copied(file, record, found)
            else:
                yield from self._streamed(file, record, found)
            self._file_counts[file.doctype] = self._file_counts.get(file.doctype, Count()) + outcome
            self._files_done += 1
            self._consumed = 0
            yield _SAFE_POINT

    def _found(self, file: FileEntry) -> Gap | StoredDigests | Iterator[bytes]:
        """Return why there is no such file, or what is needed to copy it, or its content from where it was left.

        A small content is there in full by then, of a larger one the head.
        """
        if file.path in self._lost:
            return self._lost[file.path]
        reference = file.reference
        try:
            if self._rest is None and may_be_copied(self._container, reference, self._plan.bound):
                stored = self._materials.stored_digests(file)
                if stored.sha256 is not None or not self._needs_sha256:
                    return stored
            start = self._rest.consumed if self._rest else 0
            content = self._materials.open_file(reference, start)
            chunks = exactly(content, reference.size - start, file.path)
            return chain(_head(chunks), chunks)
        except (ObjectMissing, ObjectChanged, ObjectDenied, StorageUnavailable, ContentSizeChanged) as error:
            if self._rest is not None or isinstance(error, ObjectUnreadable):
                raise ContentLost(file.path, gap_of(file, error)) from error
            if type(error) is StorageUnavailable:
                raise
            return gap_of(file, error)

    def _copied(self, file: FileEntry, record: bytes, stored: StoredDigests) -> Iterator[Step]:
        if not isinstance(self._writer, CopyingWriter):
            raise TypeError("Nothing can be copied into this archive.")
        yield from self._layout.before_file(self._writer, file, record)
        reference = file.reference
        entry = self._writer.copied_entry(
            self._layout.place(file), reference.size, reference.updated_at, executable=reference.executable
        )
        self._copies += 1
        yield Copy(file, entry, stored.crc32)
        if entry.trailer:
            yield entry.trailer
        self._layout.wrote_file(file, stored.sha256)

    def _streamed(self, file: FileEntry, record: bytes, content: Iterator[bytes]) -> Iterator[Step]:
        reference, rest = file.reference, self._rest
        self._consumed = rest.consumed if rest else 0
        self._sha256 = Sha256(rest.sha256 if rest else None)
        self._rest = None

        def hashed() -> Iterator[bytes]:
            for block in blocks(content, BLOCK):
                self._sha256.update(block)
                self._consumed += len(block)
                yield block

        try:
            if rest is not None:
                written = self._writer.rest_of_entry(hashed())
            else:
                yield from self._layout.before_file(self._writer, file, record)
                written = self._writer.entry(
                    self._layout.place(file),
                    reference.size,
                    reference.updated_at,
                    hashed(),
                    executable=reference.executable,
                    compressible=compressible(reference.mime, reference.name),
                )
            for chunk in written:
                yield chunk
                if self._consumed and reference.size > BLOCK:
                    yield _SAFE_POINT
        except (ObjectMissing, ObjectChanged, ObjectDenied, StorageUnavailable, ContentSizeChanged) as error:
            raise ContentLost(file.path, gap_of(file, error)) from error
        self._layout.wrote_file(file, self._sha256.hexdigest())


def gap_of(file: FileEntry, error: WaybillError) -> Gap:
    """Return the line of the ledger for a file that cannot be had."""
    code = "file_changed"
    if isinstance(error, ObjectMissing):
        code = "file_missing"
    elif isinstance(error, ObjectDenied):
        code = "file_denied"
    elif isinstance(error, StorageUnavailable):
        code = "file_unreadable"
    return Gap(file.doctype, "file", file.reference.id, Outcome.FAILED, code, _REASONS[code])


def _behind(slices: Iterable[SegmentSlice], skipped: int) -> Iterator[SegmentSlice]:
    """Yield what is left of slices without their first ``skipped`` bytes."""
    for piece in slices:
        cut = min(skipped, piece.length)
        skipped -= cut
        if cut < piece.length:
            yield SegmentSlice(piece.key, piece.offset + cut, piece.length - cut)


def _head(chunks: Iterator[bytes]) -> list[bytes]:
    """Return as many chunks as hold _READ_AHEAD bytes, or all of them."""
    head: list[bytes] = []
    size = 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size >= _READ_AHEAD:
            break
    return head
