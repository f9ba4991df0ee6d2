"""Which ``parts_size`` an export needs so that it has no more parts than it may have."""

from array import array
from collections.abc import Iterable, Sequence

from waybill.archive.plan_parts import MAX_ENTRIES_PER_PART, entry_target

_ENDLESS = 1 << 62


def enough_parts_size(records: int, files: Iterable[int], *, around: int, parts: int, more_than: int) -> int | None:
    """Return the smallest size above ``more_than`` with which an export surely has at most ``parts`` parts.

    ``records`` is what all record entries can take, ``files`` what each file can, in their order, ``around`` what a
    part has besides, all in bytes. Where files are cut is computed as planning does it. Records are packed into larger
    entries in larger parts, so of them only this is sure: two parts in a row hold more than one could. None if there
    are more files than so many parts may have.
    """
    sizes = array("Q", files)
    if _parts(records, sizes, around, _ENDLESS) > parts:
        return None
    low, high = more_than + 1, 2 * more_than
    while _parts(records, sizes, around, high) > parts:
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        if _parts(records, sizes, around, middle) > parts:
            low = middle + 1
        else:
            high = middle
    return low


def _parts(records: int, files: Sequence[int], around: int, parts_size: int) -> int:
    """Return the most parts that there can be with a ``parts_size``."""
    room = parts_size - around
    if records + sum(files) <= room and len(files) < MAX_ENTRIES_PER_PART:
        return 1
    entry = entry_target(parts_size)
    count = -(-records // max(room - entry, 1)) if records else 0
    left = entries = 0
    for size in files:
        if not entries or size > left or entries == MAX_ENTRIES_PER_PART:
            count, left, entries = count + 1, room, 0
        left -= size
        entries += 1
    return max(count, 1)
