"""What a server can do to us that somebody else has chosen, and where we do not go whatever it says."""

import socket
from collections.abc import Iterator

import pytest
from tests.contract.faulty_server import RESET, FaultyServer, answer, object_answer

from waybill.adapters.public_web import ATTEMPTS, PublicWeb
from waybill.domain.errors import AddressUnavailable, InvalidAddress

MOST = 1_000_000
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def web(waits: list[float]) -> PublicWeb:
    """A client that may ask this machine, and waits for nothing."""
    return PublicWeb(allow_private=True, seconds=2, sleep=waits.append)


def streamed(web: PublicWeb, url: str, most: int = MOST) -> bytes:
    return b"".join(web.stream(url, most=most, seconds=5))


def test_nothing_of_ours_is_sent_along(web: PublicWeb, server: FaultyServer) -> None:
    server.will(answer(200, b"here"))

    assert web.get(f"{server.url}/a?b=c", most=MOST) == b"here"
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("GET", "/a?b=c", b"")
    assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_without_saying_where_it_came_from(
    web: PublicWeb, server: FaultyServer, status: int
) -> None:
    server.will(answer(status, b"words", Location="/there?x=1#part"), answer(200, b"here"))

    assert streamed(web, f"{server.url}/secret") == b"here"
    assert [request.target for request in server.requests] == ["/secret", "/there?x=1"]
    assert "referer" not in server.requests[1].headers


