"""Which entries and files go into which part."""

from collections.abc import Iterable, Iterator, Mapping

from waybill.archive.container import Container
from waybill.archive.layout import ArchiveLayout
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
    layout: ArchiveLayout,
) -> Iterator[PartPlan]:
    """Yield the plans of all parts, numbered from 1: record entries first, then files.

    Which part they are in is decided in the order given; within a part ``layout`` arranges the files.

    ``entries`` come with the key of the segment that they are packed in. ``schemas`` has the text of the JSON Schema of
    every doctype that has entries. A part's ``bound`` is at most ``parts_size``, unless a single entry alone is larger
    with what surrounds it; then that entry stands alone in its part. A part has at most MAX_ENTRIES_PER_PART entries.
    If the layout wants all record entries in the first part, that takes them whatever they are. An export of nothing is
    one part. Holds one part's plan in memory.
    """
    bounds = layout.bounds(container, schemas, parts_size)

    def plan(draft: _Draft) -> PartPlan:
        records = sum(piece.length for piece in draft.slices)
        files = tuple(layout.arranged(draft.files, container, records=records, bound=draft.bound))
        return PartPlan(draft.number, tuple(draft.slices), tuple(draft.entries), files, draft.bound)

    draft = _Draft(1, bounds.empty())
    for segment, entry in entries:
        size = bounds.record(entry, first=entry.doctype not in draft.doctypes)
        if not (layout.gathers_records or draft.has_room(size, parts_size)):
            yield plan(draft)
            draft = _Draft(draft.number + 1, bounds.empty())
            size = bounds.record(entry, first=True)
        draft.add_record(segment, entry, size)
    for file in files:
        if not draft.has_room(bounds.file(file), parts_size):
            yield plan(draft)
            draft = _Draft(draft.number + 1, bounds.empty())
        draft.add_file(file, bounds.file(file))
    yield plan(draft)


class _Draft:
    """A part while it is being filled."""

    def __init__(self, number: int, bound: int) -> None:
        self.number = number
        self.doctypes: set[str] = set()
        self.bound = bound
        self.slices: list[SegmentSlice] = []
        self.entries: list[Entry] = []
        self.files: list[FileEntry] = []

    def has_room(self, size: int, parts_size: int) -> bool:
        """Whether an entry of at most ``size`` bytes can join. Into an empty part it can, however large it is."""
        count = len(self.entries) + len(self.files)
        return not count or (count < MAX_ENTRIES_PER_PART and self.bound + size <= parts_size)

    def add_record(self, segment: str, entry: Entry, size: int) -> None:
        """Take in a record entry; its slice becomes one with the slice before if they adjoin."""
        piece = SegmentSlice(segment, entry.offset, entry.length)
        last = self.slices[-1] if self.slices else None
        if last and last.key == segment and last.offset + last.length == entry.offset:
            self.slices[-1] = SegmentSlice(segment, last.offset, last.length + entry.length)
        else:
            self.slices.append(piece)
        self.entries.append(entry)
        self.doctypes.add(entry.doctype)
        self.bound += size

    def add_file(self, file: FileEntry, size: int) -> None:
        """Take in a file."""
        self.files.append(file)
        self.bound += size
