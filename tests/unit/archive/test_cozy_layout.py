"""The layout cozy holds what a Cozy imports, in the order in which it does (reference cozy-move, sections 2 and 4)."""

import io
import json
import random
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.archive.cozy_exports import FILES, TENANT, CozyExport, file_document, imported
from tests.unit.archive.exports import GROUP, Part, unpack

from waybill.archive import zip_records
from waybill.archive.cozy import document_id, document_path, with_true_size
from waybill.archive.directories import DirectoryBook
from waybill.archive.errors import ContentSizeChanged
from waybill.archive.zip_archive import Zip
from waybill.archive.zip_runs import pack_run, run_bound
from waybill.domain.errors import ObjectMissing, StorageUnavailable
from waybill.domain.ledger import Count, Outcome
from waybill.domain.plan import Directory, FileEntry, FileReference, PartsHeader, SegmentSlice, StoredDigests

SMALLEST = 10_240
ZIP = Zip()


def example() -> CozyExport:
    """An export with a little of everything."""
    export, noise = CozyExport(), random.Random(7)
    export.add_documents("io.cozy.contacts", {f"c{n}": b'{"_id": "c%d",  "n": 1.50}' % n for n in range(30)})
    export.add_documents("io.cozy.apps", {"io.cozy.apps/drive": b'{"_id": "io.cozy.apps/drive", "slug": "drive"}'})
    export.add_directory("b", "/Photos")
    export.add_directory("a", "/Photos/été")
    export.add_directory("c", "/Admin")
    export.add_pair("01", "Photos/sea.jpg", noise.randbytes(20_000), mime="image/jpeg")
    export.add_pair("02", "Photos/été/sky.txt", b"clouds " * 500, mime="text/plain")
    export.add_pair("03", "empty", b"")
    export.add_pair("04", "large.bin", noise.randbytes(1_500_000))
    export.add_pair("05", ".cozy_trash/old.txt", b"gone")
    return export


def names(part: Part) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        return archive.namelist()


def test_a_part_has_its_entries_in_the_order_of_the_importer() -> None:
    (part,) = example().pack(1 << 30)

    found = names(part)

    assert found[:2] == ["My Cozy/Data/instance.json", "My Cozy/Data/io.cozy.contacts/c0.json"]
    assert found[31:] == [
        "My Cozy/Data/io.cozy.apps/io.cozy.apps/drive.json",
        "My Cozy/Data/io.cozy.files/c.json",
        "My Cozy/Data/io.cozy.files/b.json",
        "My Cozy/Data/io.cozy.files/a.json",
        "My Cozy/Data/io.cozy.files/01.json",
        "My Cozy/Files/Photos/sea.jpg",
        "My Cozy/Data/io.cozy.files/02.json",
        "My Cozy/Files/Photos/été/sky.txt",
        "My Cozy/Data/io.cozy.files/03.json",
        "My Cozy/Files/empty",
        "My Cozy/Data/io.cozy.files/04.json",
        "My Cozy/Files/large.bin",
        "My Cozy/Data/io.cozy.files/05.json",
        "My Cozy/Files/.cozy_trash/old.txt",
    ]


@pytest.mark.parametrize("parts_size", [SMALLEST, 50_000, 1 << 30])
def test_a_cozy_imports_all_that_went_in(parts_size: int) -> None:
    export = example()

    cozy = imported(part.data for part in export.pack(parts_size))

    assert cozy.documents == export.documents
    assert cozy.directories == ["/Admin", "/Photos", "/Photos/été"]
    assert cozy.files == export.pairs


def test_the_instance_says_whose_data_it_is_and_nothing_that_changes() -> None:
    (part,) = CozyExport().pack(SMALLEST)

    assert unpack(part.data) == {
        "My Cozy/Data/instance.json": json.dumps(
            {"_id": TENANT, "_type": "io.cozy.instances"}, separators=(",", ":")
        ).encode()
    }


