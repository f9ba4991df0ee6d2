"""Members of zip archives: Waybill's own and a Cozy's come out whole; nothing hides, overlaps or grows too large."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import CONTAINERS, Export, unpack
from tests.unit.intake.archives import LIMITS, Bytes, a_zip, contents, members_of, outcome

from waybill.archive import zip_records
from waybill.archive.zip_archive import ZipWriter
from waybill.archive.zip_records import DEFLATED, STORED, Content
from waybill.archive.zip_records import Member as Written
from waybill.intake.codes import ArchiveCode
from waybill.intake.members import RATIO_FREE, BadArchive, Limits
from waybill.intake.zip_reader import ZipReader


def export() -> bytes:
    made = Export(CONTAINERS["zip"])
    made.add_records("io.cozy.contacts", [b'{"a":1}\n{"b":2}\n'])
    made.add_file("Über/täxt.txt", b"text " * 1000)
    made.add_file("empty", b"")
    made.add_file("large", b"0123456789abcdef" * 100_000)
    made.add_file("movie.mp4", bytes(range(256)) * 5000, mime="video/mp4")
    (part,) = made.pack(1 << 30)
    return part.data


WAYBILLS = export()
COZYS = a_zip(("My Cozy/Data/a.json", b"{}"), ("My Cozy/Files/ü", b"x" * 100_000), ("empty", b""), streamed=True)


def code_of(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(BadArchive) as caught:
        contents(data, "zip", limits)
    return caught.value.code


@pytest.mark.parametrize("data", [WAYBILLS, COZYS, a_zip(("a", b"1"), ("b/", b""), method=zipfile.ZIP_STORED)])
def test_archives_are_read_whole(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    assert contents(data, "zip") == expected
    assert contents(WAYBILLS, "zip") == unpack(WAYBILLS)


def test_an_empty_archive_has_no_members_and_perhaps_a_comment() -> None:
    reader = ZipReader(22, Bytes("", zip_records.end(0, 0, 0)).read_at, LIMITS)
    assert list(reader.members()) == []
    assert reader.comment == b""
    data = zip_records.end(0, 0, 0, b"Waybill PK\5\6" * 5)
    assert ZipReader(len(data), Bytes("", data).read_at, LIMITS).comment == b"Waybill PK\5\6" * 5


def test_more_members_than_16_bits_count_are_read() -> None:
    writer = ZipWriter()
    data = bytearray()
    for number in range(65_600):
        for chunk in writer.directory(f"{number}", 0):
            data += chunk
    for chunk in writer.end():
        data += chunk
    assert sum(1 for _ in members_of(bytes(data), "zip")) == 65_600


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(data=st.sampled_from([WAYBILLS, COZYS]), end=st.floats(0, 1, exclude_max=True))
def test_an_archive_that_is_cut_anywhere_is_refused(data: bytes, end: float) -> None:
    cut = data[: int(len(data) * end)]
    assert code_of(cut) == (ArchiveCode.TRUNCATED if len(cut) > 1 else ArchiveCode.NOT_AN_ARCHIVE)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(data=st.sampled_from([WAYBILLS, COZYS]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_bit_raises_nothing_else(data: bytes, place: float, bit: int) -> None:
    changed = bytearray(data)
    changed[int(len(data) * place)] ^= 1 << bit
    assert outcome(bytes(changed), "zip") in {"good", *ArchiveCode}


@settings(max_examples=200)
@given(changes=st.lists(st.tuples(st.integers(1, 200), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_directories_raise_nothing_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(a_zip(("a", b"1" * 50), ("b", b"2" * 50), streamed=True))
    for place, byte in changes:
        data[-place] = byte
    assert outcome(bytes(data), "zip") in {"good", *ArchiveCode}


@given(data=st.binary(max_size=200), end=st.booleans())
def test_any_bytes_end_in_a_reason(data: bytes, end: bool) -> None:
    if data or not end:
        with pytest.raises(BadArchive):
            contents(data + (zip_records.end(1, len(data), 0) if end else b""), "zip")


# ---------------------------------------------------------------- Members that are refused


def named(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x" * len(name.encode()))
    info.filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    return info


BAD = {
    "up": (named("../evil"), ArchiveCode.UNSAFE_PATH),
    "absolute": (named("/etc/passwd"), ArchiveCode.UNSAFE_PATH),
    "a drive": (named("C:/evil"), ArchiveCode.UNSAFE_PATH),
    "a backslash": (named("..\\evil"), ArchiveCode.UNSAFE_PATH),
    "a zero byte": (named("a\0b"), ArchiveCode.UNSAFE_PATH),
    "nothing between slashes": (named("a//b"), ArchiveCode.UNSAFE_PATH),
    "a symbolic link": (named("a", stat.S_IFLNK | 0o777), ArchiveCode.LINK),
    "a device": (named("a", stat.S_IFCHR), ArchiveCode.DEVICE),
    "a pipe": (named("a", stat.S_IFIFO), ArchiveCode.DEVICE),
    "a directory with a content": (named("a/"), ArchiveCode.CONTRADICTION),
    "a member twice": (named("first"), ArchiveCode.DUPLICATE_MEMBER),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", BAD)
def test_a_member_that_leads_elsewhere_is_refused(name: str) -> None:
    member, code = BAD[name]
    assert code_of(a_zip(("first", b"1"), (member, b"target"))) == code


def raw_zip(member: Written, content: Content, packed: bytes, listed: Content | None = None) -> bytes:
    """An archive of one member that is written by hand."""
    body = zip_records.local_header(member, content) + packed
    if member.described_after:
        body += zip_records.descriptor(member, content)
    directory = zip_records.central_header(member, listed or content, 0)
    return body + directory + zip_records.end(1, len(directory), len(body))


TEXT = b"text " * 100
CRC32 = zlib.crc32(TEXT)
PACKED = zlib.compress(TEXT, wbits=-15)
WHOLE = Content(CRC32, len(PACKED), len(TEXT))
FILE = Written(b"a", 0, DEFLATED)
AFTER = Written(b"a", 0, DEFLATED, described_after=True)

WRONG = {
    "a name that is not UTF-8": (raw_zip(Written(b"\xff", 0, DEFLATED), WHOLE, PACKED), ArchiveCode.NAME_NOT_UTF_8),
    "more than announced": (
        raw_zip(FILE, Content(CRC32, len(PACKED), len(TEXT) - 1), PACKED),
        ArchiveCode.WRONG_SIZE,
    ),
    "less than announced": (
        raw_zip(FILE, Content(CRC32, len(PACKED), len(TEXT) + 1), PACKED),
        ArchiveCode.WRONG_SIZE,
    ),
    "another checksum": (raw_zip(FILE, Content(CRC32 ^ 1, len(PACKED), len(TEXT)), PACKED), ArchiveCode.WRONG_CHECKSUM),
    "two sizes of a stored member": (
        raw_zip(Written(b"a", 0, STORED), Content(CRC32, len(TEXT), len(TEXT) + 1), TEXT),
        ArchiveCode.WRONG_SIZE,
    ),
    "a stream that ends early": (
        raw_zip(FILE, Content(CRC32, len(PACKED) - 3, len(TEXT)), PACKED[:-3]),
        ArchiveCode.DAMAGED,
    ),
    "bytes behind the stream": (
        raw_zip(FILE, Content(CRC32, len(PACKED) + 3, len(TEXT)), PACKED + b"xyz"),
        ArchiveCode.DAMAGED,
    ),
    "a method that is not taken": (raw_zip(Written(b"a", 0, 12), WHOLE, PACKED), ArchiveCode.UNKNOWN_METHOD),
    "another size in front": (
        raw_zip(FILE, Content(CRC32, len(PACKED), 7), PACKED, WHOLE),
        ArchiveCode.CONTRADICTION,
    ),
    "another size behind": (
        raw_zip(AFTER, Content(CRC32, len(PACKED), 7), PACKED, WHOLE),
        ArchiveCode.CONTRADICTION,
    ),
    "something between member and directory": (raw_zip(FILE, WHOLE, PACKED + b"hidden"), ArchiveCode.OVERLAP),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_archive_that_is_not_what_it_says_is_refused(name: str) -> None:
    data, code = WRONG[name]
    assert code_of(data) == code


def test_the_hand_written_archive_is_good_if_nothing_is_changed() -> None:
    for member in (FILE, AFTER, Written(b"a", 0, DEFLATED, described_after=True, large=True)):
        assert contents(raw_zip(member, WHOLE, PACKED), "zip") == {"a": TEXT}
    bare = bytearray(raw_zip(AFTER, WHOLE, PACKED))
    place = bare.index(b"PK\7\x08")
    del bare[place : place + 4]  # the sign of a descriptor may be missing
    bare[-6:-2] = struct.pack("<L", struct.unpack("<L", bare[-6:-2])[0] - 4)
    assert contents(bytes(bare), "zip") == {"a": TEXT}


def patched(data: bytes, *changes: tuple[bytes, int, bytes]) -> bytes:
    """Put bytes at some place behind a record's sign."""
    made = bytearray(data)
    for sign, place, value in changes:
        start = made.index(sign) + place
        made[start : start + len(value)] = value
    return bytes(made)


LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
TWO = a_zip(("a", b"1" * 50), ("b", b"2" * 50))

CHANGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (lambda: patched(TWO, (LOCAL, 6, b"\1"), (CENTRAL, 8, b"\1")), ArchiveCode.ENCRYPTED),
    "one of several disks": (lambda: patched(TWO, (END, 4, b"\1")), ArchiveCode.MULTI_DISK),
    "a member of another disk": (lambda: patched(TWO, (CENTRAL, 34, b"\1")), ArchiveCode.MULTI_DISK),
    "a directory of another length": (lambda: patched(TWO, (END, 12, b"\1")), ArchiveCode.CONTRADICTION),
    "more members than there are": (lambda: patched(TWO, (END, 8, b"\3\0\3\0")), ArchiveCode.CONTRADICTION),
    "fewer members than there are": (lambda: patched(TWO, (END, 8, b"\1\0\1\0")), ArchiveCode.CONTRADICTION),
    "another name in front": (lambda: patched(TWO, (LOCAL, 30, b"z")), ArchiveCode.CONTRADICTION),
    "another method in front": (lambda: patched(TWO, (LOCAL, 8, b"\0")), ArchiveCode.CONTRADICTION),
    "a program in front": (lambda: b"#!/bin/sh\n" + TWO, ArchiveCode.CONTRADICTION),
    "something behind": (lambda: TWO + b"x", ArchiveCode.TRUNCATED),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_record_is_noticed(name: str) -> None:
    change, code = CHANGED[name]
    assert code_of(change()) == code


