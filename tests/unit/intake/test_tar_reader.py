"""Members of tar archives: Waybill's own come out whole, and no other leads anywhere or grows beyond its limits."""

import gzip
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import CONTAINERS, Export, unpack
from tests.unit.intake.archives import LIMITS, a_tar, contents, info, members_of, outcome
from tests.unit.intake.reading import cuts

from waybill.intake.codes import ArchiveCode
from waybill.intake.members import RATIO_FREE, BadArchive, Limits
from waybill.intake.tar_reader import tar_members

PACKINGS = ("tar", "tar.gz", "tar.zst")
each_packing = pytest.mark.parametrize("packing", PACKINGS)


def packed(data: bytes, packing: str) -> bytes:
    if packing == "tar.gz":
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor().compress(data) if packing == "tar.zst" else data


def export(packing: str) -> bytes:
    made = Export(CONTAINERS[packing])
    made.add_records("io.cozy.contacts", [b'{"a":1}\n{"b":2}\n', b'{"c":3}\n'])
    made.add_file("Über/" + "long/" * 40 + "täxt.txt", b"text " * 1000)
    made.add_file("empty", b"")
    made.add_file("noise", bytes(range(256)) * 5000)
    (part,) = made.pack(1 << 30)
    return part.data


ARCHIVES = {packing: export(packing) for packing in PACKINGS}


def code_of(data: bytes, packing: str = "tar", limits: Limits = LIMITS, sizes: tuple[int, ...] = (100_000,)) -> str:
    with pytest.raises(BadArchive) as caught:
        contents(data, packing, limits, sizes)
    return caught.value.code


@each_packing
@pytest.mark.parametrize("size", [1_013, 1 << 20])
def test_waybills_own_archives_are_read_whole(packing: str, size: int) -> None:
    assert contents(ARCHIVES[packing], packing, sizes=[size]) == unpack(ARCHIVES[packing])


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(packing=st.sampled_from(PACKINGS), end=st.floats(0, 1, exclude_max=True))
@example(packing="tar.gz", end=0.0)
def test_an_archive_that_is_cut_anywhere_is_noticed(packing: str, end: float) -> None:
    data = ARCHIVES[packing]
    cut = data[: int(len(data) * end)]
    code = code_of(cut, packing)
    assert code == (ArchiveCode.TRUNCATED if cut else ArchiveCode.NOT_AN_ARCHIVE) or len(cut) < 512


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(packing=st.sampled_from(PACKINGS), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), sizes=cuts)
def test_a_changed_bit_raises_nothing_else(packing: str, place: float, bit: int, sizes: list[int]) -> None:
    data = bytearray(ARCHIVES[packing])
    data[int(len(data) * place)] ^= 1 << bit
    assert outcome(bytes(data), packing, [size * 1000 for size in sizes]) in {"good", *ArchiveCode}


@given(data=st.binary(max_size=1500), packing=st.sampled_from(PACKINGS), sizes=cuts)
def test_any_bytes_end_in_members_or_in_a_reason(data: bytes, packing: str, sizes: list[int]) -> None:
    with pytest.raises(BadArchive):
        contents(data, packing, sizes=sizes)


BAD = {
    "up": (info("../evil"), ArchiveCode.UNSAFE_PATH),
    "up, further in": (info("a/../../evil"), ArchiveCode.UNSAFE_PATH),
    "absolute": (info("/etc/passwd"), ArchiveCode.UNSAFE_PATH),
    "a drive": (info("C:evil"), ArchiveCode.UNSAFE_PATH),
    "a backslash": (info("a\\..\\evil"), ArchiveCode.UNSAFE_PATH),
    "a line break": (info("a\nb"), ArchiveCode.UNSAFE_PATH),
    "itself": (info("./a"), ArchiveCode.UNSAFE_PATH),
    "no name": (info(""), ArchiveCode.UNSAFE_PATH),
    "a name that is too long": (info("x" * 5000), ArchiveCode.UNSAFE_PATH),
    "a symbolic link": (info("a", tarfile.SYMTYPE, "/etc/passwd"), ArchiveCode.LINK),
    "a hard link": (info("a", tarfile.LNKTYPE, "first"), ArchiveCode.LINK),
    "a character device": (info("a", tarfile.CHRTYPE), ArchiveCode.DEVICE),
    "a block device": (info("a", tarfile.BLKTYPE), ArchiveCode.DEVICE),
    "a pipe": (info("a", tarfile.FIFOTYPE), ArchiveCode.DEVICE),
    "a sparse file": (info("a", tarfile.GNUTYPE_SPARSE), ArchiveCode.UNKNOWN_KIND),
    "a member twice": (info("first"), ArchiveCode.DUPLICATE_MEMBER),
    "a member twice, decomposed": (info("fu\u0308r"), ArchiveCode.DUPLICATE_MEMBER),
}


@pytest.mark.parametrize("name", BAD)
def test_a_member_that_leads_elsewhere_is_refused(name: str) -> None:
    member, code = BAD[name]
    data = a_tar((info("first"), b"1"), (info("für"), b"2"), (member, b""))
    assert code_of(data) == code


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    data = a_tar((info("a\udcff"), b""), form=tarfile.USTAR_FORMAT)
    assert code_of(data) == ArchiveCode.NAME_NOT_UTF_8


def test_long_names_of_gnu_tar_are_not_taken() -> None:
    assert code_of(a_tar((info("x" * 300), b""), form=tarfile.GNU_FORMAT)) == ArchiveCode.UNKNOWN_KIND


