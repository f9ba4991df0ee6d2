"""Whatever goes into an export comes out of its parts, and every part keeps its promises."""

import hashlib
import random
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import bagit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.archive.exports import (
    CONTAINERS,
    GROUP,
    SCHEMA,
    TAR_GZIP,
    Export,
    Part,
    each_format,
    extract,
    payload,
    plain,
    unpack,
)

from waybill.archive.container import Container
from waybill.domain.plan import PartPlan, PartsHeader

SMALLEST = 10_240


def example(container: Container = TAR_GZIP) -> Export:
    """An export with a little of everything."""
    export = Export(container)
    noise = random.Random(7)
    export.add_records("io.cozy.contacts", [b'{"name":"Ada"}\n{"name":"Bob"}\n', b'{"name":"\xc3\x89ve"}\n'])
    export.add_records("io.cozy.notes", [b'{"text":"%s"}\n' % (b"la " * 9_000)])
    export.add_file("Photos/été 2019/plage.jpg", noise.randbytes(150_000), mime="image/jpeg")
    export.add_file("Photos/été 2019/plage.JPG", noise.randbytes(900), mime="image/jpeg")
    export.add_file("empty", b"")
    export.add_file("run.sh", b"#!/bin/sh\n", executable=True)
    export.add_file("n" * 300 + ".txt", b"long name" * 40_000, mime="text/plain")
    export.add_file("d/" * 400 + "deep.txt", b"deep")
    export.add_file("100 % \N{PILE OF POO}/a:b?.txt", b"odd")
    return export


@pytest.mark.parametrize("parts_size", [SMALLEST, 50_000, 200_000, 1 << 30])
@each_format
def test_all_that_goes_in_comes_out(container: Container, parts_size: int) -> None:
    export = example(container)
    assert payload(export.pack(parts_size)) == export.payload