def test_members_that_share_a_content_are_refused() -> None:
    """David Fifield, "A better zip bomb": many entries of the directory point to one content."""
    body = zip_records.local_header(FILE, WHOLE) + PACKED
    directory = b"".join(zip_records.central_header(Written(b"a%d" % n, 0, DEFLATED), WHOLE, 0) for n in range(9))
    assert code_of(body + directory + zip_records.end(9, len(directory), len(body))) in {
        ArchiveCode.OVERLAP,
        ArchiveCode.CONTRADICTION,
    }


def test_members_in_another_order_are_refused() -> None:
    first = zip_records.local_header(FILE, WHOLE) + PACKED
    second = Written(b"b", 0, DEFLATED)
    body = first + zip_records.local_header(second, WHOLE) + PACKED
    listed = zip_records.central_header(second, WHOLE, len(first)) + zip_records.central_header(FILE, WHOLE, 0)
    assert code_of(body + listed + zip_records.end(2, len(listed), len(body))) == ArchiveCode.OVERLAP


# ---------------------------------------------------------------- Limits


def test_a_bomb_is_noticed_while_it_unpacks() -> None:
    zeros = a_zip(("zeros", bytes(RATIO_FREE * 4)))
    assert code_of(zeros, Limits(total=1 << 30, member=1 << 30)) == ArchiveCode.ZIP_BOMB
    assert len(contents(zeros, "zip", Limits(total=1 << 30, member=1 << 30, ratio=100_000))["zeros"]) == RATIO_FREE * 4