@each_packing
def test_something_behind_the_end_is_refused(packing: str) -> None:
    data = ARCHIVES[packing]
    expected = {ArchiveCode.TRAILING_DATA} if packing == "tar" else {ArchiveCode.DAMAGED, ArchiveCode.TRUNCATED}
    assert code_of(data + b"x", packing) in expected
    second = packed(a_tar((info("more"), b"more")), packing)
    assert code_of(data + second, packing) == ArchiveCode.TRAILING_DATA


def test_what_is_no_archive_is_refused() -> None:
    assert code_of(b"") == ArchiveCode.NOT_AN_ARCHIVE
    assert code_of(b"x" * 1024) == ArchiveCode.NOT_AN_ARCHIVE
    assert code_of(b"x" * 1024, "tar.gz") == ArchiveCode.DAMAGED


def test_a_changed_header_is_noticed() -> None:
    data = bytearray(a_tar((info("first"), b"1"), (info("second"), b"2")))
    data[1024] ^= 1
    assert code_of(bytes(data)) == ArchiveCode.DAMAGED


def test_a_header_between_members_that_is_all_zeros_is_no_end() -> None:
    data = a_tar((info("first"), b"1"), (info("second"), b"2"))
    assert code_of(data[:1024] + bytes(512) + data[1024:]) == ArchiveCode.DAMAGED


@pytest.mark.parametrize(
    "records",
    [b"x", b"5 a=\n6 b=", b"99999 path=x\n", b"9 path=x\n9 path=y\n", b"24 GNU.sparse.major=1234\n", b"9 size=x\n"],
)
def test_headers_that_cannot_be_read_are_refused(records: bytes) -> None:
    data = a_tar((info("pax", tarfile.XHDTYPE), records), (info("a"), b"1"))
    assert code_of(data) == ArchiveCode.DAMAGED


# ---------------------------------------------------------------- Limits


@pytest.mark.parametrize("packing", ["tar.gz", "tar.zst"])
def test_a_bomb_is_noticed_while_it_unpacks(packing: str) -> None:
    zeros = a_tar((info("zeros"), bytes(RATIO_FREE * 4)))
    assert code_of(packed(zeros, packing), packing, Limits(total=1 << 30, member=1 << 30)) == ArchiveCode.ZIP_BOMB
    generous = Limits(total=1 << 30, member=1 << 30, ratio=100_000)
    assert len(contents(packed(zeros, packing), packing, generous)["zeros"]) == RATIO_FREE * 4


@each_packing
def test_the_limits_of_size_and_number_hold(packing: str) -> None:
    data = ARCHIVES[packing]
    total = sum(map(len, unpack(data).values()))
    assert code_of(data, packing, Limits(total=total, member=1 << 28)) == ArchiveCode.TOO_LARGE
    assert code_of(data, packing, Limits(total=1 << 30, member=1000)) == ArchiveCode.TOO_LARGE
    assert code_of(data, packing, Limits(total=1 << 30, member=1 << 28, members=3)) == ArchiveCode.TOO_MANY_MEMBERS


def test_a_member_that_announces_more_than_there_is_ends_the_archive() -> None:
    member = info("a")
    member.size = 10_000
    data = member.tobuf() + b"x" * 5_000
    assert code_of(data) == ArchiveCode.TRUNCATED


def test_an_archive_without_end_is_read_only_as_far_as_it_is_drawn() -> None:
    drawn = 0

    def endless() -> Iterator[bytes]:
        nonlocal drawn
        member = info("a")
        member.size = 1 << 40
        yield member.tobuf(tarfile.PAX_FORMAT)
        while True:
            drawn += 1
            yield bytes(100_000)

    limits = Limits(total=10_000_000, member=1 << 50)
    with pytest.raises(BadArchive, match="more than"):
        list(tar_members(endless(), "tar", limits))
    assert drawn <= 101


def test_what_is_not_drawn_is_checked_all_the_same() -> None:
    damaged = bytearray(gzip.compress(a_tar((info("first"), b"1" * 5000), (info("second"), b"2")), mtime=0))
    damaged[-5] ^= 1
    with pytest.raises(BadArchive):
        list(members_of(bytes(damaged), "tar.gz"))
    names = [member.path for member in members_of(a_tar((info("first"), b"1" * 5000), (info("second"), b"2")), "tar")]
    assert names == ["first", "second"]


def test_many_gzip_members_and_frames_are_one_archive() -> None:
    plain = a_tar((info("a"), b"1" * 3000))
    pieces = [plain[start : start + 700] for start in range(0, len(plain), 700)]
    for packing in ("tar.gz", "tar.zst"):
        joined = b"".join(packed(piece, packing) for piece in pieces)
        assert contents(joined, packing, sizes=[13]) == {"a": b"1" * 3000}


@pytest.mark.parametrize(("packing", "most"), [("tar", 2_000_000), ("tar.gz", 4_000_000), ("tar.zst", 30_000_000)])
def test_memory_is_flat_whatever_comes_out(packing: str, most: int) -> None:
    size = 100_000_000
    archive = packed(a_tar((info("zeros"), bytes(size))), packing)
    limits = Limits(total=2 * size, member=size, ratio=100_000)
    tracemalloc.start()
    try:
        (member,) = ((each, sum(map(len, each.chunks))) for each in members_of(archive, packing, limits))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert member[1] == size
    assert peak < most
