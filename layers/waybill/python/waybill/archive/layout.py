"""What planning and packing need of a layout: where contents lie in a part, and what a part has besides them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from waybill.archive.container import Container, EntryWriter
from waybill.archive.directories import DirectoryBook
from waybill.domain.plan import Entry, FileEntry, PartPlan, PartsHeader


@dataclass(frozen=True, slots=True)
class Contents:
    """What a part turned out to hold: its ``entries``, the sum of their sizes, and the digest of the list of them.

    ``list_sha256`` is None in a layout that lists nothing inside the part.
    """

    entries: int
    payload_size: int
    list_sha256: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read.

    ``key`` is what its source knows it by, ``line`` its JSON text in one line, ``updated_at`` whole Unix seconds.
    """

    key: str
    line: bytes
    updated_at: int


@dataclass(frozen=True, slots=True)
class PackedRecords:
    """Records as they lie in a segment: the ``path`` or name of their entry, size and SHA-256 of what was packed.

    ``rows`` and ``fields`` as in ``Entry`` and ``Staged``.
    """

    path: str
    size: int
    sha256: str
    packed: bytes
    rows: tuple[tuple[int, int], ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MadeRecords:
    """An entry that is not read but made, and how many ``records`` of the doctype it holds."""

    doctype: str
    records: int
    packed: PackedRecords


class PartLayout(Protocol):
    """Lays out one part. Its methods are called in the order in which they stand; what they yield is drawn at once."""

    def opening(self, writer: EntryWriter) -> Iterator[bytes]:
        """Yield what stands before all contents."""
        ...

    def records(self, writer: EntryWriter, entry: Entry, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a record entry, whose content was packed when it was read."""
        ...

    def before_file(self, writer: EntryWriter, file: FileEntry, record: bytes) -> Iterator[bytes]:
        """Yield what belongs in front of a file. The file is certain to follow, or the part is written again.

        ``record`` is the file's own, in a layout that pairs them.
        """
        ...

    def place(self, file: FileEntry) -> str:
        """Return the path of a file in the archive."""
        ...

    def wrote_file(self, file: FileEntry, sha256: str | None) -> None:
        """Take note of a file that was written."""
        ...

    def closing(self, writer: EntryWriter) -> Iterator[bytes]:
        """Yield what stands behind all contents, but not the end of the archive."""
        ...

    def contents(self) -> Contents:
        """Return what the part holds, once all is written."""
        ...

    def state(self) -> bytes:
        """Return what another one needs to go on. Asked between contents and within a file."""
        ...


class PartBounds(Protocol):
    """The most bytes that a part can have, whatever its contents turn out to be: what is planned with them fits."""

    def empty(self) -> int:
        """Return the bytes of a part without contents."""
        ...

    def record(self, entry: Entry, *, first: bool) -> int:
        """Return what a record entry adds to a part; ``first`` says that none of its doctype is in it yet."""
        ...

    def file(self, file: FileEntry) -> int:
        """Return what a file adds to a part."""
        ...


class Layout(Protocol):
    """A layout."""

    @property
    def needs_sha256(self) -> bool:
        """Whether a part must say the SHA-256 of every content in it."""
        ...

    @property
    def pairs_files(self) -> bool:
        """Whether a file's record goes in front of the file, and the directories' records in an order of their own."""
        ...

    @property
    def files_root(self) -> str:
        """Where in the archive the files go."""
        ...

    def entry_target(self, parts_size: int) -> int:
        """Return how many bytes of records to put into one record entry."""
        ...

    def pack_records(self, container: Container, doctype: str, name: str, records: Sequence[Record]) -> PackedRecords:
        """Return an entry of records, which is ``name`` among those of its doctype."""
        ...

    def file_record(self, line: bytes, size: int) -> bytes:
        """Return the record that goes in front of a file of ``size`` bytes. Asked only if files are paired."""
        ...

    def made_first(self, tenant: str) -> Iterator[MadeRecords]:
        """Yield what stands before all record entries and is not read from anywhere."""
        ...

    def made_last(self, directories: DirectoryBook) -> Iterator[MadeRecords]:
        """Yield what stands behind all record entries and can be made only when all is read."""
        ...

    def name(self, number: int, parts: int) -> str:
        """Return the file name of part ``number`` of ``parts``, without extension."""
        ...

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
        """Return what lays out a part, or one that goes on from where another was."""
        ...


class ArchiveLayout(Layout, Protocol):
    """A layout of archives, which hold record entries and files and are planned by ``plan_parts``."""

    @property
    def gathers_records(self) -> bool:
        """Whether all record entries go into the first part, however large it gets."""
        ...

    def bounds(self, container: Container, schemas: Mapping[str, str], parts_size: int) -> PartBounds:
        """Return the bounds of parts. ``schemas`` has the JSON Schema text of every doctype."""
        ...

    def arranged(
        self, files: Sequence[FileEntry], container: Container, *, records: int, bound: int
    ) -> Sequence[FileEntry]:
        """Return the files of a part of at most ``bound`` bytes in their order, behind ``records`` bytes of records."""
        ...
