"""Parts and groups: what Waybill wrote is found to be whole, whatever order it comes in; what was changed is named."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.archive.cozy_exports import TENANT, CozyExport, file_document
from tests.unit.archive.exports import CONTAINERS, GROUP, Export, Part, unpack
from tests.unit.intake.archives import LIMITS, Bytes, a_tar, a_zip, info, members_of

from waybill.archive.paths import NO_DIRECTORY, PathBook, safe_path
from waybill.intake.bag_reader import BagReader, Payload, PayloadKind, listed
from waybill.intake.codes import ArchiveCode, PartCode, RowCode
from waybill.intake.cozy_reader import CozyItem, cozy_items
from waybill.intake.file_index import FileIndex
from waybill.intake.group import GroupFault, Manifest, check_group, read_manifest
from waybill.intake.inspection import InspectedPart, inspect_part, inspect_records
from waybill.intake.members import BadArchive, BadMember
from waybill.intake.part import PartIdentity, packing_of

FORMATS = tuple(CONTAINERS)
PARTS_SIZE = 120_000


def export(packing: str, group: str = GROUP, salt: bytes = b"") -> list[Part]:
    made = Export(CONTAINERS[packing])
    made.add_records("io.cozy.contacts", [b'{"a":1}\n{"b":2}\n' + salt])
    made.add_records("io.cozy.files", [b'{"c":3}\n'])
    for number in range(4):
        noise = hashlib.sha256(b"%d" % number).digest() * 2000
        made.add_file(f"Photos/{number}.jpg", noise, mime="image/jpeg")
    return made.pack(PARTS_SIZE, group=group)


EXPORTS = {packing: export(packing) for packing in FORMATS}


def inspected(part: Part, name: str | None = None) -> InspectedPart:
    return inspect_part(Bytes(name or part.packed.name, part.data), LIMITS)


INSPECTED = {packing: [inspected(part) for part in parts] for packing, parts in EXPORTS.items()}


def read(part: Part, packing: str) -> tuple[dict[str, bytes], list[Payload], BagReader]:
    reader = BagReader(members_of(part.data, packing))
    found, payloads = {}, []
    for payload in reader:
        found[payload.path] = b"".join(payload.chunks)
        payloads.append(payload)
    return found, payloads, reader


# ---------------------------------------------------------------- Bags


@pytest.mark.parametrize("packing", FORMATS)
def test_a_bag_gives_its_records_files_and_schemas(packing: str) -> None:
    found: dict[str, bytes] = {}
    for number, part in enumerate(EXPORTS[packing], start=1):
        contents, payloads, reader = read(part, packing)
        inner = {path.partition("/")[2]: content for path, content in unpack(part.data).items()}
        assert contents == {path: text for path, text in inner.items() if path.startswith(("data/", "schemas/"))}
        assert reader.identity == PartIdentity("bag", GROUP, number, len(EXPORTS[packing]))
        assert reader.list_text == inner["manifest-sha256.txt"]
        for payload in payloads:
            kinds = {".ndjson": PayloadKind.RECORDS, ".json": PayloadKind.SCHEMA}
            assert payload.kind == kinds.get("." + payload.path.rpartition(".")[2], PayloadKind.FILE)
        found.update(contents)
    doctypes = {p.doctype for p in read(EXPORTS[packing][0], packing)[1] if p.kind is not PayloadKind.FILE}
    assert doctypes == {"io.cozy.contacts", "io.cozy.files"}
    assert sum(path.startswith("data/files/") for path in found) == 4


def test_nothing_is_known_of_a_part_before_its_end() -> None:
    reader = BagReader(members_of(EXPORTS["tar"][0].data, "tar"))
    next(iter(reader))
    with pytest.raises(RuntimeError):
        _ = reader.identity
    with pytest.raises(RuntimeError):
        _ = reader.list_text


def changed(part: Part, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> bytes:
    """A bag that is packed again after something in it was changed, left out (None) or added."""
    files = []
    for path, content in unpack(part.data).items():
        made = change(path.partition("/")[2], content)
        if made is not None:
            files.append((info(path), made))
    return a_tar(*files, *((info(path), content) for path, content in (more or {}).items()))


def kept(path: str, content: bytes) -> bytes | None:
    return content


def of(wanted: str, content: bytes | None) -> Callable[[str, bytes], bytes | None]:
    return lambda path, before: content if path == wanted else before


PART = EXPORTS["tar"][0]
BASE = next(iter(unpack(PART.data))).partition("/")[0]
INFO = unpack(PART.data)[f"{BASE}/bag-info.txt"]
RECORDS = next(path for path in read(PART, "tar")[0] if path.endswith(".ndjson"))

WRONG_BAGS = {
    "a record that was changed": (changed(PART, of(RECORDS, b'{"a":2}\n')), PartCode.WRONG_DIGEST),
    "a tag file that was changed": (changed(PART, of("bag-info.txt", INFO + b"X: y\n")), PartCode.WRONG_DIGEST),
    "a list that was changed": (changed(PART, of("manifest-sha256.txt", b"")), PartCode.WRONG_DIGEST),
    "a member that is missing": (changed(PART, of(RECORDS, None)), PartCode.MISSING_MEMBER),
    "a member that is not listed": (
        changed(PART, kept, {f"{BASE}/data/files/evil": b"x"}),
        PartCode.NOT_LISTED,
    ),
    "a program that is not listed": (changed(PART, kept, {f"{BASE}/run.sh": b"x"}), PartCode.NOT_LISTED),
    "no list": (changed(PART, of("manifest-sha256.txt", None)), PartCode.NOT_A_PART),
    "no info": (changed(PART, of("bag-info.txt", None)), PartCode.NOT_A_PART),
    "a list that cannot be read": (changed(PART, of("tagmanifest-sha256.txt", b"abc")), PartCode.NOT_A_PART),
    "a list that is not UTF-8": (changed(PART, of("tagmanifest-sha256.txt", b"\xff")), PartCode.NOT_A_PART),
    "a file that is neither": (changed(PART, kept, {f"{BASE}/data/evil": b"x"}), PartCode.NOT_A_PART),
    "a second folder": (changed(PART, kept, {"evil/a": b"x"}), PartCode.NOT_A_PART),
    "some other archive": (a_tar((info("a/b"), b"x")), PartCode.NOT_A_PART),
}


@pytest.mark.parametrize("name", WRONG_BAGS)
def test_a_bag_that_is_not_what_it_was_is_refused(name: str) -> None:
    data, code = WRONG_BAGS[name]
    with pytest.raises(BadArchive) as caught:
        inspect_part(Bytes("part.tar", data), LIMITS)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("Bag-Count", "2 of 2"),
        ("Bag-Count", "many"),
        ("Payload-Oxum", "1.1"),
        ("Bag-Group-Identifier", ""),
    ],
)
def test_a_bag_that_says_wrong_things_of_itself_is_refused(label: str, value: str) -> None:
    lines = [f"{label}: {value}" if line.startswith(label) else line for line in INFO.decode().split("\n")]
    text = "\n".join(lines).encode()
    tags = unpack(PART.data)[f"{BASE}/tagmanifest-sha256.txt"]
    tags = tags.replace(hashlib.sha256(INFO).hexdigest().encode(), hashlib.sha256(text).hexdigest().encode())

    def change(path: str, content: bytes) -> bytes:
        return {"bag-info.txt": text, "tagmanifest-sha256.txt": tags}.get(path, content)

    with pytest.raises(BadArchive) as caught:
        inspect_part(Bytes("part.tar", changed(PART, change)), LIMITS)
    assert caught.value.code == PartCode.NOT_A_PART


def test_with_the_list_at_hand_a_member_is_refused_before_anything_of_it_counts() -> None:
    known = listed(read(PART, "tar")[2].list_text)
    data = changed(PART, of(RECORDS, b'{"a":2}\n'), {f"{BASE}/data/files/evil": b"x"})
    good: list[str] = []
    bad: list[tuple[str, str]] = []

    def load() -> None:
        for payload in BagReader(members_of(data, "tar"), known=known):
            try:
                for _ in payload.chunks:
                    pass
                good.append(payload.path)
            except BadMember as error:
                bad.append((payload.path, error.code))

    with pytest.raises(BadArchive, match="is not what it was"):
        load()
    assert bad == [(RECORDS, PartCode.WRONG_DIGEST), ("data/files/evil", PartCode.NOT_LISTED)]
    assert RECORDS not in good
    assert len(good) > 2


@pytest.mark.parametrize("packing", FORMATS)
def test_a_part_is_told_by_its_first_bytes(packing: str) -> None:
    assert packing_of(EXPORTS[packing][0].data[:512]) == packing
    assert packing_of(b"{}") is None
    with pytest.raises(BadArchive) as caught:
        inspect_part(Bytes("rows.json", b"[]"), LIMITS)
    assert caught.value.code == ArchiveCode.NOT_AN_ARCHIVE


@pytest.mark.parametrize("packing", FORMATS)
def test_the_digests_of_a_part_are_those_of_its_bytes(packing: str) -> None:
    for part, found in zip(EXPORTS[packing], INSPECTED[packing], strict=True):
        assert (found.size, found.sha256, found.crc32) == (part.packed.size, part.packed.sha256, part.packed.crc32)
        assert hashlib.sha256(found.list_text).hexdigest() == part.packed.entry_list_sha256


# ---------------------------------------------------------------- Groups


def manifest(packed: Sequence[Part], layout: str = "bag", **changes: Any) -> bytes:
    told = [
        {
            "number": part.packed.number,
            "cursor": "",
            "name": part.packed.name,
            "size": part.packed.size,
            "sha256": part.packed.sha256,
            "crc32": part.packed.crc32,
            "entry_list_sha256": part.packed.entry_list_sha256,
        }
        for part in packed
    ]
    return json.dumps(
        {"version": 1, "group": GROUP, "format": "zip", "layout": layout, "parts": told, **changes}
    ).encode()


def codes(faults: list[GroupFault]) -> list[PartCode]:
    return [fault.code for fault in faults]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(packing=st.sampled_from(FORMATS), data=st.data())
def test_a_whole_group_is_good_in_any_order_and_no_other_is(packing: str, data: st.DataObject) -> None:
    parts = INSPECTED[packing]
    told = read_manifest(manifest(EXPORTS[packing]))
    assert len(parts) > 2
    shuffled = data.draw(st.permutations(parts))
    assert check_group(shuffled) == check_group(shuffled, told) == []
    assert codes(check_group(shuffled[1:])) == codes(check_group(shuffled[1:], told)) == [PartCode.MISSING_PART]
    double = [*shuffled, shuffled[0]]
    assert codes(check_group(double)) == codes(check_group(double, told)) == [PartCode.DOUBLE_PART]


def test_a_part_of_another_export_is_foreign_and_does_not_replace_the_missing_one() -> None:
    other = inspected(export("tar", "e" * 32, b'{"d":4}\n')[0], "other.tar")
    parts = INSPECTED["tar"]
    faults = check_group([other, *parts[1:]])
    assert codes(faults) == [PartCode.FOREIGN_PART, PartCode.MISSING_PART]
    assert faults[0].part == "other.tar"
    told = read_manifest(manifest(EXPORTS["tar"]))
    assert codes(check_group([other, *parts[1:]], told)) == [PartCode.FOREIGN_PART, PartCode.MISSING_PART]
    assert codes(check_group([other, *parts], told)) == [PartCode.FOREIGN_PART]


def test_the_parts_of_the_same_export_in_two_formats_are_not_mixed_up_with_a_manifest() -> None:
    told = read_manifest(manifest(EXPORTS["tar"]))
    mixed = [INSPECTED["zip"][0], *INSPECTED["tar"][1:]]
    assert codes(check_group(mixed, told)) == [PartCode.WRONG_PART]


@pytest.mark.parametrize("field", ["size", "sha256", "crc32", "entry_list_sha256"])
def test_a_part_that_is_not_the_one_of_the_manifest_is_named(field: str) -> None:
    document = json.loads(manifest(EXPORTS["tar"]))
    document["parts"][1][field] = 1 if field == "size" else "0" * 8
    faults = check_group(INSPECTED["tar"], read_manifest(json.dumps(document).encode()))
    assert [(fault.code, fault.part) for fault in faults] == [(PartCode.WRONG_PART, EXPORTS["tar"][1].packed.name)]
    document["parts"][1][field] = None if field != "size" else EXPORTS["tar"][1].packed.size
    assert check_group(INSPECTED["tar"], read_manifest(json.dumps(document).encode())) == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 5000,
        manifest(EXPORTS["tar"], version=2),
        manifest(EXPORTS["tar"][1:]),
        manifest(EXPORTS["tar"], parts=[1]),
    ],
)
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(BadArchive) as caught:
        read_manifest(text)
    assert caught.value.code == PartCode.BAD_MANIFEST


class Key:
    """A verifier that knows one signature."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        return signature == hashlib.sha256(message).digest()


