"""Which entries and files go into which part."""

from collections.abc import Iterable, Iterator, Mapping

from waybill.archive.bag import BagBounds, inside
from waybill.archive.container import Container
from waybill.archive.enclosed import enclosed
from waybill.archive.media_types import compressible
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Entry, FileEntry, PartPlan, SegmentSlice

MAX_ENTRIES_PER_PART = 25_000
"""Keeps a part's plan, and the manifest in it, within the memory of a worker."""

MOST_ENTRY_BYTES = 4 * MEBIBYTE


def entry_target(parts_size: int) -> int:
    """Return how many bytes of NDJSON to put into one record entry.

    Half a part, so that an entry fits beside its schema and the tag files even if it does not shrink, and usually
    several fit; at most MOST_ENTRY_BYTES. A single record that is larger is an entry of its own.

    A plain tar rounds all up to blocks of 512 bytes: its tag files and a schema take some 8 KiB, so in parts below
    about 20 KiB an entry does not fit beside them and stands alone in a part that is larger than asked for.
    """
    return min(parts_size // 2, MOST_ENTRY_BYTES)


def plan_parts(
    entries: Iterable[tuple[str, Entry]],
    files: Iterable[FileEntry],
    *,
    parts_size: int,
    schemas: Mapping[str, str],
    container: Container,
) -> Iterator[PartPlan]:
    """Yield the plans of all parts, numbered from 1: record entries first, then files, both in the order given.

    ``entries`` come with the key of the segment that they are packed in. ``schemas`` has the text of the JSON Schema of
    every doctype that has entries. A part's ``bound`` is at most ``parts_size``, unless a single entry alone is larger
    with what surrounds it; then that entry stands alone in its part. A part has at most MAX_ENTRIES_PER_PART entries.
    An export of nothing is one part. Holds one part's plan in memory.
    """
    bounds = _Bounds(container, schemas, enclosed(parts_size))
    draft = _Draft(1, bounds.bag.empty())
    for segment, entry in entries:
        if not draft.has_room(bounds.record(entry, draft), parts_size):
            yield draft.plan()
            draft = _Draft(draft.number + 1, bounds.bag.empty())
        draft.add_record(segment, entry, bounds.record(entry, draft))
    for file in files:
        if not draft.has_room(bounds.file(file), parts_size):
            yield draft.plan()
            draft = _Draft(draft.number + 1, bounds.bag.empty())
        draft.add_file(file, bounds.file(file))
    yield draft.plan()


class _Draft:
    """A part while it is being filled."""

    def __init__(self, number: int, bound: int) -> None:
        self.number = number
        self.doctypes: set[str] = set()
        self._bound = bound
        self._slices: list[SegmentSlice] = []
        self._entries: list[Entry] = []
        self._files: list[FileEntry] = []

    def has_room(self, size: int, parts_size: int) -> bool:
        """Whether an entry of at most ``size`` bytes can join. Into an empty part it can, however large it is."""
        count = len(self._entries) + len(self._files)
        return not count or (count < MAX_ENTRIES_PER_PART and self._bound + size <= parts_size)

    def add_record(self, segment: str, entry: Entry, size: int) -> None:
        """Take in a record entry; its slice becomes one with the slice before if they adjoin."""
        piece = SegmentSlice(segment, entry.offset, entry.length)
        last = self._slices[-1] if self._slices else None
        if last and last.key == segment and last.offset + last.length == entry.offset:
            self._slices[-1] = SegmentSlice(segment, last.offset, last.length + entry.length)
        else:
            self._slices.append(piece)
        self._entries.append(entry)
        self.doctypes.add(entry.doctype)
        self._bound += size

    def add_file(self, file: FileEntry, size: int) -> None:
        """Take in a file."""
        self._files.append(file)
        self._bound += size

    def plan(self) -> PartPlan:
        """Return the part as it is now."""
        return PartPlan(self.number, tuple(self._slices), tuple(self._entries), tuple(self._files), self._bound)


class _Bounds:
    """The most bytes that entries add to a part."""

    def __init__(self, container: Container, schemas: Mapping[str, str], tools: Mapping[str, bytes]) -> None:
        self.bag = BagBounds(container, schemas, tools)
        self._container = container

    def record(self, entry: Entry, draft: _Draft) -> int:
        """Return what a record entry adds to ``draft``, its schema included if it brings it along."""
        schema = 0 if entry.doctype in draft.doctypes else self.bag.schema(entry.doctype)
        packed = self._container.packed_bound(inside(entry.path), entry.size, entry.length)
        return packed + self.bag.payload_line(entry.path) + schema

    def file(self, file: FileEntry) -> int:
        """Return what a file adds to a part."""
        reference = file.reference
        shrinks = compressible(reference.mime, reference.name)
        entry = self._container.entry_bound(inside(file.path), reference.size, compressible=shrinks)
        return entry + self.bag.payload_line(file.path)
