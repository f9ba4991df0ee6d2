"""A chain of exports: each holds what has changed since the last good one before it.

A run of a chain leaves a baseline: of every record that the chain holds up to there its key, a digest of its line and
the version of its file. The next run compares the source with that, so that neither clocks nor times in the records
decide what has changed.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from waybill.domain.catalog import Doctype, FilesSource, SystemSource
from waybill.domain.errors import InvalidOptions
from waybill.domain.options import LAYOUTS, ExportOptions
from waybill.domain.postgres import PostgresDump, PostgresRows

BAG = LAYOUTS[0]

JOINT = "\0"
"""Between the sort key and the id in the key of a record that is read from an index."""

_DIGEST_BYTES = 16
"""Of a SHA-256: no two versions of one record meet by chance."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The place of an export in its chain.

    ``key`` names the chain, hexadecimal digits that say nothing of the tenant. ``parent_export`` and the SHA-256 of its
    manifest are those of the last good run when this one was asked for, empty if there was none.
    """

    key: str
    parent_export: str = ""
    parent_manifest_sha256: str = ""


@dataclass(frozen=True, slots=True)
class GoodRun:
    """The last run of a chain that was done: its export, the SHA-256 of its manifest, and when it was noted."""

    export_id: str
    manifest_sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Increment:
    """What an export of a chain is: ``full``, for a ``reason``, or what has changed since its parent.

    The parent is named only if the export builds on it.
    """

    full: bool
    reason: str = ""
    parent_export: str = ""
    parent_manifest_sha256: str = ""


@dataclass(frozen=True, slots=True)
class BaselinePiece:
    """An object with rows of one doctype, in their order, the keys of the first and the last of them included."""

    doctype: str
    object_key: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a run leaves for the next one. It is written last, so where it is everything is.

    ``orders`` has of every doctype how its keys are ordered (``KeyOrder.name``). ``lost`` are doctype and key of files
    whose content the rows promise and the parts do not have.
    """

    orders: dict[str, str]
    pieces: tuple[BaselinePiece, ...]
    manifest_sha256: str
    lost: tuple[tuple[str, str], ...] = ()


class Row(NamedTuple):
    """What the chain holds under one key.

    ``digest`` is that of the record's line, empty if the record could not be read in the last run. ``etag`` and
    ``size`` are those of its file, empty if it has none or if it could not be had. What is empty is exported as soon as
    it can be read.
    """

    key: str
    digest: bytes
    etag: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """How a source orders its keys: by bytes of UTF-8 or as numbers; ``indexed`` keys have an id behind ``JOINT``.

    A key of ``columns`` is the JSON of one value, or an array of several; numbers in it are ordered as numbers, texts
    by bytes.
    """

    numeric: bool = False
    indexed: bool = False
    columns: bool = False

    @property
    def name(self) -> str:
        """A text for all of that."""
        if self.columns:
            return "columns"
        return f"{'number' if self.numeric else 'text'}{' and id' if self.indexed else ''}"

    def sort_key(self, key: str) -> str:
        """Return the sort key in a key."""
        return key.rpartition(JOINT)[0] if self.indexed else key

    def place(self, key: str) -> tuple[Decimal | str, ...]:
        """Return what compares as the source orders."""
        if self.columns:
            return tuple(_places_of_columns(key))
        sort, _, name = key.rpartition(JOINT) if self.indexed else (key, "", "")
        return (Decimal(sort) if self.numeric else sort), name


def _places_of_columns(key: str) -> Iterator[Decimal | str]:
    """Yield two places for each column, the first of which keeps numbers before texts."""
    found = json.loads(key, parse_int=Decimal, parse_float=Decimal)
    for value in found if isinstance(found, list) else [found]:
        is_number = isinstance(value, Decimal)
        yield "number" if is_number else "text"
        yield value if is_number or isinstance(value, str) else str(value)


def order_of(doctype: Doctype) -> KeyOrder:
    """Return how the keys of a doctype are ordered."""
    if isinstance(doctype.source, SystemSource):
        return KeyOrder(numeric=False, indexed=False)
    if isinstance(doctype.source, PostgresRows | PostgresDump):
        return KeyOrder(columns=isinstance(doctype.source, PostgresRows))
    table = doctype.source.index if isinstance(doctype.source, FilesSource) else doctype.source
    return KeyOrder(numeric=table.sort_key_type == "N", indexed=table.index is not None)


def check_can_chain(options: ExportOptions) -> None:
    """Raise InvalidOptions if exports with these options cannot build on each other."""
    if options.layout != BAG:
        raise InvalidOptions(
            f"An incremental export comes in the layout bag, and not in {options.layout}: only there deletions have a "
            "place. Choose the layout bag, or set incremental to false.",
            "/data/attributes/layout",
        )


def digest_of(line: bytes) -> bytes:
    """Return the digest of a record's line."""
    return hashlib.sha256(line).digest()[:_DIGEST_BYTES]


def increment(chain: Chain, orders: Mapping[str, str], parent: Baseline | None) -> Increment:
    """Return what the export is to be; ``parent`` is the baseline of its parent if it can be read."""
    if not chain.parent_export:
        return Increment(full=True, reason="first_run")
    if parent is None:
        return Increment(full=True, reason="baseline_missing")
    if parent.orders != orders:
        return Increment(full=True, reason="doctypes_changed")
    return Increment(full=False, parent_export=chain.parent_export, parent_manifest_sha256=chain.parent_manifest_sha256)


@dataclass(frozen=True, slots=True)
class Slice:
    """The keys that one reading covers: sort keys in ``[first, last)``, behind the key ``after``."""

    order: KeyOrder = field(default_factory=KeyOrder)
    first: str | None = None
    last: str | None = None
    after: str | None = None

    def is_behind(self, key: str) -> bool:
        """Whether a key comes too early to be in it."""
        if self.after is not None and self.order.place(key) <= self.order.place(self.after):
            return True
        if self.first is None:
            return False
        if self.order.columns:
            return self.order.place(key) < self.order.place(self.first)
        return self.order.sort_key(key) < self.first

    def is_beyond(self, key: str) -> bool:
        """Whether a key comes too late to be in it."""
        if self.last is None:
            return False
        if self.order.columns:
            return self.order.place(key) >= self.order.place(self.last)
        return self.order.sort_key(key) >= self.last

    def pieces(self, pieces: Iterable[BaselinePiece]) -> Iterator[BaselinePiece]:
        """Yield those of one doctype's pieces that may have rows in it."""
        for piece in pieces:
            if not self.is_behind(piece.last) and not self.is_beyond(piece.first):
                yield piece

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows in it."""
        for row in rows:
            if self.is_beyond(row.key):
                return
            if not self.is_behind(row.key):
                yield row
