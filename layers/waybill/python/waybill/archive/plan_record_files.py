"""Which records go into which part, where a part is one file with records of one doctype."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from waybill.archive.paths import PathBook
from waybill.archive.plan_parts import MAX_ENTRIES_PER_PART
from waybill.archive.record_form import RecordForm
from waybill.domain.errors import InvalidOptions
from waybill.domain.plan import Entry, PartPlan, SegmentSlice

MOST_COLUMNS = 16_384
"""Of one doctype: what spreadsheets take (Microsoft, "Excel specifications and limits"). More is no table."""

_ANYWHERE = "**."
"""Before a field that never leaves, wherever in a record it stands."""

_SCHEMA = msgspec.json.Decoder(dict[str, msgspec.Raw])


def columns_of(
    doctype: str, schema: str, fields: Iterable[str], leave_out: Iterable[str] = (), first: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the columns of a doctype: those that come ``first``, then what else records have, by name.

    Where none is said to come first, the properties of the schema do, in their order. Fields that never leave have no
    column. Raises InvalidOptions if there are more than MOST_COLUMNS.
    """
    known = tuple(first) or _properties(schema)
    hidden = {name.removeprefix(_ANYWHERE) for name in leave_out}.difference(first)
    columns = [name for name in (*known, *sorted(set(fields).difference(known))) if name not in hidden]
    if len(columns) > MOST_COLUMNS:
        raise InvalidOptions(
            f"The records of {doctype} have {len(columns):,} different fields, and a table has {MOST_COLUMNS:,} "
            "columns at most. Create the export with the format json, or without this doctype.",
            "/data/attributes/format",
        )
    return tuple(columns)


def plan_record_files(
    doctypes: Sequence[str],
    entries: Iterable[tuple[str, Entry]],
    *,
    parts_size: int,
    form: RecordForm,
    columns: Mapping[str, Sequence[str]],
    extension: str,
    created_at: str,
) -> Iterator[PartPlan]:
    """Yield the plans of all parts, numbered from 1.

    ``entries`` come with the key of their segment, those of one doctype together, in the order of ``doctypes``; their
    ``rows`` say where they may be cut. A doctype without records is one file all the same. A file has at most
    ``parts_size`` bytes, unless a single record is larger with what surrounds it. ``created_at`` begins the names.
    """
    book = PathBook()
    by_doctype = groupby(entries, key=lambda each: each[1].doctype)
    following = next(by_doctype, None)
    number = 0
    for doctype in doctypes:
        own: Iterable[tuple[str, Entry]] = ()
        if following is not None and following[0] == doctype:
            own = following[1]
        files = _files(own, form, columns.get(doctype, ()), parts_size)
        for index, file in enumerate(files, start=1):
            number += 1
            name = f"{created_at}_exported_{book.unique(_stem(doctype, index, extension))}"
            yield replace(file, number=number, name=name, doctype=doctype)
        if following is not None and following[0] == doctype:
            following = next(by_doctype, None)


def enough_file_size(size: int, doctypes: int, *, around: int, parts: int) -> int | None:
    """Return a ``parts_size`` with which doctypes of ``size`` bytes together surely take at most ``parts`` files.

    ``around`` is the most that a file has besides its records. Two files in a row of one doctype hold more than one
    could, so a doctype takes at most one file more than twice what its records would fill. None if there are more
    doctypes than files.
    """
    if doctypes > parts:
        return None
    share = -(-2 * size // (parts - doctypes)) if doctypes < parts else size
    return around + min(share, size)


def _stem(doctype: str, index: int, extension: str) -> str:
    """Return the end of a file's name. A slash, which would begin a directory, is made one of the forbidden letters."""
    further = f"_{index}" if index > 1 else ""
    return f"{doctype}{further}.{extension}".replace("/", "\\")


def _files(
    entries: Iterable[tuple[str, Entry]], form: RecordForm, columns: Sequence[str], parts_size: int
) -> Iterator[PartPlan]:
    file = _File(form, columns)
    for segment, entry in entries:
        start = length = records = 0
        for row, size in entry.rows:
            if not file.has_room(size, parts_size, begun=records > 0):
                file.take(segment, entry, (start, length, records))
                yield file.plan()
                file = _File(form, columns)
                start, length, records = start + length, 0, 0
            file.add(size)
            length, records = length + row, records + 1
        file.take(segment, entry, (start, length, records))
    yield file.plan()


class _File:
    """A file while it is being filled."""

    def __init__(self, form: RecordForm, columns: Sequence[str]) -> None:
        self._bound = form.empty_size(columns)
        self._overhead = form.row_overhead(columns)
        self._slices: list[SegmentSlice] = []
        self._entries: list[Entry] = []

    def has_room(self, size: int, parts_size: int, *, begun: bool) -> bool:
        """Whether a record can join. Into an empty file it can; ``begun`` says that some of its entry did already."""
        if not (self._entries or begun):
            return True
        return self._bound + size + self._overhead <= parts_size and len(self._entries) < MAX_ENTRIES_PER_PART

    def add(self, size: int) -> None:
        """Count a record in."""
        self._bound += size + self._overhead

    def take(self, segment: str, entry: Entry, run: tuple[int, int, int]) -> None:
        """Take in a run of an entry's records: from which byte, how many bytes, how many records."""
        start, length, records = run
        if records:
            offset = entry.offset + start
            self._slices.append(SegmentSlice(segment, offset, length))
            taken = replace(entry, offset=offset, length=length, size=length, records=records, rows=())
            self._entries.append(taken)

    def plan(self) -> PartPlan:
        """Return the file's plan, still without number and name."""
        return PartPlan(0, tuple(self._slices), tuple(self._entries), (), self._bound)


def _properties(schema: str) -> tuple[str, ...]:
    """Return the names of a JSON Schema's properties, in the order in which they stand."""
    try:
        known = _SCHEMA.decode(schema).get("properties")
        return tuple(_SCHEMA.decode(known)) if known is not None else ()
    except msgspec.DecodeError:
        return ()
