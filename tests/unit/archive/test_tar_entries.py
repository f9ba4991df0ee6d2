"""Tar headers: what they say, and the most that they can take once compressed."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.archive.test_gzip_members import fixed_huffman_bits

from waybill.archive import tar
from waybill.archive.paths import safe_path


def read(header: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(header + tar.END), mode="r:") as archive:
        member = archive.next()
        assert member is not None
        return member


def test_a_header_names_no_owner() -> None:
    member = read(tar.header("bag/a.txt", 0, 1_600_000_000))
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert (member.name, member.mode, member.mtime, member.isreg()) == ("bag/a.txt", 0o644, 1_600_000_000, True)


def test_an_executable_file() -> None:
    assert read(tar.header("run", 0, 0, executable=True)).mode == 0o755


@pytest.mark.parametrize(("mtime", "read_as"), [(-5, 0), (0, 0), (8**11, 8**11 - 1)])
def test_times_that_a_plain_header_cannot_say(mtime: int, read_as: int) -> None:
    header = tar.header("a", 0, mtime)
    assert len(header) == tar.BLOCK
    assert read(header).mtime == read_as


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 5 * 1024**4])
def test_files_of_many_gigabytes(size: int) -> None:
    assert read(tar.header("a", size, 0)).size == size


@pytest.mark.parametrize("path", ["a" * 100, "a" * 101, "b/" * 150 + "c", "é", "d" * 250 + "/" + "é" * 120])
def test_long_and_foreign_names(path: str) -> None:
    assert read(tar.header(path, 1, 0)).name == path


@settings(max_examples=500)
@given(st.text(max_size=120), st.integers(0, 2 * 8**11), st.integers(-1, 8**11), st.booleans())
def test_a_header_is_the_one_that_the_standard_library_makes(
    text: str, size: int, mtime: int, executable: bool
) -> None:
    path = safe_path(text)
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, min(max(mtime, 0), 8**11 - 1), 0o755 if executable else 0o644
    assert tar.header(path, size, mtime, executable=executable) == info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def test_a_directory() -> None:
    member = read(tar.directory("bag/data", 5))
    assert (member.name, member.mode, member.mtime, member.isdir(), member.size) == ("bag/data", 0o755, 5, True, 0)
    assert fixed_huffman_bits(tar.directory("bag/data", 5)) <= 8 * tar.header_bound("bag/data/", 0)


@pytest.mark.parametrize(("size", "zeros"), [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)])
def test_padding(size: int, zeros: int) -> None:
    assert tar.padding(size) == bytes(zeros)


@settings(max_examples=300)
@given(st.text(max_size=1_000), st.integers(0, 10**13), st.integers(-1, 10**11), st.booleans())
def test_a_header_costs_what_is_promised(text: str, size: int, mtime: int, executable: bool) -> None:
    path = "waybill-part-00001-of-00001/" + safe_path(text)
    header = tar.header(path, size, mtime, executable=executable)
    assert fixed_huffman_bits(header) <= 8 * tar.header_bound(path, size)
    assert len(header) % tar.BLOCK == 0


@pytest.mark.parametrize("length", [1, 50, 100, 101, 256, 1_000])
@pytest.mark.parametrize("letters", ["xy", "éà", "😀😁"])
@pytest.mark.parametrize("size", [0, 0o12345670123, 8**11, 0o123456701234567])
def test_the_promise_for_a_header_is_not_far_off(length: int, letters: str, size: int) -> None:
    path = (letters * length)[:length]
    header = tar.header(path, size, 0o12345670123, executable=True)
    assert 0.5 * tar.header_bound(path, size) <= fixed_huffman_bits(header) / 8 <= tar.header_bound(path, size)


def test_the_end_costs_what_is_promised() -> None:
    assert fixed_huffman_bits(tar.END) <= 8 * 10
