"""The container of formats that are no archives."""

import pytest

from waybill.archive.bare import Bare
from waybill.archive.errors import ContentSizeChanged

JSON = Bare("json", "application/json")


def test_contents_follow_one_another_and_nothing_stands_around_them() -> None:
    writer = JSON.writer()

    written = [
        *writer.entry("a", 3, 0, [b"a", b"bc"]),
        *writer.packed_entry("b", 2, 0, JSON.pack([b"de"])),
        *writer.directory("c", 0),
        *JSON.writer(writer.state()).rest_of_entry([b"f"]),
        *writer.end(),
    ]

    assert b"".join(written) == b"abcdef"


def test_a_content_is_never_cut_short_in_silence() -> None:
    for size in (1, 3):
        with pytest.raises(ContentSizeChanged):
            list(JSON.writer().entry("a", size, 0, [b"ab"]))
        with pytest.raises(ContentSizeChanged):
            list(JSON.writer().packed_entry("a", size, 0, [b"ab"]))


def test_bounds_are_sizes() -> None:
    bounds = (
        JSON.entry_bound("a", 3, compressible=True),
        JSON.text_bound("a", b"abc"),
        JSON.packed_bound("a", 9, 3),
        JSON.directory_bound("a"),
        JSON.end_bound(),
    )
    assert bounds == (3, 3, 3, 0, 0)
