"""The book of contents: kept on the disk, copied at checkpoints, read elsewhere."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.intake.content_book import BookedContent, ContentBook
from waybill.intake.staged_inputs import InputRole, StagedInput, failures_form

ONE = BookedContent(0, 3, "a" * 64, "bWQ1", "Photos/1.jpg")
TWO = BookedContent(1, 4, "b" * 64, "bWQ2", "Photos/2.jpg")


def test_a_settled_copy_has_all_that_was_added(tmp_path: Path) -> None:
    with ContentBook(tmp_path / "book") as book:
        assert book.add("io.cozy.files", "1", ONE)
        shutil.copy(book.settle(), tmp_path / "copy")
        assert book.add("io.cozy.files", "2", TWO)

    with ContentBook(tmp_path / "copy") as copy:
        assert list(copy) == [("io.cozy.files", "1", ONE)]
    with ContentBook(tmp_path / "book") as again:
        assert list(again) == [("io.cozy.files", "1", ONE), ("io.cozy.files", "2", TWO)]


def test_a_record_keeps_its_first_content_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    with ContentBook(tmp_path / "book") as book:
        assert book.add("io.cozy.files", "1", ONE)
        assert book.add("io.cozy.files", "1", ONE)
        assert not book.add("io.cozy.files", "1", TWO)
        assert book.add("other", "1", TWO)
        assert book.find("io.cozy.files", "1") == ONE
        assert book.find("io.cozy.files", "2") is None


def test_contents_from_a_number_on_are_forgotten(tmp_path: Path) -> None:
    with ContentBook(tmp_path / "book") as book:
        book.add("d", "1", ONE)
        book.add("d", "2", TWO)
        book.forget(1)
        assert list(book) == [("d", "1", ONE)]


@given(path=st.text(), doctype=st.text(), record_id=st.text(st.characters()))
def test_any_place_comes_back(
    tmp_path_factory: pytest.TempPathFactory, path: str, doctype: str, record_id: str
) -> None:
    with ContentBook(tmp_path_factory.mktemp("book") / "book") as book:
        assert book.place(path) is None
        book.note_place(path, doctype, record_id)
        assert book.place(path) == (doctype, record_id)


def rows(form: str, columns: tuple[str, ...] = (), doctype: str = "users") -> StagedInput:
    return StagedInput("x", InputRole.ROWS, 1, form, doctype, columns)


@pytest.mark.parametrize(
    ("inputs", "form"),
    [
        ([rows("json"), rows("json")], ("json", ())),
        ([rows("csv", ("a", "b"))], ("csv", ("a", "b"))),
        ([rows("csv", ("a", "b")), rows("csv", ("a",))], ("ndjson", ())),
        ([rows("json"), rows("csv", ("a",), "rooms")], ("json", ())),
        ([StagedInput("x", InputRole.PART, 1, "tar.gz")], ("ndjson", ())),
        ([StagedInput("x", InputRole.MANIFEST, 1), rows("json")], ("json", ())),
        ([], ("ndjson", ())),
    ],
)
def test_rejected_rows_come_back_as_they_were_sent_if_that_was_in_one_form(
    inputs: list[StagedInput], form: tuple[str, tuple[str, ...]]
) -> None:
    assert failures_form(inputs, "users") == form
