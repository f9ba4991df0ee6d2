"""Putting archives together whose lists are not what they should be, and keys and names that are hard to take."""

import json
from collections.abc import Iterable, Iterator

import pytest

from waybill.archive.chain_lists import deleted_line, file_line, key_line
from waybill.archive.rebuild import ChainBroken, Rebuild, link_of
from waybill.domain.plan import Directory, FileReference

RECORDS = "data/contacts/0001-000001.ndjson"
KEYS = "data/chain/contacts/keys-0001-000001.ndjson"
DELETED = "data/chain/contacts/deleted-0001-000002.ndjson"
FILES = "data/chain/contacts/files-000001.ndjson"

ODD = ['"', "\\", "\n", "a\0b", "\u00e4", "a\u0308", "\U0001f600", "\ud83d", " "]


class Shelf:
    """Contents in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._number = 0

    def keep(self, chunks: Iterable[bytes]) -> str:
        self._number += 1
        self.kept[str(self._number)] = b"".join(chunks)
        return str(self._number)

    def drop(self, name: str) -> None:
        del self.kept[name]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def rebuild(shelf: Shelf) -> Rebuild:
    return Rebuild("", keep=shelf.keep, drop=shelf.drop)


def plain_key(key: str) -> bytes:
    return key_line(key, directory=None, is_file=False)


def reference(key: str, name: str, directory: str = "") -> FileReference:
    return FileReference(key, name, directory, f"tenant/{key}", 1, "etag")


@pytest.mark.parametrize("order", [1, -1])
def test_records_and_their_keys_find_each_other_in_any_order(rebuild: Rebuild, order: int) -> None:
    entries = [(RECORDS, b'{"n": 1}\n{"n": 2}\n'), (KEYS, plain_key("b") + plain_key("a"))][::order]
    for path, content in entries:
        rebuild.take(path, [content])
    rebuild.end_export()

    assert list(rebuild.records()) == [("contacts", "a", b'{"n": 2}'), ("contacts", "b", b'{"n": 1}')]


def test_a_record_may_hold_what_some_take_for_the_end_of_a_line(rebuild: Rebuild) -> None:
    line = '{"a":\r"\u2028\x85"}'.encode()
    rebuild.take(RECORDS, [line + b"\n"])
    rebuild.take(KEYS, [plain_key("a")])

    assert list(rebuild.records()) == [("contacts", "a", line)]


def test_keys_of_any_text_are_kept_apart_and_deleted(rebuild: Rebuild) -> None:
    rebuild.take(RECORDS, [b"{}\n" * len(ODD)])
    rebuild.take(KEYS, [b"".join(map(plain_key, ODD))])
    rebuild.end_export()
    rebuild.take(DELETED, [deleted_line(ODD[-2])])

    kept = [key for key in ODD if key != ODD[-2]]
    assert [key for _, key, _ in rebuild.records()] == sorted(
        kept, key=lambda key: key.encode("utf-8", "surrogatepass")
    )


@pytest.mark.parametrize("name", ODD)
def test_names_of_any_text_find_their_content(rebuild: Rebuild, shelf: Shelf, name: str) -> None:
    folder = key_line("d", directory=Directory("d", f"/{name}"), is_file=False)
    rebuild.take(RECORDS, [b"{}\n{}\n"])
    rebuild.take(KEYS, [folder + key_line("f", directory=None, is_file=True)])
    rebuild.take(FILES, [file_line(reference("f", f"{name}.txt", "d"), "data/files/x")])
    rebuild.take("data/files/x", [b"con", b"tent"])
    rebuild.end_export()

    ((path, content),) = rebuild.files()
    assert shelf.kept == {content: b"content"}
    assert path.startswith("data/files/")
    path.encode()


def test_a_file_that_is_named_and_not_there_keeps_what_there_was(rebuild: Rebuild, shelf: Shelf) -> None:
    rebuild.take(FILES, [file_line(reference("f", "old"), "data/files/f")])
    rebuild.take("data/files/f", [b"old"])
    rebuild.end_export()
    rebuild.take(FILES, [file_line(reference("f", "new"), "data/files/f")])
    rebuild.end_export()

    assert [(path, shelf.kept[content]) for path, content in rebuild.files()] == [
        ("data/files/_without_folder/new", b"old")
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (RECORDS, b"{}\n"),
        (KEYS, plain_key("a")),
    ],
)
def test_half_of_a_pair_is_noticed(rebuild: Rebuild, path: str, content: bytes) -> None:
    rebuild.take(path, [content])

    with pytest.raises(ChainBroken, match="do not go together"):
        rebuild.end_export()


def test_more_keys_than_records_are_noticed(rebuild: Rebuild) -> None:
    rebuild.take(RECORDS, [b"{}\n"])

    with pytest.raises(ChainBroken, match="do not go together"):
        rebuild.take(KEYS, [plain_key("a") + plain_key("b")])


def test_a_content_that_no_list_names_is_noticed(rebuild: Rebuild) -> None:
    with pytest.raises(ChainBroken, match="No list in the archive says whose content data/files/x is"):
        rebuild.take("data/files/x", [b"content"])


def test_what_is_no_payload_is_drawn_to_its_end_and_passed_over(rebuild: Rebuild) -> None:
    drawn: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"BagIt", b"-Version"):
            drawn.append(chunk)
            yield chunk

    rebuild.take("bagit.txt", chunks())
    rebuild.end_export()

    assert len(drawn) == 2
    assert list(rebuild.records()) == []


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b"\xff", json.dumps({"export": {}, "parts": []}).encode()])
def test_what_is_no_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(ChainBroken, match="not a manifest"):
        link_of(manifest)