def test_a_signature_is_checked_before_anything_else() -> None:
    text = manifest(EXPORTS["tar"])
    signature = hashlib.sha256(text).digest()
    assert isinstance(read_manifest(text, signature, Key()), Manifest)
    for wrong_text, verifier in ((text + b" ", Key()), (text, None)):
        with pytest.raises(BadArchive) as caught:
            read_manifest(wrong_text, signature, verifier)
        assert caught.value.code == PartCode.WRONG_SIGNATURE


def test_files_of_records_are_placed_by_their_names_in_the_manifest() -> None:
    texts = {"2026-11-24T12:30:04+00:00_exported_users.json": b"[]\n", "2026_exported_rooms.json": b"[\n{}\n]\n"}
    told = [
        {"number": number, "name": name, "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        for number, (name, text) in enumerate(texts.items(), start=1)
    ]
    document = {"version": 1, "group": GROUP, "format": "json", "layout": "plain", "parts": told}
    manifest_of_both = read_manifest(json.dumps(document).encode())
    saved = {name.replace(":", "_"): text for name, text in texts.items()}
    parts = [inspect_records(Bytes(name, text), "json") for name, text in saved.items()]
    assert check_group(parts[::-1], manifest_of_both) == []
    assert codes(check_group(parts[:1], manifest_of_both)) == [PartCode.MISSING_PART]
    other = inspect_records(Bytes("2026_exported_rooms.json", b"[]"), "json")
    assert codes(check_group([parts[0], other], manifest_of_both)) == [PartCode.WRONG_PART]


def test_no_parts_are_no_group() -> None:
    assert check_group([]) == []
    assert codes(check_group([], read_manifest(manifest(EXPORTS["tar"])))) == [PartCode.MISSING_PART]


# ---------------------------------------------------------------- Parts for Cozy


def cozy_export() -> CozyExport:
    made = CozyExport()
    made.add_documents("io.cozy.contacts", {"a": b'{"_id":"a","n":1}', "b/c": b'{"_id":"b/c"}'})
    made.add_documents("io.cozy.weird & odd", {"x": b'{"_id":"x"}'})
    made.add_directory("dir-1", "/Photos")
    made.add_directory("dir-2", "/Photos/2023")
    for number in range(4):
        noise = hashlib.sha256(b"%d" % number).digest() * 2000
        made.add_pair(f"file-{number}", f"Photos/{number}.jpg", noise, mime="image/jpeg")
    return made


COZY = cozy_export()
COZY_PARTS = COZY.pack(PARTS_SIZE)


def items(data: bytes) -> list[CozyItem]:
    found = []
    for item in cozy_items(members_of(data, "zip")):
        if item.content:
            for _ in item.content.chunks:
                pass
        found.append(item)
    return found


def test_a_part_for_cozy_gives_its_documents_and_files() -> None:
    found = [item for part in COZY_PARTS for item in items(part.data)]
    assert not [item.problem for item in found if item.problem]
    documents = {(item.doctype, item.id): item.row.value for item in found if item.row}
    assert documents["io.cozy.contacts", "a"] == {"_id": "a", "n": 1}
    assert documents["io.cozy.contacts", "b/c"] == {"_id": "b/c"}
    assert documents["io.cozy.weird & odd", "x"] == {"_id": "x"}
    assert [item.id for item in found if item.id.startswith("dir")] == ["dir-1", "dir-2"]
    assert [item.id for item in found if item.content] == [f"file-{number}" for number in range(4)]
    assert TENANT not in str(documents)


def test_parts_for_cozy_are_a_group_like_any_other() -> None:
    parts = [inspected(part) for part in COZY_PARTS]
    assert {part.layout for part in parts} == {"cozy"}
    assert all(part.problem_count == 0 for part in parts)
    told = read_manifest(manifest(COZY_PARTS, "cozy"))
    assert check_group(parts[::-1]) == check_group(parts[::-1], told) == []
    assert codes(check_group(parts[1:])) == [PartCode.MISSING_PART]
    assert codes(check_group([*parts, INSPECTED["zip"][0]])) == [PartCode.FOREIGN_PART]


def record(name: str, content: bytes, **changes: Any) -> bytes:
    return json.dumps(file_document(name, content, **changes)).encode()


DATA, FILES = "My Cozy/Data/", "My Cozy/Files/"


def a_cozys(*files: tuple[str, bytes]) -> bytes:
    """A part as a Cozy itself writes it: streamed, without a comment."""
    return a_zip((f"{DATA}instance.json", b"{}"), *files, streamed=True)


def problems(data: bytes) -> list[tuple[str, str]]:
    part = inspect_part(Bytes("My Cozy.zip", data), LIMITS)
    assert part.identity is None
    assert part.problem_count == len(part.problems)
    return [(each.path, each.problem.code) for each in part.problems]


ONE, TWO = record("one", b"1"), record("two", b"22")


def test_a_cozys_own_part_is_read() -> None:
    data = a_cozys((f"{DATA}io.cozy.files/1.json", ONE), (f"{FILES}one", b"1"))
    assert problems(data) == []
    assert check_group([inspect_part(Bytes("My Cozy.zip", data), LIMITS)]) == []
    assert problems(a_zip()) == []


def test_a_file_that_lost_its_content_spoils_no_other() -> None:
    """Reference cozy-move, section 5.3: the record is there, and behind it the next record instead of the content."""
    data = a_cozys(
        (f"{DATA}io.cozy.files/1.json", ONE),
        (f"{DATA}io.cozy.files/2.json", TWO),
        (f"{FILES}two", b"22"),
        (f"{DATA}io.cozy.files/3.json", ONE),
    )
    assert problems(data) == [
        ("io.cozy.files/1", PartCode.LOST_CONTENT),
        ("io.cozy.files/3", PartCode.LOST_CONTENT),
    ]
    assert [item.id for item in items(data) if item.content] == ["2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (record("one", b"1", size="2"), PartCode.NOT_AS_RECORDED),
        (record("one", b"1", md5sum=base64.b64encode(hashlib.md5(b"2").digest()).decode()), PartCode.NOT_AS_RECORDED),
        (record("one", b"1", md5sum="?"), PartCode.NOT_AS_RECORDED),
        (record("one", b"1", md5sum=7), PartCode.NOT_AS_RECORDED),
        (b'{"type":"file"', RowCode.NOT_JSON),
        (b'{"type":"file","type":"file"}', RowCode.DUPLICATE_KEY),
        (record("x", b"1", size=None, md5sum=None), None),
        (record("x", b"1", size=1), None),
    ],
)
def test_a_file_is_what_its_record_says(text: bytes, code: str | None) -> None:
    data = a_cozys((f"{DATA}io.cozy.files/1.json", text), (f"{FILES}one", b"1"))
    assert problems(data) == ([("io.cozy.files/1", code)] if code else [])


