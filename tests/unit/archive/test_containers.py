"""What holds for every container: contents, bounds, refusals, memory."""

import io
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import CONTAINERS, each_format, unpack
from tests.unit.archive.test_part_round_trip import example

from waybill.archive import deflate, zip_records, zstd_frames
from waybill.archive.container import Container
from waybill.archive.errors import ContentSizeChanged
from waybill.archive.zip_archive import WHOLE_MOST
from waybill.domain.options import FORMATS_OF

NOISE = random.Random(5).randbytes(2_500_000)
ZIP = CONTAINERS["zip"]

entries = st.lists(
    st.tuples(
        st.sampled_from(["entry", "packed", "directory"]),
        st.one_of(st.integers(0, 2_000), st.integers(0, 150_000), st.integers(1_000_000, 1_200_000)),
        st.sampled_from(["noise", "zeros", "text"]),
        st.booleans(),
        st.text(st.sampled_from("aé/😀"), min_size=1, max_size=200),
    ),
    max_size=15,
)


def test_extensions_are_the_names_of_the_formats() -> None:
    assert [CONTAINERS[name].extension for name in FORMATS_OF["bag"]] == list(FORMATS_OF["bag"])
    assert len({container.media_type for container in CONTAINERS.values()}) == len(FORMATS_OF["bag"])


@each_format
@settings(max_examples=60, deadline=None)
@given(some=entries, large_from=st.sampled_from([200, 0xFFFFFFFF]))
def test_no_archive_is_larger_than_its_bounds(
    container: Container, some: list[tuple[str, int, str, bool, str]], large_from: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zip_records, "MOST_32", large_from)
        check_bounds(container, some)


