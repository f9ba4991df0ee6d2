"""What sources keep for an export: whole or not at all, and never longer than the export."""

from collections.abc import Iterator

import pytest
from tests.fakes import FakeBudget, MemoryObjects, etag_of

from waybill.domain import keys
from waybill.domain.errors import SourceNotReady, SourceUnavailable, StorageUnavailable
from waybill.services.export_staging import PIECE, ExportStaging

EXPORT = "0" * 32
NAME = "uforge.appliances/12"


def staging(
    archives: MemoryObjects, *, call: FakeBudget | None = None, enough: FakeBudget | None = None
) -> ExportStaging:
    return ExportStaging(archives, EXPORT, call=call or FakeBudget(), enough=enough or FakeBudget())


@pytest.fixture
def archives() -> MemoryObjects:
    return MemoryObjects()


def test_a_content_is_kept_under_the_works_keys_and_found_by_the_next_call(archives: MemoryObjects) -> None:
    kept = staging(archives).keep(NAME, [b"ab", b"", b"c"])

    assert (kept.size, kept.etag) == (3, etag_of(b"abc"))
    assert kept.key.startswith(keys.work(EXPORT))
    assert archives.objects[kept.key] == b"abc"
    assert staging(archives).kept(NAME) == kept
    assert staging(archives).kept("uforge.appliances/1") is None


def test_a_content_without_a_byte_is_one(archives: MemoryObjects) -> None:
    assert staging(archives).keep(NAME, []).size == 0


def test_a_large_content_goes_in_pieces(archives: MemoryObjects) -> None:
    chunks = [bytes([number]) * 3_000_000 for number in range(25)]

    kept = staging(archives).keep(NAME, iter(chunks))

    assert archives.objects[kept.key] == b"".join(chunks)
    assert archives.puts == [f"{kept.key}#1", f"{kept.key}#2", f"{kept.key}#3", kept.key]
    assert not archives.uploads
    assert kept.size > 2 * PIECE


def test_what_is_kept_stays_as_it_is(archives: MemoryObjects) -> None:
    kept = staging(archives).keep(NAME, [b"first"])

    assert staging(archives).keep(NAME, [b"second"]) == kept
    assert archives.objects[kept.key] == b"first"


@pytest.mark.parametrize("good", [b"some bytes", b"x" * (2 * PIECE + 1)])
def test_nothing_is_seen_of_a_content_that_breaks_off(archives: MemoryObjects, good: bytes) -> None:
    def broken_off() -> Iterator[bytes]:
        yield good
        raise SourceUnavailable("The download breaks off.")

    with pytest.raises(SourceUnavailable, match="breaks off"):
        staging(archives).keep(NAME, broken_off())

    assert not archives.objects
    assert not archives.uploads


def test_nothing_is_seen_of_a_content_that_cannot_be_stored(archives: MemoryObjects) -> None:
    archives.fail_on[f"{keys.kept(EXPORT, NAME)}#2"] = StorageUnavailable("The store is full.")

    with pytest.raises(StorageUnavailable):
        staging(archives).keep(NAME, [b"x" * (PIECE + 1)])

    assert not archives.objects
    assert not archives.uploads


def test_a_second_content_is_left_to_the_next_call_once_there_was_enough(archives: MemoryObjects) -> None:
    held = staging(archives, enough=FakeBudget(0))
    held.keep("a/1", [b"1"])

    with pytest.raises(SourceNotReady) as met:
        held.keep("a/2", [b"2"])

    assert met.value.seconds == 0
    assert staging(archives).kept("a/2") is None
    assert held.keep("a/1", []).size == 1


def test_a_second_content_that_does_not_fit_the_call_is_begun_anew_by_the_next(archives: MemoryObjects) -> None:
    held = staging(archives, call=FakeBudget(2))
    held.keep("a/1", [b"1"])

    with pytest.raises(SourceNotReady) as met:
        held.keep("a/2", [b"2"] * 3)

    assert met.value.seconds == 0
    assert staging(archives).keep("a/2", [b"2"] * 3).size == 3


def test_a_content_that_no_call_has_time_for_is_an_error_that_says_so(archives: MemoryObjects) -> None:
    with pytest.raises(SourceUnavailable, match="The content a/1 could not be fetched in the time"):
        staging(archives, call=FakeBudget(2)).keep("a/1", [b"1"] * 4)


def test_notes_go_with_the_export_and_debts_stay(archives: MemoryObjects) -> None:
    held = staging(archives)
    held.put_note(NAME, b"note")
    held.put_debt("uforge.appliances", "12", b"ticket")

    assert (held.note(NAME), held.note("uforge.appliances/1")) == (b"note", None)
    assert (held.debt("uforge.appliances", "12"), held.debt("uforge.appliances", "1")) == (b"ticket", None)
    archives.delete_prefix(keys.prefix(EXPORT))
    assert staging(archives).note(NAME) is None
    assert staging(archives).debt("uforge.appliances", "12") == b"ticket"
    held.forgive_debt("uforge.appliances", "12")
    held.forgive_debt("uforge.appliances", "12")
    assert not archives.objects


@pytest.mark.parametrize("name", ["", "../manifest", "a//b", "/a", "a/", ".hidden", "a b", "ä", "a/../b", "a" * 101])
def test_a_name_that_could_lead_elsewhere_is_refused(archives: MemoryObjects, name: str) -> None:
    held = staging(archives)
    for use in (
        lambda: held.keep(name, [b"x"]),
        lambda: held.put_note(name, b"x"),
        lambda: held.put_debt("a", name, b"x"),
        lambda: held.put_debt(name, "a", b"x"),
    ):
        with pytest.raises(ValueError, match="A name"):
            use()
    assert not archives.objects