def test_a_content_that_no_record_stands_before_is_named() -> None:
    data = a_cozys(
        (f"{FILES}zero", b"0"),
        (f"{DATA}io.cozy.contacts/1.json", b"{}"),
        (f"{FILES}one", b"1"),
        (f"{DATA}io.cozy.files/2.json", b'{"type":"directory"}'),
        (f"{FILES}two", b"2"),
        (f"{DATA}io.cozy.files.versions/3/4.json", b"{}"),
        (f"{FILES}3/4", b"old"),
    )
    assert [code for _, code in problems(data)] == [PartCode.CONTENT_WITHOUT_RECORD] * 3
    found = [(item.doctype, item.id) for item in items(data) if item.row and not item.problem]
    assert found == [("io.cozy.contacts", "1"), ("io.cozy.files", "2"), ("io.cozy.files.versions", "3/4")]


@pytest.mark.parametrize("name", ["a.txt", "My Cozy/x", f"{DATA}a.json", f"{DATA}a/b.txt"])
def test_an_archive_with_anything_else_is_no_part_for_cozy(name: str) -> None:
    with pytest.raises(BadArchive) as caught:
        inspect_part(Bytes("a.zip", a_zip((name, b"{}"))), LIMITS)
    assert caught.value.code == PartCode.NOT_A_PART


