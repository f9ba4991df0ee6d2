"""Files that are missing, changed or broken: named as gaps, never archived as if whole."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from tests.unit.archive.exports import GROUP, Export, Part, payload, unpack
from tests.unit.archive.test_part_round_trip import check_bag

from waybill.archive.errors import ContentLost, ContentSizeChanged
from waybill.archive.fingerprint import Fingerprint
from waybill.domain.errors import ObjectChanged, ObjectDenied, ObjectMissing, StorageUnavailable
from waybill.domain.ledger import Count, Gap, Outcome
from waybill.domain.plan import FileReference, PartsHeader, SegmentSlice

GIB = 1 << 30
LARGE = b"0123456789" * 20_000


def export_of_three() -> Export:
    export = Export()
    export.add_records("notes", [b'{"n":1}\n'])
    export.add_file("first", b"1" * 100)
    export.add_file("second", LARGE)
    export.add_file("third", b"3" * 100)
    return export


def failing(
    export: Export, name: str, answer: Callable[[], Iterable[bytes]]
) -> Callable[[FileReference], Iterable[bytes]]:
    def open_file(reference: FileReference) -> Iterable[bytes]:
        return answer() if reference.name == name else export.open_file(reference)

    return open_file


def raising(error: Exception, *before: bytes) -> Callable[[], Iterator[bytes]]:
    def answer() -> Iterator[bytes]:
        yield from before
        raise error

    return answer


def check_gap(part: Part, name: str, code: str) -> None:
    (gap,) = part.packed.gaps
    assert (gap.doctype, gap.kind, gap.outcome, gap.code) == ("io.cozy.files", "file", Outcome.FAILED, code)
    assert gap.reason.endswith(".")
    assert part.packed.file_counts == {"io.cozy.files": Count(expected=3, written=2, failed=1)}
    assert not any(path.endswith(name) for path in unpack(part.data))


@pytest.mark.parametrize("name", ["first", "second", "third"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ObjectMissing("gone"), "file_missing"),
        (ObjectChanged("other"), "file_changed"),
        (ObjectDenied("no"), "file_denied"),
    ],
)
def test_a_file_that_cannot_be_opened_is_a_gap(name: str, error: Exception, code: str) -> None:
    export = export_of_three()
    (part,) = export.pack(GIB, open_file=failing(export, name, raising(error)))
    check_gap(part, name, code)
    assert payload([part]) == {path: content for path, content in export.payload.items() if not path.endswith(name)}


def test_an_opener_may_fail_before_it_gives_an_iterator() -> None:
    export = export_of_three()

    def fail() -> Iterable[bytes]:
        raise ObjectMissing("gone")

    (part,) = export.pack(GIB, open_file=failing(export, "first", fail))
    check_gap(part, "first", "file_missing")


@pytest.mark.parametrize("content", [b"", b"1" * 99, b"1" * 101, b"1" * 100_000])
def test_a_small_file_of_another_size_is_a_gap_at_once(content: bytes) -> None:
    export = export_of_three()
    plan, header = export.plans(GIB)[0], PartsHeader(GROUP, 1, 1)
    writer = export.writer(plan, header, failing(export, "first", lambda: [content]))
    check_gap(export.written(plan, writer), "first", "file_changed")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda: [LARGE[:-1]], "file_changed"),
        (lambda: [LARGE, b"!"], "file_changed"),
        (lambda: [LARGE[:70_000]], "file_changed"),
        (raising(ObjectChanged("other"), LARGE[:100_000]), "file_changed"),
        (raising(ObjectMissing("gone"), LARGE[:100_000]), "file_missing"),
        (raising(StorageUnavailable("reset"), LARGE[:100_000]), "file_unreadable"),
    ],
)
def test_a_large_file_that_breaks_off_is_left_out_at_the_second_try(
    answer: Callable[[], Iterable[bytes]], code: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    export = export_of_three()
    (part,) = export.pack(GIB, open_file=failing(export, "second", answer))
    check_gap(part, "second", code)
    check_bag(part, tmp_path_factory.mktemp("bag"))


def test_a_break_says_which_file_and_why() -> None:
    export = export_of_three()
    cause = StorageUnavailable("reset")
    opener = failing(export, "second", raising(cause, LARGE[:100_000]))
    writer = export.writer(export.plans(GIB)[0], PartsHeader(GROUP, 1, 1), opener)
    with pytest.raises(ContentLost) as raised:
        list(writer.steps())
    assert raised.value.path == "data/files/second"
    assert raised.value.gap.id == "file-1"
    assert raised.value.__cause__ is cause
    with pytest.raises(RuntimeError):
        writer.packed(Fingerprint(1), None)


def test_a_store_that_does_not_answer_is_no_gap() -> None:
    export = export_of_three()
    writer = export.writer(
        export.plans(GIB)[0], PartsHeader(GROUP, 1, 1), failing(export, "first", raising(StorageUnavailable("down")))
    )
    with pytest.raises(StorageUnavailable):
        list(writer.steps())


def test_a_part_that_loses_all_its_files_is_still_a_bag(tmp_path_factory: pytest.TempPathFactory) -> None:
    export = Export()
    entry = export.add_file("only", b"x")
    gap = Gap("io.cozy.files", "file", "file-0", Outcome.FAILED, "file_missing", "Gone.")
    plan = export.plans(GIB)[0]
    writer = export.writer(plan, PartsHeader(GROUP, 1, 1), export.open_file, {entry.path: gap})
    part = export.written(plan, writer)
    assert part.packed.gaps == (gap,)
    assert part.packed.entries == 0
    check_bag(part, tmp_path_factory.mktemp("bag"))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_segment_of_another_length_stops_the_part(change: int) -> None:
    export = export_of_three()
    plan = export.plans(GIB)[0]

    def read_segment(piece: SegmentSlice) -> Iterator[bytes]:
        data = export.segments[piece.key] + b"?"
        yield data[piece.offset : piece.offset + piece.length + change]

    export.read_segment = read_segment  # type: ignore[method-assign]
    with pytest.raises(ContentSizeChanged):
        list(export.writer(plan, PartsHeader(GROUP, 1, 1), export.open_file).steps())
