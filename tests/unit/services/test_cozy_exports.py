"""An export in the layout cozy, from its sources to what a Cozy imports of it."""

import json
import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.fakes import FakeBudget, etag_of
from tests.unit.archive.cozy_exports import file_document, imported
from tests.unit.archive.exports import unpack
from tests.unit.services.exports import TENANT, Product, broken, record

from waybill.domain.errors import InvalidOptions, TooManyParts
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.options import COZY, ExportOptions
from waybill.domain.plan import Directory, FileReference, PackedPart
from waybill.ports import SourceItem

FILES = "pictures"
OPTIONS = ExportOptions(parts_size=20_000, format="zip", layout=COZY)
CONTACTS = [record(f"c{number:03}", random.Random(number).randbytes(40).hex()) for number in range(60)]


def folder(key: str, path: str) -> SourceItem:
    line = json.dumps({"_id": key, "type": "directory", "path": path}).encode()
    return SourceItem(key, line=line, directory=Directory(key, path))


def photo(key: str, content: bytes, **changes: Any) -> SourceItem:
    line = json.dumps({"_id": key, **file_document(f"{key}.jpg", content, "album"), **changes}).encode()
    reference = FileReference(
        key, f"{key}.jpg", "album", f"{TENANT}/{key}", len(content), etag_of(content), "image/jpeg"
    )
    return SourceItem(key, line=line, file=reference)


def lost(key: str) -> SourceItem:
    """The record of a file whose content is not in the bucket."""
    gap = Gap(FILES, "file", key, Outcome.FAILED, "file_missing", "There is no content.")
    return SourceItem(key, line=b'{"type": "file"}', file_gap=gap)


def album() -> Product:
    contents = {f"{number:02}": random.Random(number).randbytes(3_000) for number in range(20)}
    pictures = [photo(key, content) for key, content in contents.items()]
    folders = [folder("a", "/deep/er"), folder("album", "/album"), folder("z", "/deep")]
    product = Product(CONTACTS, [*pictures, *folders])
    product.files.objects = {f"{TENANT}/{key}": content for key, content in contents.items()}
    return product


def test_a_cozy_imports_all_that_the_sources_give() -> None:
    product = album()

    job = product.export(OPTIONS)

    cozy = imported(product.parts(job), FILES)
    assert cozy.documents == {"contacts": {item.key: item.line for item in CONTACTS}}
    assert cozy.directories == ["/album", "/deep", "/deep/er"]
    assert {key: content for key, (_, content) in cozy.files.items()} == {
        key.removeprefix(f"{TENANT}/"): content for key, content in product.files.objects.items()
    }
    assert [text for text, _ in cozy.files.values()] == [item.line for item in product.pictures if item.file]
    assert job.parts == len(product.parts(job)) > 3


def test_the_manifest_counts_every_record_and_every_entry() -> None:
    product = album()

    manifest = product.manifest(product.export(OPTIONS))

    assert manifest["layout"] == "cozy"
    assert manifest["doctypes"] == {
        "contacts": {"expected": 60, "written": 60, "skipped": 0, "failed": 0},
        FILES: {"expected": 23, "written": 23, "skipped": 0, "failed": 0},
        "todos": {"expected": 0, "written": 0, "skipped": 0, "failed": 0},
    }
    assert manifest["files"]["written"] == 20
    assert sum(part["entries"] for part in manifest["parts"]) == 1 + 60 + 3 + 2 * 20
    assert {part["entry_list_sha256"] for part in manifest["parts"]} == {None}
    assert all(part["sha256"] and part["crc32"] for part in manifest["parts"])


def test_a_file_that_is_gone_takes_its_record_with_it_and_both_are_named() -> None:
    product = album()
    product.pictures = [*product.pictures, lost("zz")]
    del product.files.objects[f"{TENANT}/07"]
    product.files.objects[f"{TENANT}/08"] = b"another"

    job = product.export(OPTIONS)

    assert set(imported(product.parts(job), FILES).files) == {f"{n:02}" for n in range(20)} - {"07", "08"}
    assert sorted((gap["id"], gap["kind"], gap["code"]) for gap in product.manifest(job)["gaps"]) == [
        ("07", "file", "file_missing"),
        ("07", "record", "file_missing"),
        ("08", "file", "file_changed"),
        ("08", "record", "file_changed"),
        ("zz", "file", "file_missing"),
        ("zz", "record", "file_missing"),
    ]
    assert job.gaps == 6


