"""A cursor names one part of one export and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain import cursor
from waybill.domain.errors import UnknownCursor

EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"
OTHER = "0192f0c1a2b3ffffffffffffffffffff"


@given(part=st.integers(1, 10_000))
def test_a_cursor_comes_back_as_its_part(part: int) -> None:
    assert cursor.decode(EXPORT, cursor.encode(EXPORT, part), parts=10_000) == part


@given(part=st.integers(1, 10_000))
def test_a_cursor_needs_no_escaping_in_a_url(part: int) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", cursor.encode(EXPORT, part))


@given(part=st.integers(1, 10_000))
def test_another_exports_cursor_is_unknown(part: int) -> None:
    with pytest.raises(UnknownCursor):
        cursor.decode(EXPORT, cursor.encode(OTHER, part), parts=10_000)


@given(text=st.text(max_size=40))
def test_whatever_else_is_sent_is_unknown(text: str) -> None:
    with pytest.raises(UnknownCursor):
        cursor.decode(EXPORT, text, parts=10_000)


def test_a_part_that_the_export_does_not_have_is_unknown() -> None:
    with pytest.raises(UnknownCursor):
        cursor.decode(EXPORT, cursor.encode(EXPORT, 4), parts=3)
