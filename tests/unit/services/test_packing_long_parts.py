"""Parts that take several calls, are killed on the way, or whose files break off: the same bytes, or a named gap."""

import hashlib
import io
import json
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import FakeBudget, MemoryObjects
from tests.unit.services.exports import Product, picture, record

from waybill.archive import copying
from waybill.domain import keys
from waybill.domain.errors import ObjectDenied, StorageUnavailable
from waybill.domain.job import ExportJob
from waybill.domain.options import COZY, PLAIN, ExportOptions
from waybill.domain.plan import StoredDigests
from waybill.ports import Body, SourceItem
from waybill.services import part_packing, part_upload

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
NOISE = random.Random(3).randbytes(3 * MEBIBYTE)
CONTENTS = {
    "a": NOISE[: 2 * MEBIBYTE + 5],
    "b": b"small",
    "c": NOISE[5 : 5 + 1_500 * KIBIBYTE],
    "d": NOISE[: 150 * KIBIBYTE],
    "e": b"text " * 500_000,
    "f": b"",
}
FORMATS = ["tar.gz", "tar", "tar.zst", "zip"]

each_format = pytest.mark.parametrize("name", FORMATS)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces as S3 has them, only eighty times smaller."""
    for module in (copying, part_upload, part_packing):
        monkeypatch.setattr(module, "LEAST_PIECE", 64 * KIBIBYTE)
    monkeypatch.setattr(copying, "LEAST_COPIED", 128 * KIBIBYTE)
    monkeypatch.setattr(part_upload, "PIECE", 200 * KIBIBYTE)
    monkeypatch.setattr(part_packing, "PIECE", 200 * KIBIBYTE)
    monkeypatch.setattr(part_packing, "CHECKPOINT_BYTES", 700 * KIBIBYTE)


def file(key: str, content: bytes) -> SourceItem:
    """The index record of a file: a picture if it cannot be compressed."""
    item = picture(key, content)
    assert item.file is not None
    return replace(item, file=replace(item.file, mime="text/plain" if content.startswith(b"text") else "image/jpeg"))


def product_of(contents: dict[str, bytes] = CONTENTS, *, digests: bool = True) -> Product:
    """A product with some records and these files. ``digests`` says whether the store knows their SHA-256."""
    product = Product([record(f"r{number}") for number in range(20)], [file(key, contents[key]) for key in contents])
    product.archives.least_piece = 64 * KIBIBYTE
    for key, content in contents.items():
        product.files.put(f"alice/{key}", content)
        if digests:
            product.files.digests[f"alice/{key}"] = StoredDigests(hashlib.sha256(content).hexdigest())
    return product


def planned(product: Product, name: str) -> ExportJob:
    """An export that is read and planned, but not packed."""
    job = product.create(ExportOptions(format=name))
    for batch in product.plan(job):
        product.read(job, batch)
    product.plan_parts(job)
    return job


def undisturbed(name: str) -> bytes:
    product = product_of()
    (part,) = product.parts(product.export(ExportOptions(format=name)))
    return part


@each_format
def test_a_part_may_take_many_calls(name: str) -> None:
    product = product_of()
    job = planned(product, name)

    calls = 1
    while not product.pack(job, budget=FakeBudget(1)):
        calls += 1

    assert calls > 3
    assert product.finish(job).ready
    assert product.parts(job) == [undisturbed(name)]
    assert product.archives.uploads == {}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ExportOptions(format="zip", layout=COZY), id="cozy"),
        pytest.param(ExportOptions(format="json", layout=PLAIN, without_files=True), id="json"),
        pytest.param(ExportOptions(format="csv", layout=PLAIN, without_files=True), id="csv"),
    ],
)
def test_a_part_of_another_layout_may_take_many_calls(options: ExportOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 20)
    records = [record(f"r{number:03}", NOISE[number * 999 :][:6_000].hex()) for number in range(150)]

    def product() -> Product:
        made = product_of(digests=False)
        made.contacts = records
        return made

    whole, interrupted = product(), product()
    job = interrupted.create(options)
    for batch in interrupted.plan(job):
        interrupted.read(job, batch)
    interrupted.plan_parts(job)

    calls = 1
    while not interrupted.pack(job, budget=FakeBudget(1)):
        calls += 1

    assert calls > 3
    assert interrupted.finish(job).ready
    assert interrupted.parts(job) == whole.parts(whole.export(options))
    copied = {source.key for _, _, source in whole.archives.copies}
    assert copied == ({"alice/a", "alice/c", "alice/d"} if options.layout == COZY else set())


@each_format
def test_every_call_gets_on_even_if_there_is_no_time_at_all(name: str) -> None:
    product = product_of()
    job = planned(product, name)
    seen: list[bytes] = []

    while not product.pack(job, budget=FakeBudget(1)):
        checkpoint = product.archives.objects[keys.packing(job.id, 1)]
        assert checkpoint not in seen
        seen.append(checkpoint)


class Killed(BaseException):
    """What no code of ours expects, as a process that is killed."""


def killing(objects: MemoryObjects, at: int) -> Callable[[], int]:
    """Kill whoever uses the store for the ``at``-th time; return what tells how often it was used."""
    used = 0

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **names: Any) -> Any:
            nonlocal used
            used += 1
            if used == at:
                raise Killed
            return method(*args, **names)

        return run

    for name in ("put", "start_upload", "put_piece", "copy_piece", "finish_upload"):
        setattr(objects, name, guarded(getattr(objects, name)))
    return lambda: used


def uses(name: str) -> int:
    product = product_of()
    job = planned(product, name)
    used = killing(product.archives, 0)
    product.pack(job)
    return used()


@each_format
def test_killed_anywhere_and_run_again_the_bytes_are_the_same(name: str) -> None:
    expected = undisturbed(name)
    for at in range(1, uses(name) + 1):
        product = product_of()
        job = planned(product, name)
        killing(product.archives, at)
        with pytest.raises(Killed):
            product.pack(job)
        assert product.pack(job)
        assert product.finish(job).ready
        assert product.parts(job) == [expected], at
        assert product.archives.uploads == {}


@each_format
def test_what_was_packed_before_a_kill_is_not_packed_again(name: str) -> None:
    product = product_of(digests=False)
    job = planned(product, name)
    assert not product.pack(job, budget=FakeBudget(3))
    before = len(product.archives.puts)
    product.files.gets.clear()

    assert product.pack(job)

    assert "alice/a" not in product.files.gets
    assert len(product.archives.puts) > before


def test_an_upload_that_the_store_lost_is_begun_anew() -> None:
    product = product_of()
    job = planned(product, "tar.gz")
    assert not product.pack(job, budget=FakeBudget(1))
    product.archives.uploads.clear()

    assert product.pack(job)
    assert product.finish(job).ready
    assert product.parts(job) == [undisturbed("tar.gz")]


def test_an_upload_that_is_lost_under_way_is_begun_anew_once() -> None:
    product = product_of()
    job = planned(product, "tar.gz")
    put_piece = product.archives.put_piece

    def losing(key: str, upload: str, number: int, data: bytes | Body) -> Any:
        if number == 3:
            product.archives.uploads.clear()
        return put_piece(key, upload, number, data)

    product.archives.put_piece = losing  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable, match="again and again"):
        product.pack(job)
    product.archives.put_piece = put_piece  # type: ignore[method-assign]
    assert product.pack(job)
    assert product.finish(job).ready
    assert product.parts(job) == [undisturbed("tar.gz")]


def names_in(part: bytes) -> set[str]:
    if part.startswith(b"PK"):
        return {name.partition("/")[2] for name in zipfile.ZipFile(io.BytesIO(part)).namelist()}
    with tarfile.open(fileobj=io.BytesIO(part), mode="r:*") as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.mark.parametrize("name", ["tar.gz", "tar", "zip"])
@pytest.mark.parametrize("budget", [None, 1])
def test_a_file_that_breaks_off_late_is_a_gap_and_the_rest_goes_on(name: str, budget: int | None) -> None:
    product = product_of(digests=False)
    job = planned(product, name)
    product.files.cut_short["alice/e"] = 2 * MEBIBYTE

    while not product.pack(job, budget=FakeBudget(budget)):
        pass

    assert product.finish(job).ready
    manifest = product.manifest(job)
    assert [(gap["id"], gap["code"]) for gap in manifest["gaps"]] == [("e", "file_unreadable")]
    assert manifest["files"] == {"expected": 6, "written": 5, "skipped": 0, "failed": 1}
    (part,) = product.parts(job)
    assert "data/files/_without_folder/e.txt" not in names_in(part)
    assert "data/files/_without_folder/d.txt" in names_in(part)


@pytest.mark.parametrize("name", ["tar", "zip"])
def test_a_file_that_goes_while_it_is_copied_is_a_gap(name: str) -> None:
    contents = {key: NOISE[:400_000] if key == "c" else content for key, content in CONTENTS.items()}
    product = product_of(contents)
    job = planned(product, name)
    copy_piece = product.archives.copy_piece

    def vanishing(key: str, upload: str, number: int, source: Any) -> Any:
        if source.key == "alice/c":
            product.files.objects.pop("alice/c", None)
        return copy_piece(key, upload, number, source)

    product.archives.copy_piece = vanishing  # type: ignore[method-assign]
    assert product.pack(job)
    assert product.finish(job).ready
    assert [(gap["id"], gap["code"]) for gap in product.manifest(job)["gaps"]] == [("c", "file_missing")]


def test_a_file_that_is_denied_is_a_gap_and_the_rest_goes_on() -> None:
    product = product_of()
    job = planned(product, "tar")
    product.files.fail_on["alice/a"] = ObjectDenied("no")
    product.files.fail_on["alice/b"] = ObjectDenied("no")

    assert product.pack(job)
    assert product.finish(job).ready
    gaps = product.manifest(job)["gaps"]
    assert sorted((gap["id"], gap["code"]) for gap in gaps) == [("a", "file_denied"), ("b", "file_denied")]


def test_the_manifest_says_what_covers_a_part_with_copied_files() -> None:
    product = product_of()
    job = product.export(ExportOptions(format="tar"))

    (part,) = product.manifest(job)["parts"]
    (data,) = product.parts(job)
    assert (part["sha256"], part["crc32"]) == (None, f"{zlib.crc32(data):08x}")
    assert len(part["entry_list_sha256"]) == 64
    assert part["copied"] == len(product.archives.copies) == 4
    assert json.loads(product.archives.objects[keys.pieces(job.id)]) == [{"digests": [], "length": 0}]
