"""What a server can do to an import that somebody has named it to."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import cast

import pytest
from tests.contract.faulty_server import RESET, FaultyServer, answer, object_answer, rest_of

from waybill.adapters.public_web import ATTEMPTS, PublicWeb
from waybill.adapters.web_inputs import LEAST_SPEED, WINDOW_SECONDS, WebInputs
from waybill.domain.errors import InputBroken, InputRefused
from waybill.ports import LinkedPart, RemoteBody

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def inputs() -> WebInputs:
    """A client that may ask this machine, and waits for nothing."""
    return WebInputs(PublicWeb(allow_private=True, seconds=2, sleep=lambda _: None))


def fetched(inputs: WebInputs, url: str, start: int = 0, etag: str = "") -> tuple[RemoteBody, bytes]:
    with inputs.open(url, start=start, etag=etag) as body:
        return body, b"".join(body.chunks)


def refusal(inputs: WebInputs, url: str, start: int = 0, etag: str = "") -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        fetched(inputs, url, start, etag)
    assert url not in str(caught.value)
    return caught.value


def test_a_file_comes_with_its_name_its_size_and_its_version(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(answer(200, CONTENT, ETag='"v1"', Accept_Ranges="bytes"))

    body, content = fetched(inputs, f"{server.url}/a/part%201.tar.gz?token=x")

    assert (body.name, body.start, body.size, body.etag) == ("part 1.tar.gz", 0, len(CONTENT), '"v1"')
    assert content == CONTENT


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"Content_Disposition": 'attachment; filename="exported.json"'}, "exported.json"),
        ({"Content_Disposition": "attachment; filename*=UTF-8''z%C3%BC.csv"}, "zü.csv"),
        ({"Content_Disposition": 'attachment; filename="../../etc/passwd"'}, ".._.._etc_passwd"),
        ({"Content_Disposition": "nonsense"}, "x.json"),
        ({}, "x.json"),
    ],
)
def test_the_name_is_the_servers_or_the_addresss(
    inputs: WebInputs, server: FaultyServer, headers: dict[str, str], name: str
) -> None:
    server.will(answer(200, b"[]", length=None, **headers))

    assert fetched(inputs, f"{server.url}/x.json")[0].name == name


def test_a_download_is_taken_up_in_the_same_version(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(rest_of(CONTENT))

    body, content = fetched(inputs, server.url, 1_000, '"v1"')

    assert (body.start, body.size, body.etag, content) == (1_000, len(CONTENT), '"v1"', CONTENT[1_000:])
    assert (server.requests[0].headers["range"], server.requests[0].headers["if-range"]) == ("bytes=1000-", '"v1"')


def test_a_server_that_cannot_take_it_up_or_has_another_version_begins_anew(
    inputs: WebInputs, server: FaultyServer
) -> None:
    server.will(answer(200, CONTENT, ETag='"v2"'))

    body, content = fetched(inputs, server.url, 1_000, '"v1"')
    assert (body.start, body.etag, content) == (0, "", CONTENT)


@pytest.mark.parametrize(("etag", "ranges"), [('W/"v1"', "bytes"), ("", "bytes"), ('"v1"', "none")])
def test_without_a_strong_etag_and_ranges_nothing_can_be_taken_up(
    inputs: WebInputs, server: FaultyServer, etag: str, ranges: str
) -> None:
    server.will(answer(200, CONTENT, ETag=etag, Accept_Ranges=ranges))

    assert fetched(inputs, server.url)[0].etag == ""


@pytest.mark.parametrize(
    "reply",
    [
        object_answer(CONTENT[500:], of=len(CONTENT), start=500),
        object_answer(CONTENT[1_000:], of=len(CONTENT), start=1_000, etag='"v2"'),
        answer(206, CONTENT[1_000:], ETag='"v1"'),
    ],
)
def test_another_piece_than_was_asked_for_is_refused(inputs: WebInputs, server: FaultyServer, reply: bytes) -> None:
    server.will(reply)

    assert refusal(inputs, server.url, 1_000, '"v1"').reason == "url_changed"


def test_a_body_that_is_shorter_than_announced_can_be_asked_for_again(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(answer(200, CONTENT, length=len(CONTENT) + 1))

    error = refusal(inputs, server.url)
    assert isinstance(error, InputBroken)
    assert error.reason == "url_broken"


@pytest.mark.parametrize(("end", "whole"), [(b"0\r\n\r\n", True), (b"", False), (b"9\r\nhel", False)])
def test_a_chunked_body_that_breaks_off_is_told_from_one_that_ends(
    inputs: WebInputs, server: FaultyServer, end: bytes, whole: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 999\r\n\r\n"  # short: then it closes
    server.will(head + b"5\r\nhello\r\n" + end)

    if whole:
        assert fetched(inputs, server.url)[1] == b"hello"
    else:
        assert refusal(inputs, server.url).reason == "url_broken"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 500])
def test_another_status_is_refused(inputs: WebInputs, server: FaultyServer, status: int) -> None:
    server.will(*[answer(status, b"words")] * ATTEMPTS)

    assert refusal(inputs, server.url).reason == "url_status"


def test_what_may_pass_is_asked_again(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(answer(503), RESET, answer(429), answer(200, b"here"))

    assert fetched(inputs, server.url)[1] == b"here"


def test_no_answer_at_all_is_refused(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(*[RESET] * ATTEMPTS)

    assert refusal(inputs, server.url).reason == "url_unreachable"


def test_redirects_are_followed_and_given_up(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(answer(302, Location="/there"), answer(200, b"here"), *[answer(302, Location="/again")] * 30)

    assert fetched(inputs, f"{server.url}/first")[1] == b"here"
    assert refusal(inputs, f"{server.url}/second").reason == "url_unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x.json",
        "https://127.0.0.1/x.json",
        "https://[::1]/x.json",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://metadata.internal/",
        "https://me:secret@example.org/",
        "file:///etc/passwd",
        "https://0x7f000001/",
        "nonsense",
    ],
)
def test_an_address_that_is_not_public_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> socket.socket:
        raise AssertionError("It was asked.")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert refusal(WebInputs(PublicWeb(allow_private=False)), url).reason == "url_not_allowed"


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fe80::1"])
def test_a_name_that_stands_for_such_an_address_is_not_asked_either(address: str) -> None:
    web = PublicWeb(allow_private=False, resolve=lambda host, port: [address])

    assert refusal(WebInputs(web), "https://example.org/x.json").reason == "url_not_allowed"


@pytest.mark.parametrize(
    "location", ["http://10.0.0.1/", "https://169.254.169.254/", "https://localhost/", "ftp://x.org/"]
)
def test_nor_is_one_that_a_server_redirects_to(
    location: str, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    web = PublicWeb(allow_private=False, sleep=lambda _: None)
    monkeypatch.setattr(web._connector, "connect", lambda address: socket.create_connection(("127.0.0.1", port)))
    server.will(answer(302, Location=location))

    assert refusal(WebInputs(web), "https://example.org/").reason == "url_not_allowed"
    assert len(server.requests) == 1


@pytest.mark.parametrize(("size", "refused"), [(LEAST_SPEED * 60 - 1, True), (LEAST_SPEED * 60, False)])
def test_a_server_that_is_too_slow_is_given_up(size: int, refused: bool) -> None:
    moments = iter([0.0])
    inputs = WebInputs(PublicWeb(allow_private=True), clock=lambda: next(moments, WINDOW_SECONDS))
    chunks = inputs._chunks(cast("HTTPResponse", _OneChunk(size)), size)

    if not refused:
        assert sum(map(len, chunks)) == size
        return
    with pytest.raises(InputRefused) as caught:
        next(chunks)
    assert caught.value.reason == "url_too_slow"


class _OneChunk:
    """An answer whose body comes at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read1(self, most: int) -> bytes:
        left, self._left = self._left, 0
        return bytes(left)


def test_a_link_to_an_export_gives_its_parts(inputs: WebInputs, server: FaultyServer) -> None:
    attributes = {"state": "done", "parts_cursors": ["io.cozy.files/1"], "total_size": 1}
    server.will(answer(200, json.dumps({"data": {"attributes": attributes}}).encode()))

    parts = inputs.parts(f"{server.url}/#/exports/abcdefgh12345678")

    data = f"{server.url}/move/exports/data/abcdefgh12345678"
    assert parts == [
        LinkedPart(1, 2, "part-00001.zip", data),
        LinkedPart(2, 2, "part-00002.zip", f"{data}?cursor=io.cozy.files%2F1"),
    ]
    assert "abcdefgh" not in repr(parts)
    assert inputs.parts(f"{server.url}/contacts.json") is None


def test_a_link_to_an_export_that_is_not_there_is_refused(inputs: WebInputs, server: FaultyServer) -> None:
    server.will(answer(404))
    with pytest.raises(InputRefused) as caught:
        inputs.parts(f"{server.url}/#/exports/abcdefgh12345678")

    assert caught.value.reason == "export_unreadable"
