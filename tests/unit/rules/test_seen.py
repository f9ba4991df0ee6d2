"""The index of keys that stand earlier in the input."""

import shutil
from pathlib import Path

from waybill.rules.seen import Earlier, SqliteSeen, digest_of

FIRST, SECOND = Earlier(1, "row 1", True), Earlier(2, "row 2", False)


def test_what_was_added_first_is_found(tmp_path: Path) -> None:
    with SqliteSeen(tmp_path / "seen") as seen:
        seen.add([(b"a", FIRST), (b"b", SECOND)])
        seen.add([(b"a", SECOND)])

        assert seen.find([b"a", b"b", b"c"]) == {b"a": FIRST, b"b": SECOND}


def test_more_keys_than_one_statement_takes(tmp_path: Path) -> None:
    keys = [number.to_bytes(2) for number in range(1_234)]
    with SqliteSeen(tmp_path / "seen") as seen:
        seen.add([(key, FIRST) for key in keys])

        assert seen.find(keys).keys() == set(keys)
        assert seen.find([]) == {}


def test_a_stored_file_goes_on_where_it_was_settled(tmp_path: Path) -> None:
    with SqliteSeen(tmp_path / "seen") as seen:
        seen.add([(b"a", FIRST)])
        shutil.copy(seen.settle(), tmp_path / "stored")
        seen.add([(b"b", FIRST)])

    with SqliteSeen(tmp_path / "stored") as taken_up:
        assert taken_up.find([b"a", b"b"]) == {b"a": FIRST}
        taken_up.add([(b"a", SECOND), (b"c", SECOND)])
        assert taken_up.find([b"a", b"c"]) == {b"a": FIRST, b"c": SECOND}


def test_what_was_closed_is_there_when_it_is_opened(tmp_path: Path) -> None:
    with SqliteSeen(tmp_path / "seen") as seen:
        seen.add([(b"a", FIRST)])

    with SqliteSeen(tmp_path / "seen") as again:
        assert again.find([b"a"]) == {b"a": FIRST}


def test_keys_are_kept_as_digests_of_what_they_are(tmp_path: Path) -> None:
    with SqliteSeen(tmp_path / "seen") as seen:
        seen.add([(digest_of(("users", "AuthenticationToken", "secret-token")), FIRST)])

    assert b"secret-token" not in (tmp_path / "seen").read_bytes()
    assert len({digest_of(each) for each in [("a", "b", "c"), ("a", "c", "b"), ("b", "b", "c"), ("a", "b", "d")]}) == 4