def test_only_the_first_part_holds_more_than_pairs_and_takes_every_document() -> None:
    export = CozyExport()
    noise = random.Random(3)
    documents = {
        f"d{n:04}": b'{"_id": "d%04d", "x": "%b"}' % (n, noise.randbytes(300).hex().encode()) for n in range(99)
    }
    export.add_documents("io.cozy.notes", documents)
    for number in range(20):
        export.add_pair(f"{number:02}", f"{number}.bin", noise.randbytes(3_000))

    first, *others = export.pack(SMALLEST)

    assert len(first.data) > SMALLEST
    assert not first.plan.files
    assert imported([first.data]).documents == {"io.cozy.notes": documents}
    for part in others:
        assert len(part.data) <= SMALLEST
        assert [name.startswith("My Cozy/Data/io.cozy.files/") for name in names(part)] == [True, False] * (
            len(names(part)) // 2
        )


def test_a_file_that_is_larger_than_a_part_has_one_of_its_own() -> None:
    parts = example().pack(50_000)

    assert ["large.bin" in "".join(names(part)) for part in parts] == [False, True, False]
    assert names(parts[1]) == ["My Cozy/Data/io.cozy.files/04.json", "My Cozy/Files/large.bin"]


def test_parts_are_named_by_their_first_file_in_the_order_of_ids() -> None:
    parts = example().pack(50_000)

    assert [part.packed.first_file for part in parts] == [f"{FILES}/01", f"{FILES}/04", f"{FILES}/05"]


def test_what_the_writer_says_of_a_part() -> None:
    (part,) = example().pack(1 << 30)

    packed = part.packed
    assert packed.records_written == {"io.cozy.contacts": 30, "io.cozy.apps": 1, FILES: 8}
    assert packed.file_counts == {FILES: Count(expected=5, written=5)}
    assert packed.entries == len(names(part)) == 45
    assert packed.payload_size == sum(map(len, unpack(part.data).values()))
    assert packed.entry_list_sha256 is None


def test_the_comment_says_which_part_of_which_export_it_is() -> None:
    parts = example().pack(50_000)

    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            assert archive.comment == f"Waybill export {GROUP}, part {part.plan.number} of 3".encode()


def test_a_comment_stands_behind_an_end_of_any_size() -> None:
    assert zip_records.end(3, 99, 1000, b"abc").endswith(b"\x03\x00abc")
    assert zip_records.end(70_000, 99, 1 << 33, b"abc").endswith(b"\x03\x00abc")


def test_files_keep_their_mode_and_their_time() -> None:
    export = CozyExport()
    export.add_pair("01", "run.sh", b"#!/bin/sh", executable=True)
    export.add_pair("02", "read.me", b"read")

    (part,) = export.pack(SMALLEST)

    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        modes = [info.external_attr >> 16 & 0o777 for info in archive.infolist()[2::2]]
        times = {info.date_time for info in archive.infolist()[1:]}
    assert modes == [0o755, 0o644]
    assert times == {(2017, 7, 14, 2, 40, 0)}


def test_records_of_files_are_read_many_at_once_and_little_at_a_time() -> None:
    reads: list[SegmentSlice] = []

    class Counting(CozyExport):
        def read_segment(self, piece: SegmentSlice) -> Iterator[bytes]:
            reads.append(piece)
            yield from super().read_segment(piece)

    export = Counting()
    for number in range(3_000):
        record = json.dumps({"type": "file", "size": "1", "n": number, "metadata": "x" * 900}).encode()
        export.add_pair(f"{number:04}", f"{number}", b"x", record)

    (part,) = export.pack(1 << 30)

    assert imported([part.data]).files == export.pairs
    of_files = [piece.length for piece in reads if piece.key == "segments/files"]
    assert (len(of_files), max(of_files) <= 1 << 20) == (3, True)


