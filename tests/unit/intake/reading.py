"""How the tests read: all rows of some bytes, cut into chunks anywhere, or in two halves by two readers."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from waybill.intake.formats import rows
from waybill.intake.rows import START, Broken, Resume, Row

cuts = st.lists(st.integers(1, 60), min_size=1, max_size=8)
"""Sizes of chunks, over and over."""

keys = st.text(max_size=6)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, values, max_size=5)


def chunked(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut bytes into chunks of these sizes, over and over."""
    position = index = 0
    while position < len(data):
        size = sizes[index % len(sizes)]
        yield data[position : position + size]
        position, index = position + size, index + 1


def read(form: str, data: bytes, sizes: Sequence[int] = (1 << 20,), **options: Any) -> list[Row | Broken]:
    """Read bytes to their end."""
    return list(rows(form, chunked(data, sizes), **options))


def good(found: Sequence[Row | Broken]) -> list[dict[str, Any]]:
    """The values of rows, all of which are good."""
    taken = []
    for row in found:
        assert isinstance(row, Row), row
        assert row.problem is None, row
        assert row.value is not None
        taken.append(row.value)
    return taken


def codes(found: Sequence[Row | Broken]) -> list[str]:
    """What became of each row: ``ok``, its code, or what ended the reading."""
    return [each.code if isinstance(each, Broken) else each.problem.code if each.problem else "ok" for each in found]


def read_in_halves(form: str, data: bytes, after: int, sizes: Sequence[int], **options: Any) -> list[Row | Broken]:
    """Read some rows, and the rest with another reader that is told where to go on."""
    reader = rows(form, chunked(data, sizes), **options)
    found: list[Row | Broken] = []
    for row in reader:
        found.append(row)
        if len(found) == after:
            break
    if found and isinstance(found[-1], Broken):
        return found
    start = reader.resume() if found else START
    assert Resume(start.offset, start.number, tuple(start.columns)) == start
    return found + list(rows(form, chunked(data[start.offset :], sizes), start=start, **options))