# ---------------------------------------------------------------- Files of bags and their records


names = st.text("aAäA\u0308.%~ /(2)", min_size=1, max_size=6)


@given(files=st.lists(st.tuples(st.sampled_from(["d1", "d2", "gone"]), names), max_size=8), data=st.data())
def test_every_file_finds_its_record_by_the_path_that_it_was_given(
    files: list[tuple[str, str]], data: st.DataObject
) -> None:
    folders = {"d1": "/Photos", "d2": "/photos"}
    book = PathBook()
    given_paths = {}
    for number, (folder, name) in enumerate(files):
        original = f"{folders.get(folder, NO_DIRECTORY)}/{name}"
        given_paths[book.unique(f"data/files/{safe_path(original)}")] = f"f{number:03}"
    index = FileIndex()
    documents = [(key, {"type": "directory", "path": path}) for key, path in folders.items()]
    documents += [
        (f"f{number:03}", {"type": "file", "name": name, "dir_id": folder})
        for number, (folder, name) in enumerate(files)
    ]
    for key, document in data.draw(st.permutations(documents)):
        index.add(key, document)
    index.add("other", {"type": "note"})
    index.give_paths()
    assert {each.path: each.id for each in index} == given_paths
    assert all(index.record_of(path) == key for path, key in given_paths.items())
    assert index.record_of("data/files/nowhere") is None


def test_a_record_that_had_no_content_takes_no_path() -> None:
    index = FileIndex()
    for key in ("1", "2"):
        index.add(key, {"type": "file", "name": "a.txt", "dir_id": "gone"})
    index.give_paths()
    assert index.record_of("data/files/_without_folder/a.txt") == "1"
    index.give_paths(without_content={"1"})
    assert index.record_of("data/files/_without_folder/a.txt") == "2"
