"""Small exports for the tests of the archive: made by the same calls as the services make, read by foreign readers."""

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import zstandard

from waybill.archive.container import Container, container_of
from waybill.archive.errors import ContentLost
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.layout import ArchiveLayout
from waybill.archive.layouts import archive_layout_of
from waybill.archive.part import Copy, Materials, PartState, PartWriter, SafePoint
from waybill.archive.paths import PathBook
from waybill.archive.plan_parts import plan_parts
from waybill.domain.ledger import Gap
from waybill.domain.options import FORMATS_OF
from waybill.domain.plan import (
    Entry,
    FileEntry,
    FileReference,
    PackedPart,
    PartPlan,
    PartsHeader,
    SegmentSlice,
    StoredDigests,
)

CONTAINERS: Mapping[str, Container] = {name: container_of(name) for name in FORMATS_OF["bag"]}
TAR_GZIP = CONTAINERS["tar.gz"]
GROUP = "f" * 32
SCHEMA = '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}'

each_format = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())

BAG = archive_layout_of("bag")

Opener = Callable[[FileReference], Iterable[bytes]]


@dataclass(frozen=True)
class Part:
    """A finished part: its plan, its bytes and what the writer said of it."""

    plan: PartPlan
    data: bytes
    packed: PackedPart


@dataclass
class Export:
    """What an export holds, and the segments that its records are staged in."""

    container: Container = TAR_GZIP
    layout: ArchiveLayout = BAG
    entries: list[tuple[str, Entry]] = field(default_factory=list)
    files: list[FileEntry] = field(default_factory=list)
    schemas: dict[str, str] = field(default_factory=dict)
    segments: dict[str, bytes] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    payload: dict[str, bytes] = field(default_factory=dict)
    copied: list[str] = field(default_factory=list)
    parts_size: int = 0
    _book: PathBook = field(default_factory=PathBook)

    def add_records(self, doctype: str, contents: Sequence[bytes], *, schema: str = SCHEMA) -> None:
        """Stage record entries with these contents in a segment of their own."""
        key = f"segments/{len(self.segments)}"
        segment = bytearray()
        for content in contents:
            path = f"data/{doctype}/0001-{len(self.payload) + 1:06}.ndjson"
            packed = b"".join(self.container.pack([content]))
            digest = hashlib.sha256(content).hexdigest()
            records = content.count(b"\n")
            entry = Entry(path, doctype, len(content), digest, records, len(segment), len(packed), 1_600_000_000)
            self.entries.append((key, entry))
            self.payload[path] = content
            segment += packed
        self.segments[key] = bytes(segment)
        self.schemas[doctype] = schema

    def add_file(self, path: str, content: bytes, *, mime: str = "", executable: bool = False) -> FileEntry:
        """Put a file into the export."""
        number = len(self.files)
        name = path.rpartition("/")[2]
        reference = FileReference(
            f"file-{number}", name, "root", f"key-{number}", len(content), '"etag"', mime, 1_500_000_000, executable
        )
        entry = FileEntry(self._book.unique(f"data/files/{path}"), "io.cozy.files", reference)
        self.files.append(entry)
        self.contents[reference.key] = content
        self.payload[entry.path] = content
        return entry

    def plans(self, parts_size: int) -> list[PartPlan]:
        """Cut the export into parts."""
        return list(
            plan_parts(
                self.entries,
                self.files,
                parts_size=parts_size,
                schemas=self.schemas,
                container=self.container,
                layout=self.layout,
            )
        )

    def read_segment(self, piece: SegmentSlice) -> Iterator[bytes]:
        """Yield a slice in two chunks that are cut anywhere."""
        data = self.segments[piece.key][piece.offset : piece.offset + piece.length]
        yield data[: len(data) // 3]
        yield data[len(data) // 3 :]

    def open_file(self, reference: FileReference) -> Iterator[bytes]:
        """Yield a file in chunks of 50,000 bytes."""
        content = self.contents[reference.key]
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    def stored_digests(self, file: FileEntry) -> StoredDigests:
        """Say what a store knows that was given the SHA-256 with the file."""
        return StoredDigests(hashlib.sha256(self.contents[file.reference.key]).hexdigest())

    def pack(self, parts_size: int, *, open_file: Opener | None = None, group: str = GROUP) -> list[Part]:
        """Make all parts, as PackPart does it."""
        plans = self.plans(parts_size)
        header = PartsHeader(group, len(plans), 1)
        self.parts_size = parts_size
        return [self._pack(plan, header, open_file or self.open_file) for plan in plans]

    def _pack(self, plan: PartPlan, header: PartsHeader, open_file: Opener) -> Part:
        lost: dict[str, Gap] = {}
        while True:
            try:
                return self.written(plan, self.writer(plan, header, open_file, lost))
            except ContentLost as error:
                lost[error.path] = error.gap

    def written(self, plan: PartPlan, writer: PartWriter) -> Part:
        """Draw a writer to its end, copying what it wants to have copied."""
        data, fingerprint = bytearray(), Fingerprint(1 << 24)
        for step in writer.steps():
            if isinstance(step, bytes):
                fingerprint.update(step)
                data += step
            elif isinstance(step, Copy):
                content = self.contents[step.file.reference.key]
                header = step.entry.header(zlib.crc32(content))
                assert len(header) == step.entry.header_length
                fingerprint.update(header)
                fingerprint.skip(len(content))
                data += header + content
                self.copied.append(step.file.path)
        return Part(plan, bytes(data), writer.packed(fingerprint, zlib.crc32(data)))

    def writer(
        self,
        plan: PartPlan,
        header: PartsHeader,
        open_file: Opener,
        lost: Mapping[str, Gap] | None = None,
        state: PartState | None = None,
    ) -> PartWriter:
        """Return the writer of one part."""
        return PartWriter(
            plan,
            header,
            layout=self.layout,
            container=self.container,
            schemas=self.schemas,
            parts_size=self.parts_size,
            materials=Materials(
                self.read_segment, lambda reference, start: _from(open_file(reference), start), self.stored_digests
            ),
            lost=lost,
            state=state,
        )

    def written_with_rests(
        self, plan: PartPlan, header: PartsHeader, rests: Callable[[int], bool]
    ) -> tuple[bytes, int]:
        """Write a part, with a new writer from the state of the old one at every safe point that ``rests`` chooses.

        Return the bytes, and how many writers it took.
        """
        data, state, points, writers = bytearray(), None, 0, 0
        while True:
            writer = self.writer(plan, header, self.open_file, state=state)
            writers += 1
            for step in writer.steps():
                if isinstance(step, bytes):
                    data += step
                elif isinstance(step, Copy):
                    content = self.contents[step.file.reference.key]
                    data += step.entry.header(zlib.crc32(content)) + content
                elif isinstance(step, SafePoint):
                    points += 1
                    if rests(points):
                        state = msgspec.json.decode(msgspec.json.encode(writer.state()), type=PartState)
                        break
            else:
                return bytes(data), writers


def _from(chunks: Iterable[bytes], start: int) -> Iterator[bytes]:
    """Yield what chunks hold from some byte on."""
    for chunk in chunks:
        if start < len(chunk):
            yield chunk[start:]
        start = max(start - len(chunk), 0)


def unpack(data: bytes) -> dict[str, bytes]:
    """Return what Python's tarfile or zipfile reads out of an archive: contents by path."""
    if data.startswith(b"PK"):
        return _unzip(data)
    with tarfile.open(fileobj=io.BytesIO(plain(data)), mode="r:*") as archive:
        members = archive.getmembers()
        assert all(member.isreg() or member.name.endswith("/data") for member in members)
        assert len({member.name for member in members}) == len(members)
        return {member.name: _content(archive, member) for member in members if member.isreg()}


def _unzip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert all(name.endswith("/data/") or not name.endswith("/") for name in names)
        assert len(set(names)) == len(names)
        return {name: archive.read(name) for name in names if not name.endswith("/")}


def plain(data: bytes) -> bytes:
    """Return a tar archive without its Zstandard frames, which Python reads itself only from 3.14 on."""
    if not data.startswith(zstandard.FRAME_HEADER):
        return data
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


def payload(parts: Iterable[Part]) -> dict[str, bytes]:
    """Return the payload of all parts together, paths relative to their bags."""
    found: dict[str, bytes] = {}
    for part in parts:
        for path, content in unpack(part.data).items():
            inner = path.partition("/")[2]
            if inner.startswith("data/"):
                assert inner not in found
                found[inner] = content
    return found


def extract(data: bytes, folder: Path) -> Path:
    """Extract an archive, tar with tarfile's safest filter; return the bag's directory, which must be all there is."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            zipped.extractall(folder)
    else:
        with tarfile.open(fileobj=io.BytesIO(plain(data)), mode="r:*") as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # absent before Python 3.11.4
            archive.extractall(folder)
    (bag,) = folder.iterdir()
    return bag


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()
