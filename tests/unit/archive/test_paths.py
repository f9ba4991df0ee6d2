"""Paths that every reader takes, and PathBook, in which no two meet."""

import os
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from waybill.archive.paths import MOST_COMPONENT_BYTES, MOST_PATH_BYTES, PathBook, safe_path

names = st.one_of(
    st.text(max_size=300),
    st.text(st.sampled_from("aA.é\u0301/\\%~ :\n\u2028\ud800\u00a0😀-_()2"), max_size=30),
    st.sampled_from(
        ["CON", "con.txt", "NUL .tar.gz", "COM¹", "..", ".", "~", "a" * 255, "a" * 256 + ".jpeg", "x/" * 600]
    ),
)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "data/files/Photos/été 2019/plage (1).jpg",
        "名前/ファイル.txt",
        "👩‍👩‍👧.png",
        ".bashrc",
        "a/~/b",
        "  leading blanks in a directory are fine/ x".strip(),
        "conf/console/nul_values.csv",
        "é" * 127,
        "e\u0301",
    ],
)
def test_a_harmless_path_stays_as_it_is(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/etc/passwd", "etc/passwd"),
        ("a//b/./c/", "a/b/c"),
        ("", "_"),
        ("/", "_"),
        ("100 %.txt", "100 ％.txt"),
        ("../../x", "_-5ec1f7e7/_-5ec1f7e7/x"),
        ("a:b.txt", "a_b-1f0f1e95.txt"),
        ("a\nb", "a_b-7e18f737"),
        ("a\u2028b", "a_b-fe2d3b94"),
        ("a\\b", "a_b-c62016d0"),
        ("report.pdf ", "report-12ef6857.pdf"),
        ("what...", "what-9823477c"),
        ("CON", "_CON-a3dbc4b6"),
        ("nul.tar.gz", "_nul.tar-58766678.gz"),
        ("com1 .log", "_com1 -d3fdecf5.log"),
        ("~/x", "_-7ace431c/x"),
        (" x", "_x-830a815d"),
        ("\ud800.txt", "_-2188c8a7.txt"),
        ("a/ /b", "a/_-36a9e7f1/b"),
        ("C:\\Windows\\x.ini", "C__Windows_x-3a7f90bb.ini"),
    ],
)
def test_a_harmful_path_is_changed(path: str, safe: str) -> None:
    assert safe_path(path) == safe


def test_what_was_different_stays_different() -> None:
    assert len({safe_path(path) for path in ("a:b", "a?b", "a*b", "a_b", "a\\b", "a\nb", "a\x00b", "a_b ")}) == 8


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    safe = safe_path("é" * 300 + ".jpeg")
    assert len(safe.encode()) in {MOST_COMPONENT_BYTES - 1, MOST_COMPONENT_BYTES}
    assert safe.endswith(".jpeg")
    assert safe.startswith("é" * 100)


def test_a_deep_path_keeps_its_head_and_its_name() -> None:
    safe = safe_path("data/files/" + "deep/" * 500 + "name.txt")
    assert safe.startswith("data/files/deep/deep/")
    assert safe.endswith("/name.txt")
    assert safe != safe_path("data/files/" + "deep/" * 501 + "name.txt")


def is_safe(path: str) -> bool:
    parts = path.split("/")
    return (
        not path.startswith(("/", "~"))
        and os.path.normpath(path) == path
        and path.splitlines() == [path]
        and path.strip() == path
        and not set(path) & set('\\<>:"|?*%\x00\x7f')
        and len(path.encode()) <= MOST_PATH_BYTES + 24
        and all(0 < len(part.encode()) <= MOST_COMPONENT_BYTES for part in parts)
        and not any(part in {".", ".."} or part[-1] in ". " or _is_device(part) for part in parts)
    )


def _is_device(part: str) -> bool:
    stem = part.partition(".")[0].rstrip().upper()
    return stem in {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} or (
        len(stem) == 4 and stem[:3] in {"COM", "LPT"} and stem[3] in "0123456789¹²³"
    )


@settings(max_examples=500)
@given(names)
@example("a" * 255)
def test_any_path_becomes_safe_and_stays_so(path: str) -> None:
    safe = safe_path(path)
    assert is_safe(safe), safe
    assert safe_path(safe) == safe


@settings(max_examples=300)
@given(st.lists(names, max_size=30))
def test_no_two_paths_of_a_book_meet(paths: list[str]) -> None:
    book = PathBook()
    given_out = [book.unique(path) for path in paths]
    assert all(is_safe(path) for path in given_out)
    folded = [unicodedata.normalize("NFC", path).casefold() for path in given_out]
    assert len(set(folded)) == len(paths)
    assert len({unicodedata.normalize("NFD", path.upper()) for path in given_out}) == len(paths)
    directories = {str(parent) for path in folded for parent in Path(path).parents}
    assert not directories & set(folded)
    again = PathBook()
    assert [again.unique(path) for path in paths] == given_out


@settings(max_examples=50)
@given(st.lists(st.text(st.sampled_from(string.ascii_letters + "/.é "), min_size=1, max_size=12), max_size=20))
def test_all_paths_of_a_book_can_be_created(tmp_path_factory: pytest.TempPathFactory, paths: list[str]) -> None:
    folder = tmp_path_factory.mktemp("book")
    book = PathBook()
    for path in paths:
        place = folder / book.unique(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(exist_ok=False)


def test_a_name_that_is_taken_gets_a_number() -> None:
    book = PathBook()
    paths = ["a/b.txt", "a/b.txt", "a/B.TXT", "a/b (2).txt", "a/b.txt"]
    assert [book.unique(path) for path in paths] == [
        "a/b.txt",
        "a/b (2).txt",
        "a/B (3).TXT",
        "a/b (2) (2).txt",
        "a/b (4).txt",
    ]


def test_a_directory_keeps_the_name_that_it_got_first() -> None:
    book = PathBook()
    paths = ["a", "a/1", "A/2", "a/3", "A/4", "a (2)"]
    assert [book.unique(path) for path in paths] == ["a", "a (2)/1", "A (3)/2", "a (2)/3", "A (3)/4", "a (2) (2)"]


def test_composed_and_decomposed_names_are_told_apart() -> None:
    book = PathBook()
    assert book.unique("é") == "é"
    assert book.unique("e\u0301") == "e\u0301 (2)"


def test_a_file_named_like_a_directory() -> None:
    book = PathBook()
    assert book.unique("a/b/c") == "a/b/c"
    assert book.unique("a/b") == "a/b (2)"


def test_many_equal_names_take_no_longer_each() -> None:
    book = PathBook()
    given_out = {book.unique("same.jpg") for _ in range(3_000)}
    assert len(given_out) == 3_000
    assert "same (3000).jpg" in given_out
