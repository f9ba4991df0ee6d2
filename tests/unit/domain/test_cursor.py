"""A cursor names one part of one export and nothing else, whether it is a number or what is in the part."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain import cursor
from waybill.domain.errors import TooManyParts, UnknownCursor

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


names = st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=30)


@given(names=names)
def test_a_name_is_found_as_its_part_the_first_of_them_as_the_second(names: list[str]) -> None:
    assert [cursor.find(names, name) for name in names] == list(range(2, len(names) + 2))


@given(names=names, text=st.text(max_size=20))
def test_what_is_no_name_is_unknown(names: list[str], text: str) -> None:
    if text not in names:
        with pytest.raises(UnknownCursor):
            cursor.find(names, text)


@pytest.mark.parametrize("sent", ["io.cozy.files%2F7", "io.cozy.files/7 ", "IO.cozy.files/7", "7"])
def test_names_are_compared_as_they_are(sent: str) -> None:
    with pytest.raises(UnknownCursor):
        cursor.find(["io.cozy.files/7"], sent)


@pytest.mark.parametrize(("names", "parts"), [([], 0), ([], 1), (["a"], 2), (["a", "b"], 3)])
def test_every_part_but_the_first_has_a_name(names: list[str], parts: int) -> None:
    cursor.check_names(names, parts)


@pytest.mark.parametrize(("names", "parts"), [(["a"], 0), (["a"], 1), ([], 2), (["a", "a"], 3), (["a", ""], 3)])
def test_parts_that_could_not_be_asked_for_are_a_fault(names: list[str], parts: int) -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        cursor.check_names(names, parts)


def test_names_have_room_in_a_job_record_and_not_more() -> None:
    fitting = [f"{number:060}" for number in range(cursor.MOST_NAME_BYTES // 60)]
    cursor.check_names(fitting, len(fitting) + 1)

    with pytest.raises(TooManyParts, match="larger parts_size"):
        cursor.check_names([*fitting, "ü"], len(fitting) + 2)