def test_the_limits_of_size_and_number_hold() -> None:
    assert code_of(TWO, Limits(total=99, member=1000)) == ArchiveCode.TOO_LARGE
    assert code_of(TWO, Limits(total=1000, member=49)) == ArchiveCode.TOO_LARGE
    assert code_of(TWO, Limits(total=1000, member=1000, members=1)) == ArchiveCode.TOO_MANY_MEMBERS
    assert contents(TWO, "zip", Limits(total=100, member=50, members=2)) == {"a": b"1" * 50, "b": b"2" * 50}


# ---------------------------------------------------------------- Some of the members only

MANY = a_zip(
    *((f"{kind}/{number}", f"{kind}{number}".encode() * 50) for kind in "ab" for number in range(5)), streamed=True
)


def chosen(data: bytes, wanted: str = "", start: int = 0) -> list[tuple[int, str, bytes]]:
    """Place, name and content of the members whose names begin so."""
    reader = ZipReader(len(data), Bytes("", data).read_at, LIMITS)
    found = reader.chosen(lambda name: name.startswith(wanted), start=start)
    return [(member.place, member.path, b"".join(member.chunks)) for member in found]


def test_some_members_can_be_read_by_themselves_and_from_a_place_on() -> None:
    whole = chosen(MANY)

    assert [(place, name) for place, name, _ in whole] == [(n, f"{'ab'[n // 5]}/{n % 5}") for n in range(10)]
    assert {name: content for _, name, content in whole} == contents(MANY, "zip")
    assert chosen(MANY, "b/") == whole[5:]
    assert [chosen(MANY, start=start) for start in range(11)] == [whole[start:] for start in range(11)]


def test_what_is_not_drawn_of_a_member_is_passed_over() -> None:
    reader = ZipReader(len(MANY), Bytes("", MANY).read_at, LIMITS)

    assert [member.place for member in reader.chosen(lambda _: True)] == list(range(10))


def test_names_that_nobody_unpacks_to_may_be_any() -> None:
    names = ("a\\b", "../c", "/d", "e", "E", "e\u0301", "\u00e9", "f:g\n")
    odd = a_zip(*((name, name.encode()) for name in names))

    assert [name for _, name, _ in chosen(odd)] == list(names)


def test_one_that_is_damaged_spoils_nothing_of_those_behind_it() -> None:
    data = a_zip(("a", b"a" * 999), ("b", b"b" * 999), ("c", b"c" * 999), method=zipfile.ZIP_STORED)
    data = data.replace(b"b" * 999, b"b" * 500 + b"!" + b"b" * 498)
    reader = ZipReader(len(data), Bytes("", data).read_at, LIMITS)
    read: dict[str, bytes | str] = {}

    for member in reader.chosen(lambda _: True):
        try:
            read[member.path] = b"".join(member.chunks)
        except BadArchive as error:
            read[member.path] = error.code

    assert read == {"a": b"a" * 999, "b": ArchiveCode.WRONG_CHECKSUM, "c": b"c" * 999}


@pytest.mark.parametrize("wanted", ["a", "b"])
def test_members_that_share_a_content_are_refused_also_one_by_one(wanted: str) -> None:
    body = zip_records.local_header(FILE, WHOLE) + PACKED
    names = (b"a", b"b")
    directory = b"".join(zip_records.central_header(Written(name, 0, DEFLATED), WHOLE, 0) for name in names)
    data = body + directory + zip_records.end(2, len(directory), len(body))

    with pytest.raises(BadArchive):
        chosen(data, wanted)
