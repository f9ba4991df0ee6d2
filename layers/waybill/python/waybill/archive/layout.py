"""What planning and packing need of a layout: where contents lie in a part, and what a part has besides them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from waybill.archive.container import Container, EntryWriter
from waybill.domain.plan import Entry, FileEntry, PartPlan, PartsHeader


@dataclass(frozen=True, slots=True)
class Contents:
    """What a part turned out to hold: its ``entries``, the sum of their sizes, and the digest of the list of them.

    ``list_sha256`` is None in a layout that lists nothing inside the part.
    """

    entries: int
    payload_size: int
    list_sha256: str | None


class PartLayout(Protocol):
    """Lays out one part. Its methods are called in the order in which they stand; what they yield is drawn at once."""

    def opening(self, writer: EntryWriter) -> Iterator[bytes]:
        """Yield what stands before all contents."""
        ...

    def records(self, writer: EntryWriter, entry: Entry, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a record entry, whose content was packed when it was read."""
        ...

    def before_file(self, writer: EntryWriter, file: FileEntry) -> Iterator[bytes]:
        """Yield what belongs in front of a file. The file is certain to follow, or the part is written again."""
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

    def name(self, number: int, parts: int) -> str:
        """Return the file name of part ``number`` of ``parts``, without extension."""
        ...

    def bounds(self, container: Container, schemas: Mapping[str, str], parts_size: int) -> PartBounds:
        """Return the bounds of parts. ``schemas`` has the JSON Schema text of every doctype."""
        ...

    def arranged(
        self, files: Sequence[FileEntry], container: Container, *, records: int, bound: int
    ) -> Sequence[FileEntry]:
        """Return the files of a part of at most ``bound`` bytes in their order, behind ``records`` bytes of records."""
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
