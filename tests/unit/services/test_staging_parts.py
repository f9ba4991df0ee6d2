"""Parts and groups, whatever order they come in: rows, contents, and what is wrong with them."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import MemorySigner
from tests.unit.archive.cozy_exports import CozyExport
from tests.unit.archive.exports import CONTAINERS, GROUP, Export, Part, plain, unpack
from tests.unit.intake.archives import a_tar, a_zip, info
from tests.unit.services.staging import LIMITS, Import

from waybill.adapters.signature_verifier import P256Verifier
from waybill.domain import import_keys
from waybill.domain.errors import InputRefused
from waybill.domain.import_limits import ImportLimits
from waybill.intake.staged_inputs import RemarkCode, failures_form

FORMATS = tuple(CONTAINERS)
PARTS_SIZE = 120_000
CONTACTS = [{"_id": f"c{number}", "n": number} for number in range(40)]
PHOTOS = {f"file-{number}": hashlib.sha256(b"%d" % number).digest() * 2000 for number in range(4)}


def lines(records: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def file_record(name: str, photo: str = "") -> dict[str, Any]:
    return {"_id": name, "type": "file", "name": f"{photo or name}.jpg", "dir_id": "d1"}


DIRECTORY = {"_id": "d1", "type": "directory", "name": "Photos", "path": "/Photos"}


def export(packing: str, group: str = GROUP, salt: bytes = b"") -> list[Part]:
    """A bag in several parts: contacts, a directory, files and their records."""
    made = Export(CONTAINERS[packing])
    made.add_records("io.cozy.contacts", [lines(CONTACTS[:25]), lines(CONTACTS[25:]) + salt])
    made.add_records("io.cozy.files", [lines([file_record("file-0"), DIRECTORY, *map(file_record, list(PHOTOS)[1:])])])
    for name, content in PHOTOS.items():
        made.add_file(f"Photos/{name}.jpg", content, mime="image/jpeg")
    return made.pack(PARTS_SIZE, group=group)


EXPORTS = {packing: export(packing) for packing in FORMATS}
assert all(len(parts) > 2 for parts in EXPORTS.values())


def manifest(parts: Sequence[Part], layout: str = "bag", **changes: Any) -> bytes:
    told = [
        {
            "number": part.packed.number,
            "name": part.packed.name,
            "size": part.packed.size,
            "sha256": part.packed.sha256,
            "crc32": part.packed.crc32,
            "entry_list_sha256": part.packed.entry_list_sha256,
        }
        for part in parts
    ]
    document = {"version": 1, "group": GROUP, "format": "zip", "layout": layout, "parts": told, **changes}
    return json.dumps(document).encode()


def given_parts(*parts: bytes, budgets: Sequence[int] = (), **options: Any) -> Import:
    """Stage these files."""
    made = Import(row_file_size=options.pop("row_file_size", 4 << 20), limits=options.pop("limits", LIMITS))
    for number, data in enumerate(parts):
        made.upload(f"file-{number}", data)
    made.stage(budgets, **options)
    return made


def refused(*parts: bytes, **options: Any) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        given_parts(*parts, **options)
    return caught.value


def check_all_is_there(made: Import) -> None:
    assert made.values("io.cozy.contacts") == CONTACTS
    assert made.values("io.cozy.files") == [DIRECTORY, *map(file_record, PHOTOS)]
    assert made.contents == {("io.cozy.files", name): content for name, content in PHOTOS.items()}
    counts = made.now.counts
    assert (counts.rows, counts.files, counts.file_bytes) == (45, 4, 4 * 64_000)


@pytest.mark.parametrize("packing", FORMATS)
def test_a_group_comes_back_whatever_it_is_packed_in(packing: str) -> None:
    made = given_parts(*(part.data for part in EXPORTS[packing]))

    check_all_is_there(made)
    assert made.staged.whole
    assert [each.format for each in made.staged.inputs] == [packing] * len(EXPORTS[packing])
    assert failures_form(made.staged.inputs, "io.cozy.contacts") == ("ndjson", ())


@settings(deadline=None, max_examples=25)
@given(
    packing=st.sampled_from(FORMATS),
    order=st.permutations(range(len(EXPORTS["tar"]))),
    budgets=st.lists(st.integers(60, 200), max_size=6),
)
def test_parts_come_in_any_order_and_calls_stop_anywhere(packing: str, order: list[int], budgets: list[int]) -> None:
    parts = [(part.packed.name, part.data) for part in EXPORTS[packing]]
    whole, cut = Import(row_file_size=500), Import(row_file_size=500)
    for name, data in parts:
        whole.upload(name, data)
    for number in order:
        cut.upload(*parts[number])
    whole.stage()
    cut.stage(budgets)

    check_all_is_there(cut)
    assert cut.row_files == whole.row_files
    assert {key.partition("/work/")[2] for key in cut.archives.objects if "contents/" in key} == {
        f"contents/{number:09}" for number in range(len(PHOTOS))
    }


def test_a_row_says_which_input_and_which_member_it_is_of() -> None:
    made = given_parts(*(part.data for part in reversed(EXPORTS["tar"])))

    sources = list(dict.fromkeys(source for source, _ in made.rows("io.cozy.contacts")))
    assert sources == [f"file-3: data/io.cozy.contacts/0001-00000{number}.ndjson" for number in (1, 2)]
    assert [row.number for _, row in made.rows("io.cozy.contacts")] == [*range(1, 26), *range(1, 16)]


# ---------------------------------------------------------------- Manifest and signature


def test_manifest_and_signature_are_found_among_the_inputs_and_checked() -> None:
    signer = MemorySigner()
    text = manifest(EXPORTS["zip"])
    signature = signer.sign(hashlib.sha256(text).digest())
    made = Import(verifier=P256Verifier(signer.public_key_pem))
    for name, data in [("m.sig", signature), *((part.packed.name, part.data) for part in EXPORTS["zip"]), ("m", text)]:
        made.upload(name, data)

    assert made.stage().signed
    check_all_is_there(made)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_signature_of_another_key_or_another_manifest_is_refused_before_anything_is_staged(trusted: bool) -> None:
    signer, other = MemorySigner(), MemorySigner()
    text = manifest(EXPORTS["tar"])
    made = Import(verifier=P256Verifier((signer if trusted else other).public_key_pem))
    for name, data in [
        ("manifest.json", text + b" " if trusted else text),
        ("manifest.json.sig", signer.sign(hashlib.sha256(text).digest())),
        *((part.packed.name, part.data) for part in EXPORTS["tar"]),
    ]:
        made.upload(name, data)
    with pytest.raises(InputRefused) as caught:
        made.stage()

    assert caught.value.reason == "wrong_signature"
    assert not made.row_files


def test_a_signature_without_a_manifest_is_refused() -> None:
    signature = MemorySigner().sign(hashlib.sha256(b"").digest())

    assert refused(EXPORTS["tar"][0].data, signature).reason == "nothing_to_import"


@pytest.mark.parametrize("field", ["size", "sha256", "crc32", "entry_list_sha256"])
def test_a_part_that_is_not_the_one_of_the_manifest_is_refused(field: str) -> None:
    document = json.loads(manifest(EXPORTS["tar"]))
    document["parts"][1][field] = 1 if field == "size" else "0" * 8

    error = refused(json.dumps(document).encode(), *(part.data for part in EXPORTS["tar"]))
    assert error.reason == "wrong_part"


def test_gaps_of_the_export_are_remarked_and_shift_no_file() -> None:
    made_export = Export(CONTAINERS["tar"])
    twins = [file_record("a", "same"), file_record("b", "same")]
    made_export.add_records("io.cozy.files", [lines([*twins, DIRECTORY])])
    made_export.add_file("Photos/same.jpg", b"of b")
    gap = {"doctype": "io.cozy.files", "kind": "file", "id": "a", "outcome": "failed", "code": "x", "reason": "y"}
    parts = made_export.pack(1 << 20)

    made = given_parts(parts[0].data, manifest(parts, gaps=[gap]))

    assert made.contents == {("io.cozy.files", "b"): b"of b"}
    assert [each.code for each in made.staged.remarks] == [RemarkCode.GAPS_OF_EXPORT]


def test_files_of_records_are_compared_with_the_manifest_over_several_calls() -> None:
    texts = {
        "2026-11-24T12:30:04+00:00_exported_users.json": b'[{"Email":"a"}]',
        "x_exported_rooms.json": b"[\n{}\n]\n",
    }
    told = [
        {"number": number, "name": name, "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        for number, (name, text) in enumerate(texts.items(), start=1)
    ]
    document = {"version": 1, "group": GROUP, "format": "json", "layout": "plain", "parts": told}
    for spoiled, reason in ((b"[\n{}\n]\n", ""), (b"[\n{} ]\n", "wrong_part")):
        made = Import()
        made.upload("manifest.json", json.dumps(document).encode())
        for name, text in texts.items():
            made.upload(name.replace(":", "_"), spoiled if "rooms" in name else text)
        if not reason:
            made.stage([1] * 9)
            assert (made.values("users"), made.values("rooms")) == ([{"Email": "a"}], [{}])
            continue
        with pytest.raises(InputRefused) as caught:
            made.stage([1] * 9)
        assert caught.value.reason == reason


# ---------------------------------------------------------------- Groups that are none


@pytest.mark.parametrize("with_manifest", [False, True])
def test_a_missing_part_is_refused_unless_that_is_allowed(with_manifest: bool) -> None:
    parts = [part.data for part in EXPORTS["tar.gz"][:-1]] + [manifest(EXPORTS["tar.gz"])] * with_manifest

    assert refused(*parts).reason == "missing_part"
    made = given_parts(*parts, allow_partial=True)
    assert made.values("io.cozy.contacts") == CONTACTS
    assert [each.code for each in made.staged.remarks] == [RemarkCode.PART_MISSING]
    assert not made.staged.whole
    assert made.now.partial


@pytest.mark.parametrize("allow_partial", [False, True])
def test_a_foreign_part_and_a_double_one_are_refused_in_any_case(allow_partial: bool) -> None:
    parts = [part.data for part in EXPORTS["tar"]]
    other = export("tar", "e" * 32, b'{"_id":"x"}\n')[0].data

    assert refused(*parts, other, allow_partial=allow_partial).reason == "foreign_part"
    for part in parts:
        assert refused(*parts, part, allow_partial=allow_partial).reason == "double_part"


def test_a_foreign_part_in_the_place_of_a_missing_one_is_told_from_it() -> None:
    parts = [part.data for part in EXPORTS["tar"]]
    other = export("tar", "e" * 32)[1].data

    for allow_partial in (False, True):
        assert refused(parts[0], other, *parts[2:], allow_partial=allow_partial).reason == "foreign_part"


# ---------------------------------------------------------------- Parts that are not what they were


def rebuilt(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A tar again, with other contents."""
    with tarfile.open(fileobj=io.BytesIO(plain(data))) as archive:
        return a_tar(
            *(
                (info(member.name), change(member.name.partition("/")[2], content))
                for member, content in ((m, unpack(data)[m.name]) for m in archive.getmembers() if m.isreg())
            )
        )


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "wrong_digest": lambda data: rebuilt(data, lambda path, text: text.replace(b'"n": 7', b'"n": 8')),
    "truncated": lambda data: data[: len(data) // 2],
    "trailing_data": lambda data: data + b"x" * 512,
    "not_a_part": lambda data: a_tar((info("somewhere/else"), b"x")),
    "unsafe_path": lambda data: a_tar((info("../etc/passwd"), b"x")),
    "link": lambda data: a_tar((info("waybill-part-00001-of-00003/data/x", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "device": lambda data: a_tar((info("waybill-part-00001-of-00003/data/x", tarfile.BLKTYPE), b"")),
    "duplicate_member": lambda data: a_tar(*[(info("waybill-part-00001-of-00003/data/files/x"), b"")] * 2),
}


@pytest.mark.parametrize("code", SPOILED)
def test_a_spoiled_part_is_refused_with_its_code(code: str) -> None:
    first, *others = (part.data for part in EXPORTS["tar"])

    error = refused(SPOILED[code](first), *others)

    assert error.reason == code
    assert "file-0" in str(error)


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../../b", "C:/x", "a\\b", "a//b", "./a", "a\nb"])
@pytest.mark.parametrize("packing", ["tar", "zip"])
def test_unsafe_names_are_refused_in_every_archive(packing: str, name: str) -> None:
    data = a_tar((info(name), b"x")) if packing == "tar" else a_zip((name, b"x"))

    assert refused(data).reason == "unsafe_path"


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size() -> None:
    zeros = bytes(20 << 20)
    folder = "waybill-part-00001-of-00001/data/files/zeros"
    for data in (a_zip((folder, zeros)), a_zip(("My Cozy/Data/io.cozy.files/x.json", zeros))):
        assert refused(data).reason == "zip_bomb"
        assert refused(data, limits=ImportLimits(input_bytes=1 << 19)).reason == "too_large"


@pytest.mark.parametrize("position", range(3))
def test_a_spoiled_part_is_left_out_if_that_is_allowed_and_nothing_of_it_stays(position: int) -> None:
    parts = [part.data for part in EXPORTS["tar"]]
    parts[position] = parts[position][:-2048]

    made = given_parts(*parts, allow_partial=True, row_file_size=100)

    left_out = [each for each in made.staged.remarks if each.code == RemarkCode.PART_LEFT_OUT]
    assert [each.input for each in left_out] == [f"file-{position}"]
    assert not made.staged.inputs[position].whole
    assert made.values("io.cozy.contacts") == ([] if position == 0 else CONTACTS)
    assert made.now.counts.rows == (0 if position == 0 else 45)
    whole = given_parts(*(part.data for part in EXPORTS["tar"]))
    assert made.contents.items() < whole.contents.items()
    stored = [key for key in made.archives.objects if "/contents/" in key]
    assert len(stored) == len(made.contents) == made.now.counts.files


def test_if_no_part_is_left_there_is_nothing_to_import() -> None:
    assert refused(EXPORTS["tar"][0].data[:-2048], allow_partial=True).reason == "nothing_to_import"


def test_a_file_that_no_record_names_is_remarked_and_left_out() -> None:
    made_export = Export(CONTAINERS["tar.gz"])
    made_export.add_records("io.cozy.files", [lines([file_record("a"), DIRECTORY])])
    made_export.add_file("Photos/a.jpg", b"of a")
    made_export.add_file("Photos/nobodys.jpg", b"x")

    made = given_parts(made_export.pack(1 << 20)[0].data)

    assert made.contents == {("io.cozy.files", "a"): b"of a"}
    assert [each.code for each in made.staged.remarks] == [RemarkCode.CONTENT_WITHOUT_RECORD]


def test_rows_of_a_doctype_that_is_not_here_fail_by_name() -> None:
    made_export = Export(CONTAINERS["tar"])
    made_export.add_records("io.cozy.unheard", [b'{"_id":"a"}\n'])

    made = given_parts(made_export.pack(1 << 20)[0].data)

    ((_, row),) = made.rows()
    assert row.problem is not None
    assert (row.problem.code, row.raw) == ("unknown_doctype", b'{"_id":"a"}')
    assert list(made.row_files) == ["999-io.cozy.unheard/1-000000.ndjson"]


def test_a_part_that_takes_longer_than_a_call_is_refused_in_the_end() -> None:
    made = Import()
    made.upload("part.tar", EXPORTS["tar"][0].data)
    with pytest.raises(InputRefused) as caught:
        made.stage([2] * 200, allow_partial=True)

    assert caught.value.reason == "input_too_large"


def test_a_part_of_a_chain_names_the_places_of_its_files_and_what_it_deleted() -> None:
    made_export = Export(CONTAINERS["tar"])
    made_export.add_records("io.cozy.files", [lines([file_record("a", "same")])])
    made_export.add_records("io.cozy.files", [b'{"key":"a","name":"same.jpg","in":"d1","path":"data/files/x/z.jpg"}\n'])
    key, entry = made_export.entries[-1]
    listed = {**{name: getattr(entry, name) for name in entry.__dataclass_fields__}}
    listed["path"] = "data/chain/io.cozy.files/files-0001-000001.ndjson"
    made_export.entries[-1] = (key, type(entry)(**listed))
    made_export.add_file("x/z.jpg", b"content")

    for budgets in ((), [8] * 9):
        made = given_parts(made_export.pack(1 << 20)[0].data, budgets=budgets)

        assert made.contents == {("io.cozy.files", "a"): b"content"}
        assert made.values() == [file_record("a", "same")]


# ---------------------------------------------------------------- Parts for Cozy


def cozy_export() -> CozyExport:
    made = CozyExport()
    made.add_documents("io.cozy.contacts", {"a": b'{"_id":"a","n":1}', "b": b'{\n"_id":"b"}'})
    made.add_directory("dir-1", "/Photos")
    for name, content in PHOTOS.items():
        made.add_pair(name, f"Photos/{name}.jpg", content, mime="image/jpeg")
    return made


COZY = cozy_export().pack(PARTS_SIZE)


@pytest.mark.parametrize("with_manifest", [False, True])
def test_parts_for_cozy_come_back(with_manifest: bool) -> None:
    parts = [part.data for part in reversed(COZY)] + [manifest(COZY, "cozy")] * with_manifest
    made = given_parts(*parts, budgets=[30] * 3)

    assert made.values("io.cozy.contacts") == [{"_id": "a", "n": 1}, {"_id": "b"}]
    assert [value["_id"] for value in made.values("io.cozy.files")] == ["dir-1", *PHOTOS]
    assert made.contents == {("io.cozy.files", name): content for name, content in PHOTOS.items()}


def test_a_cozys_own_part_with_a_lost_file_and_one_of_another_size() -> None:
    data, files = "My Cozy/Data/", "My Cozy/Files/"
    record = {"_id": "1", "type": "file", "name": "one", "size": "3"}
    made = given_parts(
        a_zip(
            (f"{data}instance.json", b"{}"),
            (f"{data}io.cozy.files/1.json", json.dumps(record).encode()),
            (f"{files}one", b"four"),
            (f"{data}io.cozy.files/2.json", json.dumps({**record, "_id": "2"}).encode()),
            (f"{data}io.cozy.files/3.json", json.dumps({**record, "_id": "3"}).encode()),
            (f"{files}three", b"123"),
            (f"{files}nobodys", b"123"),
            streamed=True,
        )
    )

    outcomes = [row.problem.code if row.problem else "good" for _, row in made.rows()]
    assert outcomes == ["not_as_recorded", "lost_content", "good"]
    assert made.contents == {("io.cozy.files", "3"): b"123"}
    assert [each.code for each in made.staged.remarks] == [RemarkCode.CONTENT_WITHOUT_RECORD]
    assert [key for key in made.archives.objects if "/contents/" in key] == [import_keys.content(made.now.id, 0)]


def test_a_large_content_is_stored_piece_by_piece() -> None:
    content = hashlib.sha256(b"").digest() * (700 << 10)
    made_export = Export(CONTAINERS["tar"])
    made_export.add_records("io.cozy.files", [lines([file_record("a"), DIRECTORY])])
    made_export.add_file("Photos/a.jpg", content)

    made = given_parts(made_export.pack(1 << 30)[0].data)

    assert made.contents == {("io.cozy.files", "a"): content}
    assert len([put for put in made.archives.puts if "contents/" in put and "#" in put]) == 2