def test_a_record_that_is_neither_file_nor_directory_is_named() -> None:
    """Cozy would take it for a file, and the entry behind it for its content."""
    product = Product([broken("c1")], [SourceItem("link", line=b'{"type": "shortcut"}')])

    job = product.export(OPTIONS)

    assert [(gap["doctype"], gap["id"], gap["code"]) for gap in product.manifest(job)["gaps"]] == [
        ("contacts", "c1", "invalid_json"),
        (FILES, "link", "not_a_file"),
    ]
    assert imported(product.parts(job), FILES).files == {}


def test_the_index_is_corrected_where_it_is_wrong_about_a_file() -> None:
    content = b"what is really there"
    product = Product(pictures=[folder("album", "/album"), photo("sea", content, size="7", n=1)])
    product.files.objects = {f"{TENANT}/sea": content}

    cozy = imported(product.parts(product.export(OPTIONS)), FILES)

    document = json.loads(cozy.files["sea"][0])
    assert (document["size"], document["n"], "md5sum" in document) == ("20", 1, False)


def test_every_part_but_the_first_begins_with_a_file_that_it_can_be_named_by() -> None:
    product = album()
    job = product.create(OPTIONS)
    packed = packed_parts(product, job)

    firsts = [part.first_file for part in packed]

    assert firsts[0] == ""
    assert firsts[1:] == sorted(set(firsts[1:]))
    assert firsts[1] == f"{FILES}/00"


def packed_parts(product: Product, job: ExportJob) -> list[PackedPart]:
    for batch in product.plan(job):
        product.read(job, batch)
    product.plan_parts(job)
    product.pack(job)
    keys = sorted(key for key in product.archives.objects if "/work/packed/" in key)
    return [msgspec.json.decode(product.archives.objects[key], type=PackedPart) for key in keys]


def test_too_many_parts_are_refused_with_a_size_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.plan_parts.MOST_PARTS", 3)
    with pytest.raises(TooManyParts) as caught:
        album().export(replace(OPTIONS, parts_size=10_240))

    enough = int(str(caught.value).rpartition("parts_size of ")[2].split()[0])
    assert album().export(replace(OPTIONS, parts_size=enough)).parts <= 3


def test_names_that_are_too_long_together_are_refused_before_anything_is_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("waybill.domain.cursor.MOST_NAME_BYTES", 20)
    product = album()
    job = product.create(OPTIONS)
    for batch in product.plan(job):
        product.read(job, batch)

    with pytest.raises(TooManyParts, match="larger parts_size"):
        product.plan_parts(job)


def test_too_many_records_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.parts_plan.MOST_DOCUMENTS", 82)
    with pytest.raises(InvalidOptions, match=r"83 records, and 82 is the most .* with_doctypes"):
        album().export(OPTIONS)


def test_without_files_there_is_one_part_of_documents_alone() -> None:
    product = album()

    job = product.export(replace(OPTIONS, without_files=True))

    (part,) = product.parts(job)
    assert set(unpack(part)) == {
        "My Cozy/Data/instance.json",
        *(f"My Cozy/Data/contacts/{item.key}.json" for item in CONTACTS),
    }


def test_an_export_that_was_interrupted_everywhere_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 7)
    undisturbed, product = album(), album()
    job = product.create(OPTIONS)
    for batch in product.plan(job):
        while not product.read(job, batch, FakeBudget(1)):
            pass
    product.plan_parts(job)
    while not product.pack(job, budget=FakeBudget(1)):
        pass
    product.finish(job)

    assert product.parts(job) == undisturbed.parts(undisturbed.export(OPTIONS))


def test_runs_that_are_cut_by_their_number_of_documents_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, product = album(), album()
    monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 7)
    monkeypatch.setattr("waybill.archive.cozy_layout.RUN_DOCUMENTS", 2)
    cut = imported(product.parts(product.export(OPTIONS)), FILES)
    monkeypatch.undo()

    assert cut == imported(whole.parts(whole.export(OPTIONS)), FILES)