def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    for part in example().pack(50_000):
        archive = tmp_path / part.packed.name
        archive.write_bytes(part.data)
        assert subprocess.run(["unzip", "-tqq", archive], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("broken_after", [None, 300_000])
def test_a_file_that_cannot_be_had_leaves_no_record_behind(broken_after: int | None) -> None:
    export = example()

    def open_file(reference: FileReference) -> Iterable[bytes]:
        if reference.id != "04":
            return export.open_file(reference)
        return missing() if broken_after is None else breaks_off(export.contents["04"][:broken_after])

    def missing() -> Iterator[bytes]:
        raise ObjectMissing("No.")
        yield b""

    def breaks_off(content: bytes) -> Iterator[bytes]:
        yield content
        raise StorageUnavailable("No.")

    (part,) = export.pack(1 << 30, open_file=open_file)

    cozy = imported([part.data])
    assert cozy.files == {name: pair for name, pair in export.pairs.items() if name != "04"}
    assert [(gap.kind, gap.id, gap.outcome) for gap in part.packed.gaps] == [
        ("file", "04", Outcome.FAILED),
        ("record", "04", Outcome.FAILED),
    ]
    assert part.packed.records_written[FILES] == 7
    assert part.packed.file_counts == {FILES: Count(expected=5, written=4, failed=1)}


def test_a_part_that_is_written_with_rests_has_the_same_bytes() -> None:
    export = example()
    export.pack(1 << 30)
    (plan,) = export.plans(1 << 30)
    header = PartsHeader(GROUP, 1, 1)
    whole, one = export.written_with_rests(plan, header, lambda point: False)

    rested, writers = export.written_with_rests(plan, header, lambda point: True)

    assert (one, writers > 10) == (1, True)
    assert rested == whole == export.pack(1 << 30)[0].data


def test_the_store_copies_a_file_behind_its_record_without_knowing_its_sha256() -> None:
    class NoDigests(CozyExport):
        def stored_digests(self, file: FileEntry) -> StoredDigests:
            return StoredDigests()

    export = NoDigests()
    content = random.Random(5).randbytes(11 << 20)
    export.add_pair("01", "film.mp4", content, mime="video/mp4")

    (part,) = export.pack(1 << 30)

    assert export.copied == ["My Cozy/Files/film.mp4"]
    assert imported([part.data]).files == export.pairs


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
contents = st.one_of(
    st.binary(max_size=2_000),
    st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 99), st.integers(0, 30_000)),
)
documents = st.dictionaries(
    st.sampled_from(["io.cozy.notes", "a b/c%", "é"]),
    st.dictionaries(st.from_regex(r"[a-z0-9./]{1,20}", fullmatch=True), st.text(max_size=99), max_size=9),
    max_size=3,
)
directories = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), max_size=8)
files = st.dictionaries(st.from_regex(r"[0-9a-f]{1,8}", fullmatch=True), st.tuples(ids, contents), max_size=9)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents=documents, directories=directories, files=files, parts_size=st.integers(SMALLEST, 100_000))
def test_any_export_is_imported_as_it_went_in(
    documents: dict[str, dict[str, str]],
    directories: list[list[str]],
    files: dict[str, tuple[str, bytes]],
    parts_size: int,
) -> None:
    def build() -> CozyExport:
        export = CozyExport()
        for doctype, texts in documents.items():
            export.add_documents(doctype, {key: json.dumps({"text": text}).encode() for key, text in texts.items()})
        paths = {"/" + "/".join(path[:depth]) for path in directories for depth in range(1, len(path) + 1)}
        for number, path in enumerate(sorted(paths, reverse=True)):
            export.add_directory(f"directory-{number}", path)
        for name, (path, content) in sorted(files.items()):
            export.add_pair(name, path, content)
        return export

    export = build()
    parts = export.pack(parts_size)

    cozy = imported(part.data for part in parts)
    assert cozy.files == export.pairs
    assert list(cozy.files) == sorted(files)
    assert sorted(cozy.directories) == sorted(directory.path for directory in export.directories)
    found = {path: content for part in parts for path, content in unpack(part.data).items()}
    for doctype, texts in export.documents.items():
        for key, line in texts.items():
            assert found[document_path(doctype, key)] == line
    for part in parts:
        assert len(part.data) <= part.plan.bound
        assert part.plan.bound <= parts_size or part is parts[0] or len(part.plan.files) == 1
    assert [part.data for part in parts] == [part.data for part in build().pack(parts_size)]


