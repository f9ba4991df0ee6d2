"""What the steps of an export hand to each other, by way of S3.

Every type here is stored as JSON under the keys of ``domain.keys``; a step that runs twice writes the same again.
"""

from dataclasses import dataclass, field

from waybill.domain.chain import BaselinePiece
from waybill.domain.ledger import Count, Gap


@dataclass(frozen=True, slots=True)
class Work:
    """What the state machine goes on with: whether the phase is over, and the list that the next Map reads.

    ``wait`` is how many seconds it lets pass before, 0 for none.
    """

    ready: bool
    key: str
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """An independently readable slice of one doctype: the sort keys in ``[first, last)``; None means no bound.

    ``number`` counts the export's shards from 0, ``index`` those of the doctype from 1.
    """

    number: int
    doctype: str
    first: str | None = None
    last: str | None = None
    index: int = 1


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """The shards that one worker reads, one after the other. ``batches`` is how many batches the export has.

    After ``seconds`` the worker stops, so that others can help with what is left; None means that nobody would help.
    """

    number: int
    batches: int
    shards: tuple[Shard, ...]
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record that lies by itself in a segment, as JSON text: where, and what it is."""

    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file as its index record and the bucket's listing give it.

    ``etag`` pins the version. ``size`` is the object's size in bytes, ``updated_at`` whole Unix seconds. ``record`` is
    there only in a layout that puts the file's record next to the file. If it is ``kept``, the object is one that the
    source has fetched for the export (``KeptContent``), and lies in the bucket of the archives, and ``directory`` is a
    path if it begins with a slash; else it is the id of a directory's record.
    """

    id: str
    name: str
    directory: str
    key: str
    size: int
    etag: str
    mime: str = ""
    updated_at: int = 0
    executable: bool = False
    record: StagedRecord | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class KeptContent:
    """A content that a source has fetched whole: its object in the bucket of the archives, which goes with the export.

    A file reference to it has its ``key``, ``size`` (bytes) and ``etag``, and is ``kept``.
    """

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredDigests:
    """What a store knows of an object without reading it: SHA-256 (hexadecimal) and CRC-32 of the whole, if it does."""

    sha256: str | None = None
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of the files index: its id and its full path (``/`` first).

    ``record`` is its JSON text, only in a layout that puts directories in an order of their own.
    """

    id: str
    path: str
    record: str = ""
    updated_at: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the archive's payload whose packed content is already in a segment.

    ``path`` is relative to the bag (``data/…``). ``size`` and ``sha256`` are of the content, ``offset`` and ``length``
    of the packed content within the segment. ``records`` is how many records it holds, ``updated_at`` (whole Unix
    seconds) when the youngest of them was last changed. In the layout ``cozy`` it is a run of entries, one for each
    record, and ``path`` no more than a name for it. In the layout ``plain`` it may be cut behind
    any record: ``rows`` has of each how many bytes it takes in the segment, and how many in a part.
    """

    path: str
    doctype: str
    size: int
    sha256: str
    records: int
    offset: int
    length: int
    updated_at: int = 0
    rows: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """What one flush of ReadChunk left behind: a segment, what is in it, and where to go on.

    ``count.expected`` is how many records the source gave. ``resume_after`` is the sort key of the last record that is
    accounted for. ``next_entry`` numbers the shard's next entry. ``total_records`` and ``total_bytes`` count the
    shard's record lines up to here. ``fields`` are the names of all fields of its records, if a format has columns.
    ``outside`` is how many records the source gave that lie outside the dates; they were not expected. ``as_of`` is the
    moment that they are of, empty if the source has no snapshots.

    Only an export of a chain has ``kept_files``, whose records have changed and whose contents have not, ``deleted``,
    how many records the source has no more, and ``baseline``, the rows of this flush.
    """

    shard: int
    sequence: int
    doctype: str
    segment: str | None
    entries: tuple[Entry, ...]
    directories: tuple[Directory, ...]
    files: tuple[FileReference, ...]
    count: Count
    file_count: Count
    gaps: tuple[Gap, ...]
    resume_after: str | None
    next_entry: int
    total_records: int
    total_bytes: int
    done: bool
    fields: tuple[str, ...] = ()
    outside: int = 0
    kept_files: tuple[FileReference, ...] = ()
    deleted: int = 0
    baseline: BaselinePiece | None = None
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class SegmentSlice:
    """A run of packed contents inside one segment."""

    key: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file and the path that it gets in the archive, in a bag without that of the bag (``data/files/…``).

    ``segment`` is the key of the one that the file's record lies in, if ``reference`` says that it has one.
    """

    path: str
    doctype: str
    reference: FileReference
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What goes into one part: ``slices`` hold ``entries``, in order; ``files`` follow.

    ``bound`` is the most bytes that the part can have. Only in the layout ``plain`` a part holds one ``doctype`` and
    has a ``name`` of its own.
    """

    number: int
    slices: tuple[SegmentSlice, ...]
    entries: tuple[Entry, ...]
    files: tuple[FileEntry, ...]
    bound: int
    name: str = ""
    doctype: str = ""

    @property
    def first_file(self) -> str:
        """``doctype/id`` of the first file, which the layout ``cozy`` names the part by; empty if there is none."""
        return f"{self.files[0].doctype}/{self.files[0].reference.id}" if self.files else ""


@dataclass(frozen=True, slots=True)
class PackBatch:
    """The parts that one worker packs, one after the other."""

    number: int
    parts: tuple[PartPlan, ...]


@dataclass(frozen=True, slots=True)
class PartsHeader:
    """What all parts share. ``group`` is derived from the content alone, so the same data gives the same name.

    ``columns`` are those of every doctype, if the format has columns.
    """

    group: str
    parts: int
    batches: int
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PackedPart:
    """One finished part.

    ``size``, ``sha256`` and ``crc32`` (hexadecimal) are of the part as downloaded. A part into which the store copied
    files has no ``sha256`` and no ``pieces``, and ``crc32`` only if the store tells it. ``entry_list_sha256`` is the
    digest of the part's own ``manifest-sha256.txt``, None in a layout without one; ``payload_size`` the sum of its
    ``entries`` contents. ``records_written`` maps doctype to number of records, ``file_counts`` doctype to the files'
    line of the ledger. ``copied`` is how many of the files the store copied. ``pieces`` are the SHA-256 of the part's
    pieces, all ``piece_length`` bytes long but the last.
    ``first_file`` is that of the part's plan, whatever became of the file.
    """

    number: int
    name: str
    size: int
    sha256: str | None
    crc32: str | None
    entries: int
    payload_size: int
    entry_list_sha256: str | None
    records_written: dict[str, int]
    file_counts: dict[str, Count]
    gaps: tuple[Gap, ...]
    piece_length: int = 0
    pieces: tuple[str, ...] = ()
    copied: int = 0
    first_file: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of an object in the making. ``crc32`` is None if nobody knows it."""

    number: int
    size: int
    etag: str
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one part: their length in bytes, and the SHA-256 of each."""

    length: int
    digests: tuple[str, ...]