def test_redirects_without_end_are_given_up(web: PublicWeb, server: FaultyServer) -> None:
    server.will(*[answer(302, Location="/again")] * 20)

    with pytest.raises(AddressUnavailable, match="more than 5 times"):
        web.get(server.url, most=MOST)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "ftp://example.org/",
        "https://me@example.org/",
    ],
)
def test_a_redirect_leads_nowhere_that_is_not_allowed(
    location: str, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    monkeypatch.setattr("waybill.adapters.guarded_connection.is_public", lambda address: address.is_loopback)
    web = _PlainWeb(port)
    server.will(answer(302, Location=location))

    with pytest.raises(InvalidAddress, match="redirects to an address that is not allowed") as refusal:
        web.get("https://example.org/", most=MOST)
    assert location not in str(refusal.value)
    assert len(server.requests) == 1


class _PlainWeb(PublicWeb):
    """One that takes ``https`` for granted: its connections go to this machine, without TLS."""

    def __init__(self, port: int) -> None:
        super().__init__(allow_private=False, sleep=lambda _: None)
        self._connector.connect = lambda address: socket.create_connection(("127.0.0.1", port))  # type: ignore[method-assign]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["169.254.169.254"], ["::1"], ["93.184.216.34", "10.1.2.3"]])
def test_a_name_that_stands_for_a_private_address_is_not_asked(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> socket.socket:
        raise AssertionError("It was asked.")

    monkeypatch.setattr(socket, "create_connection", connect)
    web = PublicWeb(allow_private=False, resolve=lambda host, port: addresses)

    with pytest.raises(InvalidAddress, match="private or reserved"):
        web.get("https://example.org/", most=MOST)


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "https://[::1]/", "nonsense", ""])
def test_an_address_that_is_not_allowed_is_not_looked_up(url: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("It was looked up.")

    with pytest.raises(InvalidAddress):
        PublicWeb(allow_private=False, resolve=resolve).get(url, most=MOST)


@pytest.mark.parametrize(
    ("first", "asked"),
    [(answer(500), 2), (answer(503), 2), (answer(429), 2), (RESET, 2), (answer(200, b"ha", length=4), 2)],
)
def test_what_may_pass_is_tried_again(
    web: PublicWeb, server: FaultyServer, waits: list[float], first: bytes, asked: int
) -> None:
    server.will(first, answer(200, b"here"))

    assert web.get(server.url, most=MOST) == b"here"
    assert (len(server.requests), len(waits)) == (asked, asked - 1)


def test_the_server_says_how_long_to_wait(web: PublicWeb, server: FaultyServer, waits: list[float]) -> None:
    server.will(answer(429, Retry_After="7"), answer(200, b"here"))

    assert streamed(web, server.url) == b"here"
    assert waits == [7]


def test_a_long_wait_is_left_to_the_caller(web: PublicWeb, server: FaultyServer, waits: list[float]) -> None:
    server.will(answer(503, Retry_After="3600"))

    with pytest.raises(AddressUnavailable) as told:
        web.get(server.url, most=MOST)
    assert (told.value.status, told.value.retry_after, told.value.transient, waits) == (503, 3600, True, [])


def test_it_is_not_tried_for_ever(web: PublicWeb, server: FaultyServer) -> None:
    server.will(*[answer(500)] * 20)

    with pytest.raises(AddressUnavailable, match="answered 500"):
        web.get(server.url, most=MOST)
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 416])
def test_any_other_status_is_told_at_once(web: PublicWeb, server: FaultyServer, status: int) -> None:
    server.will(answer(status))

    with pytest.raises(AddressUnavailable):
        streamed(web, server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("get", [True, False])
def test_what_is_too_large_is_not_taken(web: PublicWeb, server: FaultyServer, get: bool) -> None:
    server.will(answer(200, b"x" * 101))

    with pytest.raises(AddressUnavailable, match="more than 100 bytes"):
        web.get(server.url, most=100) if get else streamed(web, server.url, most=100)


def test_a_download_that_breaks_off_is_taken_up_where_it_broke(web: PublicWeb, server: FaultyServer) -> None:
    first = object_answer(CONTENT[:5000], of=len(CONTENT), length=len(CONTENT))
    server.will(
        first.replace(b"ETag", b"Accept-Ranges: bytes\r\nETag"),
        object_answer(CONTENT[5000:], of=len(CONTENT), start=5000),
    )

    assert streamed(web, server.url) == CONTENT
    assert (server.requests[1].headers["range"], server.requests[1].headers["if-range"]) == ("bytes=5000-", '"v1"')


@pytest.mark.parametrize(
    "second",
    [
        answer(200, CONTENT, ETag='"v2"', Accept_Ranges="bytes"),
        object_answer(CONTENT[5000:], of=len(CONTENT), start=5000, etag='"v2"'),
        object_answer(CONTENT[4000:], of=len(CONTENT), start=4000),
        answer(206, CONTENT[5000:], ETag='"v1"'),
    ],
)
def test_but_never_in_another_version_or_place(web: PublicWeb, server: FaultyServer, second: bytes) -> None:
    first = object_answer(CONTENT[:5000], of=len(CONTENT), length=len(CONTENT))
    server.will(first.replace(b"ETag", b"Accept-Ranges: bytes\r\nETag"), second)

    with pytest.raises(AddressUnavailable, match="changed meanwhile"):
        streamed(web, server.url)


@pytest.mark.parametrize(
    "headers", [{}, {"ETag": '"v1"'}, {"Accept_Ranges": "bytes"}, {"ETag": 'W/"v1"', "Accept_Ranges": "bytes"}]
)
def test_what_cannot_be_taken_up_is_an_error(web: PublicWeb, server: FaultyServer, headers: dict[str, str]) -> None:
    server.will(answer(200, CONTENT[:5000], length=len(CONTENT), **headers), answer(200, CONTENT))

    with pytest.raises(AddressUnavailable, match="broke off after 5,000 bytes") as told:
        streamed(web, server.url)
    assert told.value.transient


def test_chunks_that_break_off_are_an_error(web: PublicWeb, server: FaultyServer) -> None:
    half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n4\r\nhalf\r\n"
    server.will(half, answer(200, b"whole"))

    with pytest.raises(AddressUnavailable, match="broke off after 4 bytes"):
        streamed(web, server.url)
    assert len(server.requests) == 1


def test_an_encoding_that_nobody_asked_for_is_not_taken(web: PublicWeb, server: FaultyServer) -> None:
    server.will(answer(200, b"\x1f\x8b", Content_Encoding="gzip"))

    with pytest.raises(AddressUnavailable, match="encoding"):
        web.get(server.url, most=MOST)


def test_a_port_where_nobody_listens_refuses(web: PublicWeb) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(AddressUnavailable, match="refused the connection") as told:
        web.get(f"http://127.0.0.1:{port}/secret", most=MOST)
    assert "secret" not in str(told.value)


def test_a_name_that_nobody_has_is_told_at_once(waits: list[float]) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(AddressUnavailable, match="nobody knows its name"):
        PublicWeb(allow_private=False, resolve=unknown, sleep=waits.append).get("https://example.org/", most=MOST)
    assert waits == []


def test_a_server_without_tls_is_told_as_that(server: FaultyServer) -> None:
    port = server.url.rpartition(":")[2]
    server.will(answer(200))
    web = PublicWeb(allow_private=True, seconds=0.5, resolve=lambda host, port: ["127.0.0.1"], sleep=lambda _: None)

    with pytest.raises(AddressUnavailable, match=r"secure connection|broke the connection|in time"):
        web.get(f"https://example.org:{port}/", most=MOST)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        web = PublicWeb(allow_private=True, seconds=0.05, sleep=lambda _: None)
        with pytest.raises(AddressUnavailable, match="did not answer in time"):
            web.get(f"http://127.0.0.1:{silent.getsockname()[1]}/", most=MOST)
