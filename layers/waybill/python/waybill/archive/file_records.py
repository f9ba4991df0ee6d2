"""The records that go next to their files, read from the segments in which they were staged one behind the other."""

from collections.abc import Callable, Iterable, Iterator

from waybill.archive.streams import BLOCK, exactly
from waybill.domain.plan import FileEntry, SegmentSlice, StagedRecord


def with_records(
    files: Iterable[FileEntry], read: Callable[[SegmentSlice], Iterable[bytes]]
) -> Iterator[tuple[FileEntry, bytes]]:
    """Yield the files, each with its record, or nothing if it has none of its own.

    Records that adjoin are read together, up to about a BLOCK at once and whole, because a long time may pass before
    the next one is asked for. Raises ContentSizeChanged if a segment is not as long as planned.
    """
    group: list[FileEntry] = []
    for file in files:
        if group and not _adjoins(group, file):
            yield from _read(group, read)
            group = []
        group.append(file)
    yield from _read(group, read)


def _adjoins(group: list[FileEntry], file: FileEntry) -> bool:
    last, record = group[-1].reference.record, file.reference.record
    if last is None or record is None:
        return False
    follows = file.segment == group[-1].segment and record.offset == last.offset + last.length
    return follows and record.offset + record.length - _record(group[0]).offset <= BLOCK


def _read(group: list[FileEntry], read: Callable[[SegmentSlice], Iterable[bytes]]) -> Iterator[tuple[FileEntry, bytes]]:
    if not group or group[0].reference.record is None:
        yield from ((file, b"") for file in group)
        return
    first, last = _record(group[0]), _record(group[-1])
    length = last.offset + last.length - first.offset
    if group[0].segment is None:
        raise ValueError("A record that goes next to its file lies in a segment.")
    content = read(SegmentSlice(group[0].segment, first.offset, length))
    text = b"".join(exactly(content, length, group[0].path))
    for file in group:
        record = _record(file)
        start = record.offset - first.offset
        yield file, text[start : start + record.length]


def _record(file: FileEntry) -> StagedRecord:
    if file.reference.record is None:
        raise ValueError("The file has no record of its own.")
    return file.reference.record