class TestTheRecordOfAFile:
    def test_one_that_tells_the_truth_stays_as_it_is(self) -> None:
        line = b'{"size":  "4", "md5sum": "x", "n": 1.50}'

        assert with_true_size(line, 4) == line

    def test_a_size_that_is_a_number_becomes_a_text(self) -> None:
        assert json.loads(with_true_size(b'{"size": 4, "md5sum": "x"}', 4)) == {"size": "4", "md5sum": "x"}

    def test_another_size_takes_the_digest_of_another_content_with_it(self) -> None:
        assert with_true_size(b'{"a": 1.50, "size": "5", "md5sum": "x", "z": "\\u00e9"}', 4) == (
            b'{"a":1.50,"size":"4","z":"\\u00e9"}'
        )

    @pytest.mark.parametrize("size", [b"1e999", b'"4.0"', b"[]", b"4.0", b"9" * 5_000])
    def test_a_size_that_is_no_number_of_bytes_is_another_size(self, size: bytes) -> None:
        assert json.loads(with_true_size(b'{"size": %b, "md5sum": "x"}' % size, 4)) == {"size": "4"}

    def test_no_size_is_no_lie(self) -> None:
        assert json.loads(with_true_size(b'{"md5sum": "x"}', 4)) == {"md5sum": "x", "size": "4"}


@pytest.mark.parametrize(
    ("doctype", "name", "path"),
    [
        ("io.cozy.notes", "0f3a", "io.cozy.notes/0f3a.json"),
        ("a b/c%é", "x", "a%20b%2Fc%25%C3%A9/x.json"),
        ("a$&+=:@~", "x", "a$&+=:@~/x.json"),
    ],
)
def test_a_document_lies_where_go_would_put_it(doctype: str, name: str, path: str) -> None:
    assert document_path(doctype, name) == f"My Cozy/Data/{path}"


@pytest.mark.parametrize("own", [b"1e999", b"null", b'""', b"[]", b"7"])
def test_a_document_without_an_id_of_its_own_is_named_by_its_key(own: bytes) -> None:
    assert document_id("key", b'{"_id": %b}' % own) == document_id("key", b"{}") == "key"


@given(ids)
def test_no_id_leads_out_of_its_folder(name: str) -> None:
    path = document_path("notes", name)

    assert path.startswith("My Cozy/Data/notes/")
    assert ".." not in path.split("/")


def test_a_document_of_a_file_says_what_cozy_compares() -> None:
    assert file_document("a", b"abc")["md5sum"] == "kAFQmDzST7DWlj99KOF/cg=="


class TestDirectories:
    def test_none_comes_before_the_one_that_it_is_in(self) -> None:
        book = DirectoryBook()
        for number, path in enumerate(["/b/a/c", "/b-a", "/b/a", "/", "/b", "/b/", "/a/z"]):
            book.add("files", Directory(str(number), path))

        assert [directory.path for _, directory in book] == ["/", "/b", "/b-a", "/b/", "/a/z", "/b/a", "/b/a/c"]

    def test_those_of_one_doctype_are_together_and_whole(self) -> None:
        book, given = DirectoryBook(), Directory("1", "/\udce9", '{"é": 1}', 1_600_000_000)
        book.add("b", given)
        book.add("a", Directory("2", "/x"))

        assert list(book) == [("a", Directory("2", "/x")), ("b", given)]


class TestRuns:
    def test_one_that_is_cut_short_is_no_run(self) -> None:
        run = pack_run([("a", 0, b"a"), ("b", 0, b"b" * 99)])

        for length in (0, 3, 9, len(run) - 1):
            with pytest.raises(ContentSizeChanged):
                list(ZIP.writer().packed_run("run", [run[:length]]))

    @given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.binary(max_size=999)), max_size=9))
    def test_any_run_stays_within_its_bound(self, members: list[tuple[str, bytes]]) -> None:
        run = pack_run((path, 1_600_000_000, content) for path, content in members)
        writer = ZIP.writer()
        data = b"".join([*writer.packed_run("run", [run[:5], run[5:]]), *writer.end()])

        assert len(data) - len(b"".join(ZIP.writer().end())) <= run_bound(len(run), len(members))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert [archive.read(info) for info in archive.infolist()] == [content for _, content in members]