@pytest.mark.parametrize("name", ["tar", "tar.gz", "tar.zst"])
def test_gnu_tar_reads_the_same(name: str, tmp_path: Path) -> None:
    export = example(CONTAINERS[name])
    (part,) = export.pack(1 << 30)
    archive = tmp_path / part.packed.name
    archive.write_bytes(plain(part.data))
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    done = subprocess.run(["tar", "-xf", archive, "-C", unpacked], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    bag = unpacked / "waybill-part-00001-of-00001"
    found = {str(path.relative_to(bag)): path.read_bytes() for path in (bag / "data").rglob("*") if path.is_file()}
    assert found == export.payload
    assert (bag / "data/files/run.sh").stat().st_mode & 0o777 == 0o755
    assert (bag / "data/files/empty").stat().st_mtime == 1_500_000_000


@pytest.mark.parametrize("parts_size", [SMALLEST, 200_000])
@each_format
def test_every_part_is_a_valid_bag(container: Container, parts_size: int, tmp_path: Path) -> None:
    for part in example(container).pack(parts_size):
        folder = tmp_path / str(part.plan.number)
        folder.mkdir()
        check_bag(part, folder)


def check_bag(part: Part, folder: Path) -> None:
    path = extract(part.data, folder)
    assert part.packed.name in {f"{path.name}.{name}" for name in CONTAINERS}
    bag = bagit.Bag(str(path))
    assert bag.validate()
    assert bag.info["Bag-Group-Identifier"] == GROUP
    assert bag.info["Bag-Count"].startswith(f"{part.plan.number} of ")
    assert bag.info["Payload-Oxum"] == f"{part.packed.payload_size}.{part.packed.entries}"
    manifest = (path / "manifest-sha256.txt").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == part.packed.entry_list_sha256


def test_what_the_writer_says_of_a_part() -> None:
    (part,) = example().pack(1 << 30)
    packed = part.packed
    assert packed.size == len(part.data)
    assert packed.sha256 == hashlib.sha256(part.data).hexdigest()
    assert packed.entries == 10
    assert packed.records_written == {"io.cozy.contacts": 3, "io.cozy.notes": 1}
    assert packed.file_counts["io.cozy.files"].written == 7
    assert packed.gaps == ()


def test_a_part_holds_the_schemas_of_its_records_only() -> None:
    parts = example().pack(SMALLEST)
    with_contacts = unpack(parts[0].data)
    schema = with_contacts[f"waybill-part-00001-of-{len(parts):05}/schemas/io.cozy.contacts.json"]
    assert schema == SCHEMA.encode()
    assert not any("/schemas/" in path for path in unpack(parts[-1].data))


@each_format
def test_an_export_of_nothing_is_an_empty_bag(container: Container, tmp_path: Path) -> None:
    (part,) = Export(container).pack(SMALLEST)
    assert len(part.data) <= part.plan.bound <= SMALLEST
    assert part.packed.entries == 0
    check_bag(part, tmp_path)
    bag = tmp_path / "waybill-part-00001-of-00001"
    assert list((bag / "data").iterdir()) == []
    assert (bag / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert (bag / "manifest-sha256.txt").read_bytes() == b""


@each_format
def test_the_same_data_gives_the_same_bytes(container: Container) -> None:
    first, second = (example(container).pack(50_000) for _ in range(2))
    assert [part.data for part in first] == [part.data for part in second]


def is_kept(plan: PartPlan, size: int, parts_size: int) -> bool:
    alone = len(plan.entries) + len(plan.files) == 1
    return size <= plan.bound and (plan.bound <= parts_size or alone)


contents = st.one_of(
    st.binary(max_size=3_000),
    st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 99), st.integers(0, 200_000)),
    st.builds(lambda text, times: text * times, st.binary(max_size=40), st.integers(0, 4_000)),
)
mimes = st.sampled_from(["", "image/jpeg", "text/plain", "application/zip"])
files = st.lists(st.tuples(st.text(max_size=60), contents, mimes, st.booleans()), max_size=12)
records = st.lists(
    st.tuples(st.sampled_from(["users", "notes"]), st.lists(contents, min_size=1, max_size=4)),
    max_size=3,
)


@each_format
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(some_records=records, some_files=files, parts_size=st.integers(SMALLEST, 400_000))
def test_any_export_round_trips_within_its_bounds(
    container: Container,
    some_records: list[tuple[str, list[bytes]]],
    some_files: list[tuple[str, bytes, str, bool]],
    parts_size: int,
) -> None:
    def build() -> Export:
        export = Export(container)
        for doctype, entries in some_records:
            export.add_records(doctype, entries)
        for path, content, mime, executable in some_files:
            export.add_file(path, content, mime=mime, executable=executable)
        return export

    export = build()
    parts = export.pack(parts_size)
    assert payload(parts) == export.payload
    assert all(is_kept(part.plan, len(part.data), parts_size) for part in parts)
    assert [part.plan.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.data for part in parts] == [part.data for part in build().pack(parts_size)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=15))
def test_any_names_make_valid_bags(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    export = Export()
    for name in names:
        export.add_file(name, name.encode("utf-8", "surrogatepass"))
    for part in export.pack(SMALLEST):
        check_bag(part, tmp_path_factory.mktemp("bag"))


@each_format
def test_memory_does_not_grow_with_a_file(container: Container) -> None:
    def peak(size: int) -> int:
        export = Export(container)
        export.add_file("large.txt", b"")
        reference = replace(export.files[0].reference, size=size)
        export.files[0] = replace(export.files[0], reference=reference)
        chunk = bytes(range(256)) * 256
        (plan,) = export.plans(1 << 40)
        writer = export.writer(plan, PartsHeader(GROUP, 1, 1), lambda _: (chunk for _ in range(size // len(chunk))))
        tracemalloc.start()
        for _ in writer.steps():
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(64 << 20) < 1.1 * peak(8 << 20) < 16 << 20