@settings(max_examples=60, deadline=None)
@given(some=entries)
def test_zstandard_frames_are_within_bounds_even_if_libzstd_is_of_no_use(
    some: list[tuple[str, int, str, bool, str]],
) -> None:
    useless = SimpleNamespace(compress=lambda block: bytes(2 * len(block) + 1_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zstd_frames, "_compressors", lambda: SimpleNamespace(packing=useless, storing=useless))
        check_bounds(CONTAINERS["tar.zst"], [each for each in some if each[0] != "packed"])


@settings(max_examples=30, deadline=None)
@given(some=entries)
def test_deflate_is_within_bounds_even_if_isal_is_of_no_use(some: list[tuple[str, int, str, bool, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deflate, "compress", lambda block, *, last, stored=False: deflate._stored(block, last=last))
        check_bounds(ZIP, some)


def check_bounds(container: Container, some: list[tuple[str, int, str, bool, str]]) -> None:
    writer = container.writer()
    data = bytearray()
    bound = container.end_bound()
    expected = {}
    for number, (kind, size, fill, compressible, name) in enumerate(some):
        path = f"bag/{number}-{name}".rstrip("/")
        content = {"noise": NOISE[number : number + size], "zeros": bytes(size), "text": (b"text " * size)[:size]}[fill]
        before = bound
        if kind == "directory":
            path = f"bag/{number}/data"
            data += b"".join(writer.directory(path, 0))
            bound += container.directory_bound(path)
            continue
        expected[path] = content
        if kind == "packed":
            packed = b"".join(container.pack([content]))
            data += b"".join(writer.packed_entry(path, size, 0, [packed[:5], packed[5:]]))
            bound += container.packed_bound(path, size, len(packed))
        else:
            data += b"".join(writer.entry(path, size, 0, [content], compressible=compressible))
            bound += container.entry_bound(path, size, compressible=compressible)
            assert not compressible or container.text_bound(path, content) <= bound - before
    data += b"".join(writer.end())
    assert len(data) <= bound
    assert unpack(bytes(data)) == expected


@each_format
@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 2_500_000])
def test_packing_does_not_depend_on_chunks(container: Container, size: int) -> None:
    content = NOISE[:size]
    chunks = (content[start : start + 77_777] for start in range(0, size, 77_777))
    assert b"".join(container.pack([content])) == b"".join(container.pack(chunks))


@each_format
@pytest.mark.parametrize("compressible", [True, False])
@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
@pytest.mark.parametrize("difference", [-1, 1, 5])
def test_a_content_of_another_size_is_refused(
    container: Container, size: int, difference: int, compressible: bool
) -> None:
    with pytest.raises(ContentSizeChanged) as raised:
        list(container.writer().entry("a/b", size, 0, [NOISE[: size + difference]], compressible=compressible))
    assert raised.value.path == "a/b"


@each_format
def test_a_small_content_of_another_size_leaves_the_archive_as_it_was(container: Container) -> None:
    writer = container.writer()
    with pytest.raises(ContentSizeChanged):
        list(writer.entry("gone", 10, 0, [b"short"]))
    data = b"".join([*writer.entry("there", 2, 0, [b"ok"]), *writer.end()])
    assert unpack(data) == {"there": b"ok"}


@each_format
def test_a_stream_is_not_held_in_memory(container: Container) -> None:
    drawn = given_out = 0

    def endless() -> Iterator[bytes]:
        nonlocal drawn
        while True:
            drawn += 100_000
            yield source.randbytes(100_000)

    source = random.Random(9)
    for chunk in container.writer().entry("a", 10**12, 0, endless(), compressible=False):
        given_out += len(chunk)
        assert drawn - given_out <= 2_200_000
        if given_out > 10_000_000:
            break


def readers(name: str) -> list[list[str]]:
    """The commands on this machine that read such a file, none of them ours."""
    found = [[sys.executable, "-m", "zipfile", "-t"]] if name == "zip" else []
    commands = [["bsdtar", "-tvf"], ["7z", "t"], ["7zz", "t"]]
    if name == "zip":
        commands.append(["unzip", "-t"])
    elif name != "tar.zst" or shutil.which("zstd"):
        commands.append(["tar", "-tf"])
    if name == "tar.zst":
        commands = [command for command in commands if not command[0].startswith("7")] + [["zstd", "-t"]]
    return found + [command for command in commands if shutil.which(command[0])]


@each_format
def test_foreign_programs_read_it(container: Container, tmp_path: Path) -> None:
    (part,) = example(container).pack(1 << 30)
    archive = tmp_path / part.packed.name
    archive.write_bytes(part.data)
    commands = readers(container.extension)
    if container.extension != "tar.zst":  # its readers here are Python's, in the other tests
        assert commands
    for command in commands:
        subprocess.run([*command, archive], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class TestZip:
    def test_times_modes_and_names_are_kept(self) -> None:
        writer = ZIP.writer()
        data = b"".join(
            [
                *writer.entry("bag/é.sh", 2, 1_600_000_001, [b"hi"], executable=True),
                *writer.entry("bag/old", 0, 0, []),
                *writer.entry("bag/far", 0, 10**11, []),
                *writer.directory("bag/data", 5),
                *writer.end(),
            ]
        )
        script, old, far, folder = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert (script.filename, script.external_attr >> 16) == ("bag/é.sh", 0o100755)
        assert script.date_time == (2020, 9, 13, 12, 26, 40)
        assert script.extra == b"UT\x05\x00\x01" + (1_600_000_001).to_bytes(4, "little")
        assert (old.date_time, far.date_time) == ((1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58))
        assert (old.extra[-4:], far.extra) == (bytes(4), b"")
        assert (folder.filename, folder.is_dir(), folder.external_attr >> 16) == ("bag/data/", True, 0o040755)

    @pytest.mark.parametrize(
        ("size", "compressible", "method", "described_after"),
        [
            (0, True, 0, False),
            (1_000, True, 8, False),
            (1_000, False, 0, False),
            (WHOLE_MOST, False, 0, False),
            (WHOLE_MOST + 1, True, 8, True),
            (WHOLE_MOST + 1, False, 8, True),
        ],
    )
    def test_only_what_is_not_known_before_is_described_after(
        self, size: int, compressible: bool, method: int, described_after: bool
    ) -> None:
        writer = ZIP.writer()
        data = b"".join([*writer.entry("a", size, 0, [bytes(size)], compressible=compressible), *writer.end()])
        (member,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert (member.compress_type, bool(member.flag_bits & 8)) == (method, described_after)

    def test_a_packed_content_goes_in_as_it_is(self) -> None:
        content = b"some record\n" * 200_000
        packed = b"".join(ZIP.pack([content]))
        writer = ZIP.writer()
        data = b"".join([*writer.packed_entry("records", len(content), 7, [packed]), *writer.end()])
        assert packed[12:] in data
        (member,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert not member.flag_bits & 8
        assert unpack(data) == {"records": content}

    @pytest.mark.parametrize("broken", [slice(0, 0), slice(0, 11), slice(0, -1)])
    def test_a_packed_content_that_is_too_short_is_refused(self, broken: slice) -> None:
        packed = b"".join(ZIP.pack([b"content"]))[broken]
        with pytest.raises(ContentSizeChanged):
            list(ZIP.writer().packed_entry("a", 7, 0, [packed]))

    def test_more_entries_than_16_bits_count(self) -> None:
        writer = ZIP.writer()
        data = bytearray()
        for number in range(65_536):
            data += b"".join(writer.entry(f"{number}", 0, 0, []))
        data += b"".join(writer.end())
        assert len(zipfile.ZipFile(io.BytesIO(bytes(data))).namelist()) == 65_536

    def test_five_gigabytes_and_what_lies_behind_them(self, tmp_path: Path) -> None:
        """The large content is a hole in a sparse file; only the records around it are real."""
        size = 5 << 30
        run = bytes(1 << 20)
        writer = ZIP.writer()
        archive = tmp_path / "large.zip"
        packed = iter([(0).to_bytes(4, "little") + size.to_bytes(8, "little"), *[run] * (size >> 20)])
        with archive.open("wb") as file:
            for chunk in writer.packed_entry("large", size, 0, packed):
                if chunk is run:
                    file.seek(len(chunk), 1)
                else:
                    file.write(chunk)
            for chunk in writer.entry("behind", 5, 0, [b"hello"]):
                file.write(chunk)
            file.writelines(writer.end())
        with zipfile.ZipFile(archive) as found:
            large, behind = found.infolist()
            assert (large.file_size, large.compress_size, large.extract_version) == (size, size, 45)
            assert behind.header_offset > size
            assert found.read("behind") == b"hello"

    def test_sizes_that_need_zip64_before_and_after_the_content(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(zip_records, "MOST_32", 1_000)
        monkeypatch.setattr(zip_records, "MOST_16", 2)
        writer = ZIP.writer()
        large = NOISE[: WHOLE_MOST + 1]
        data = b"".join(
            [
                *writer.entry("known", 2_000, 0, [NOISE[:2_000]]),
                *writer.entry("streamed", len(large), 0, [large]),
                *writer.packed_entry("packed", 3_000, 0, ZIP.pack([NOISE[:3_000]])),
                *writer.end(),
            ]
        )
        assert data.count(b"PK\x06\x06") == data.count(b"PK\x06\x07") == 1
        assert unpack(data) == {"known": NOISE[:2_000], "streamed": large, "packed": NOISE[:3_000]}


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, deflate.BLOCK, deflate.BLOCK + 1, 2_500_000])
@pytest.mark.parametrize("stored", [True, False])
def test_a_deflate_stream_is_within_its_bound(size: int, stored: bool) -> None:
    assert sum(map(len, deflate.stream([NOISE[:size]], stored=stored))) <= deflate.bound(size)
