"""An export by a Cozy's link: where it leads, what the Cozy says, and what a part must be."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import AddressUnavailable, InvalidAddress
from waybill.intake.cozy_link import CozyExport, CozyPart, CozyUnavailable, check_part

ID = "MDAwMDAwMDBmYWtlLWlkX2Zha2UtaWQ"
MANIFEST = f"https://alice.mycozy.cloud/move/exports/{ID}"
DONE = {"state": "done", "parts_cursors": ["io.cozy.files/b", "io.cozy.files.versions/a/1"], "total_size": 1234}


@dataclass
class FakeWeb:
    """Web in memory: ``answers`` has what comes for each address, one after the other."""

    answers: dict[str, list[bytes | Exception]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, *, most: int) -> bytes:
        return b"".join(self.stream(url, most=most, seconds=1))

    def stream(self, url: str, *, most: int, seconds: float) -> Iterator[bytes]:
        self.asked.append(url)
        for answer in [self.answers[url].pop(0)]:
            if isinstance(answer, Exception):
                yield b"half of it"
                raise answer
            yield answer


def manifest(**changes: Any) -> bytes:
    attributes = {"domain": "alice.mycozy.cloud", "parts_size": 2**30, **DONE, **changes}
    return json.dumps({"data": {"type": "io.cozy.exports", "id": "0" * 32, "attributes": attributes}}).encode()


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        (f"https://alice-settings.mycozy.cloud/#/exports/{ID}", MANIFEST),
        (f"https://settings.alice.mycozy.cloud/#/exports/{ID}", MANIFEST),
        (f"https://alice.mycozy.cloud/#/exports/{ID}", MANIFEST),
        (f"  https://alice-settings.mycozy.cloud/#/exports/{ID}\n", MANIFEST),
        (f"https://alice-settings.mycozy.cloud:8443/any#/exports/{ID}/", MANIFEST.replace(".cloud", ".cloud:8443")),
        (MANIFEST, MANIFEST),
        (f"https://api.example.org/Prod/move/exports/{ID}", f"https://api.example.org/Prod/move/exports/{ID}"),
        (f"http://[::1]:8080/move/exports/{ID}", f"http://[::1]:8080/move/exports/{ID}"),
    ],
)
def test_the_manifest_is_where_a_cozy_looks_for_it(link: str, asked: str) -> None:
    web = FakeWeb({asked: [manifest()]})

    CozyExport(link, web).manifest()

    assert web.asked == [asked]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "no link",
        "https://alice.mycozy.cloud/",
        "https://alice.mycozy.cloud/#/exports/",
        "https://alice.mycozy.cloud/#/exports/../../x",
        "https://alice.mycozy.cloud/#/sharings/abcdefgh",
        f"https://alice.mycozy.cloud/move/exports/data/{ID}",
        f"{MANIFEST}?cursor=x",
        f"{MANIFEST}#/other",
        f"ftp://alice.mycozy.cloud/move/exports/{ID}",
        f"https://alice:secret@mycozy.cloud/move/exports/{ID}",
        f"https:///move/exports/{ID}",
        f"https://[::1/move/exports/{ID}",
        f"https://alice.mycozy.cloud:99999/move/exports/{ID}",
    ],
)
def test_what_is_no_link_is_refused_without_being_repeated(link: str) -> None:
    with pytest.raises(InvalidAddress) as refusal:
        CozyExport(link, FakeWeb())

    assert ID not in str(refusal.value)


@given(st.text(max_size=80))
def test_whatever_text_comes_it_is_a_link_or_refused(text: str) -> None:
    for link in (text, f"https://{text}", f"https://a.b/#/exports/{text}", f"https://a.b/move/exports/{text}"):
        with suppress(InvalidAddress):
            CozyExport(link, FakeWeb())


def test_a_link_is_not_shown() -> None:
    assert ID not in repr(vars(CozyExport(MANIFEST, FakeWeb())))


def test_the_parts_are_the_first_and_one_for_each_cursor() -> None:
    found = CozyExport(MANIFEST, FakeWeb({MANIFEST: [manifest(with_doctypes=["io.cozy.files"])]})).manifest()

    assert [(part.number, part.parts, part.cursor) for part in found.parts] == [
        (1, 3, ""),
        (2, 3, "io.cozy.files/b"),
        (3, 3, "io.cozy.files.versions/a/1"),
    ]
    assert [part.first for part in found.parts] == [None, ("io.cozy.files", "b"), ("io.cozy.files.versions", "a/1")]
    assert (found.doctypes, found.json_bytes) == (("io.cozy.files",), 1234)


@pytest.mark.parametrize("cursors", [None, []])
def test_an_export_without_cursors_has_one_part(cursors: list[str] | None) -> None:
    found = CozyExport(MANIFEST, FakeWeb({MANIFEST: [manifest(parts_cursors=cursors)]})).manifest()

    assert len(found.parts) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (manifest(state="exporting", parts_cursors=None), "still making"),
        (manifest(state="error"), "could not make"),
        (manifest(state=None), "could not make"),
        (b"", "not the manifest"),
        (b"<html>", "not the manifest"),
        (manifest()[:-5], "not the manifest"),
        (b"[" * 100_000, "not the manifest"),
        (b"[]", "not the manifest"),
        (b'{"data": []}', "not the manifest"),
        (b'{"data": {"attributes": "done"}}', "not the manifest"),
        (manifest(parts_cursors="io.cozy.files/b"), "not the manifest"),
        (manifest(parts_cursors=["a\nb"]), "not the manifest"),
        (manifest(parts_cursors=[1]), "not the manifest"),
        (manifest(parts_cursors=[""]), "not the manifest"),
        (manifest(parts_cursors=["io.cozy.files/b", "io.cozy.files/b"]), "not the manifest"),
    ],
)
def test_what_cannot_be_gone_by_is_told(text: bytes, sentence: str) -> None:
    with pytest.raises(CozyUnavailable, match=sentence):
        CozyExport(MANIFEST, FakeWeb({MANIFEST: [text]})).manifest()


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "not whole"), (401, "has ended"), (404, "no such export"), (410, "expired"), (500, "Try again later")],
)
def test_a_refusal_says_what_to_do(status: int, advice: str) -> None:
    refusal = AddressUnavailable(f"The server answered {status}.", status=status, transient=status == 500)
    with pytest.raises(CozyUnavailable, match=advice) as told:
        CozyExport(MANIFEST, FakeWeb({MANIFEST: [refusal]})).manifest()

    assert "its manifest" in str(told.value)
    assert told.value.transient == (status == 500)
    assert "alice" not in str(told.value)


def test_a_part_is_asked_for_by_its_cursor() -> None:
    data = f"https://alice.mycozy.cloud/move/exports/data/{ID}"
    second = f"{data}?cursor=io.cozy.files%2Fb"
    web = FakeWeb({data: [b"one"], second: [b"two"]})
    cozy = CozyExport(MANIFEST, web)

    assert b"".join(cozy.chunks(CozyPart(1, 2, ""))) == b"one"
    assert b"".join(cozy.chunks(CozyPart(2, 2, "io.cozy.files/b"))) == b"two"


class TestKeeping:
    data = f"https://alice.mycozy.cloud/move/exports/data/{ID}"
    broken = AddressUnavailable("The download broke off.", transient=True)

    def kept(self, *answers: bytes | Exception) -> list[tuple[str, bytes]]:
        """What is kept after these answers."""
        whole: list[tuple[str, bytes]] = []

        def keep(name: str, chunks: Iterable[bytes]) -> None:
            whole.append((name, b"".join(chunks)))

        CozyExport(MANIFEST, FakeWeb({self.data: list(answers)})).keep(CozyPart(1, 1, ""), keep)
        return whole

    def test_a_part_is_kept_whole(self) -> None:
        assert self.kept(b"whole") == [("part-00001", b"whole")]

    def test_a_download_that_breaks_off_is_begun_anew(self) -> None:
        assert self.kept(self.broken, self.broken, b"whole") == [("part-00001", b"whole")]

    def test_but_not_for_ever(self) -> None:
        with pytest.raises(CozyUnavailable, match="part 1 of 1"):
            self.kept(self.broken, self.broken, self.broken, b"whole")

    @pytest.mark.parametrize(
        "refusal",
        [
            AddressUnavailable("The server answered 404.", status=404),
            AddressUnavailable("The server answered 429.", status=429, transient=True, retry_after=600),
        ],
    )
    def test_nor_where_that_does_not_help(self, refusal: AddressUnavailable) -> None:
        with pytest.raises(CozyUnavailable) as told:
            self.kept(refusal, b"whole")

        assert told.value.retry_after == refusal.retry_after


class TestCheckingAPart:
    def check(self, number: int, content: bytes) -> None:
        check_part(CozyPart(number, 2, ""), len(content), lambda offset, length: content[offset : offset + length])

    def test_the_first_part_has_documents(self) -> None:
        self.check(1, zipped("My Cozy/Data/instance.json"))

    def test_another_part_may_be_empty(self) -> None:
        self.check(2, zipped())

    def test_an_export_that_was_replaced_has_an_empty_first_part(self) -> None:
        with pytest.raises(CozyUnavailable, match="later export has replaced it"):
            self.check(1, zipped())

    @pytest.mark.parametrize("content", [b"", b"<html>", zipped("My Cozy/Data/instance.json")[:-1], b"PK\x03\x04"])
    def test_what_is_no_whole_zip_is_no_part(self, content: bytes) -> None:
        with pytest.raises(CozyUnavailable, match="no zip archive"):
            self.check(1, content)
