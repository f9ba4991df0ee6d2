"""Write one part: its record entries, its files, and the tag files that make it a bag."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from waybill.archive.bag import MANIFEST, PAYLOAD, Bag, base_name, schema_path
from waybill.archive.container import Container
from waybill.archive.errors import ContentLost, ContentSizeChanged
from waybill.archive.media_types import compressible
from waybill.archive.pieces import PieceDigests, piece_length
from waybill.archive.streams import Stream, exactly
from waybill.domain.errors import ObjectChanged, ObjectMissing, StorageUnavailable, WaybillError
from waybill.domain.ledger import Count, Gap, Outcome, count_gaps
from waybill.domain.plan import FileEntry, FileReference, PackedPart, PartPlan, PartsHeader, SegmentSlice

__all__ = ["ContentLost", "PartWriter"]

_READ_AHEAD = 64 * 1024
"""Bytes of a file that are there before its header is written: whatever goes wrong with them costs no new attempt."""

_REASONS = {
    "file_missing": "The file was gone when the export came to it.",
    "file_changed": "The file was changed while the export was made. A new export will have it.",
    "file_unreadable": "The file could not be read to its end. Try a new export.",
}


class PartWriter:
    """Writes the part of ``plan``: draw ``chunks`` to the end, then ask ``packed``.

    ``schemas`` has the JSON Schema text of every doctype with entries in the part, ``enclosed`` the files that every
    part brings along (``archive.enclosed``). ``read_segment`` gives a slice's
    bytes, ``open_file`` a file's content; both in chunks. ``lost`` names by path the files that are left out from the
    start, with the gap that goes into the ledger for each.
    """

    def __init__(
        self,
        plan: PartPlan,
        header: PartsHeader,
        *,
        container: Container,
        schemas: Mapping[str, str],
        read_segment: Callable[[SegmentSlice], Iterable[bytes]],
        open_file: Callable[[FileReference], Iterable[bytes]],
        lost: Mapping[str, Gap] | None = None,
        enclosed: Mapping[str, bytes] | None = None,
    ) -> None:
        self._plan = plan
        self._header = header
        self._container = container
        self._writer = container.writer()
        self._schemas = schemas
        self._read_segment = read_segment
        self._open_file = open_file
        self._lost = lost or {}
        self._enclosed = enclosed or {}
        self._bag = Bag(plan.number, header.parts, header.group)
        self._newest = 0
        self._entry_list_sha256 = ""
        self._file_counts: dict[str, Count] = {}
        self._gaps: list[Gap] = []
        self._packed: PackedPart | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the part's bytes, in pieces of about 1 MiB at most or as large as those that ``read_segment`` gives.

        A file that is missing, has changed, or is shorter or longer than planned becomes a gap, and nothing of it is in
        the part. Raises ContentLost if that shows only after the file's header was written, and ContentSizeChanged if
        a segment is not as long as planned; then what was yielded is worthless. What else the callables raise passes.
        """
        digest, size = hashlib.sha256(), 0
        pieces = PieceDigests(piece_length(self._plan.bound))
        for chunk in chain(self._records(), self._files(), self._tags(), self._writer.end()):
            digest.update(chunk)
            pieces.update(chunk)
            size += len(chunk)
            yield chunk
        self._packed = self._result(size, digest.hexdigest(), pieces)

    def packed(self) -> PackedPart:
        """Return what the part holds. Raises RuntimeError before ``chunks`` has ended."""
        if self._packed is None:
            raise RuntimeError("The part is not written yet.")
        return self._packed

    def _records(self) -> Iterator[bytes]:
        slices = (exactly(self._read_segment(piece), piece.length, piece.key) for piece in self._plan.slices)
        stream = Stream(chain.from_iterable(slices))
        for entry in self._plan.entries:
            packed = exactly(stream.take(entry.length), entry.length, entry.path)
            yield from self._writer.packed_entry(self._inside(entry.path), entry.size, entry.updated_at, packed)
            self._written(entry.path, entry.size, entry.sha256, entry.updated_at)

    def _files(self) -> Iterator[bytes]:
        for file in self._plan.files:
            content = self._lost.get(file.path) or self._begun(file)
            outcome = Count(expected=1, written=1)
            if isinstance(content, Gap):
                self._gaps.append(content)
                outcome = Count(expected=1) + count_gaps([content])
            else:
                yield from self._file(file, content)
            self._file_counts[file.doctype] = self._file_counts.get(file.doctype, Count()) + outcome

    def _begun(self, file: FileEntry) -> Iterator[bytes] | Gap:
        """Return the file's content after reading its head, which is all of a small file; or why there is none."""
        try:
            chunks = exactly(self._open_file(file.reference), file.reference.size, file.path)
            return chain(_head(chunks), chunks)
        except (ObjectMissing, ObjectChanged, ContentSizeChanged) as error:
            return _gap(file, error)

    def _file(self, file: FileEntry, content: Iterator[bytes]) -> Iterator[bytes]:
        reference = file.reference
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in content:
                digest.update(chunk)
                yield chunk

        try:
            yield from self._writer.entry(
                self._inside(file.path),
                reference.size,
                reference.updated_at,
                hashed(),
                executable=reference.executable,
                compressible=compressible(reference.mime, reference.name),
            )
        except (ObjectMissing, ObjectChanged, StorageUnavailable, ContentSizeChanged) as error:
            raise ContentLost(file.path, _gap(file, error)) from error
        self._written(file.path, reference.size, digest.hexdigest(), reference.updated_at)

    def _tags(self) -> Iterator[bytes]:
        if not self._bag.entries:  # the payload directory is there even if it is empty: RFC 8493, section 2.1.2
            yield from self._writer.directory(self._inside(PAYLOAD), self._newest)
        doctypes = sorted({entry.doctype for entry in self._plan.entries})
        schemas = [(schema_path(doctype), self._schemas[doctype].encode()) for doctype in doctypes]
        for path, content in [*schemas, *self._enclosed.items()]:
            packed = self._container.pack([content])
            yield from self._writer.packed_entry(self._inside(path), len(content), self._newest, packed)
            self._bag.add_tag(path, content)
        for path, content in self._bag.tag_files():
            yield from self._writer.entry(self._inside(path), len(content), self._newest, [content])
            if path == MANIFEST:
                self._entry_list_sha256 = hashlib.sha256(content).hexdigest()

    def _inside(self, path: str) -> str:
        return self._bag.base + path

    def _written(self, path: str, size: int, sha256: str, updated_at: int) -> None:
        self._bag.add_payload(path, size, sha256)
        self._newest = max(self._newest, updated_at)

    def _result(self, size: int, sha256: str, pieces: PieceDigests) -> PackedPart:
        records: Counter[str] = Counter()
        for entry in self._plan.entries:
            records[entry.doctype] += entry.records
        return PackedPart(
            number=self._plan.number,
            name=f"{base_name(self._plan.number, self._header.parts)}.{self._container.extension}",
            size=size,
            sha256=sha256,
            entries=self._bag.entries,
            payload_size=self._bag.payload_size,
            entry_list_sha256=self._entry_list_sha256,
            records_written=dict(records),
            file_counts=self._file_counts,
            gaps=tuple(self._gaps),
            piece_length=pieces.length,
            pieces=pieces.digests(),
        )


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


def _gap(file: FileEntry, error: WaybillError) -> Gap:
    code = "file_changed"
    if isinstance(error, ObjectMissing):
        code = "file_missing"
    elif isinstance(error, StorageUnavailable):
        code = "file_unreadable"
    return Gap(file.doctype, "file", file.reference.id, Outcome.FAILED, code, _REASONS[code])
