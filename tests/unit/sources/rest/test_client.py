"""What the REST base promises to every source."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.rest_fakes import FakeApi, FakeTime
from tests.systems.exchange import Asked, Told

from waybill.domain.errors import CatalogError, SourceNotReady, SourceUnavailable
from waybill.sources.rest.auth import HeaderAuth, TokenAuth, basic, bearer
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.failures import RequestRefused
from waybill.sources.rest.requests import ANYTHING, Request

BASE = "https://iot.example.org/api/v1"


def client_of(
    handler: Callable[[Asked], Told], time: FakeTime | None = None, **options: Any
) -> tuple[RestClient, FakeApi]:
    api = FakeApi(handler)
    base = options.pop("base", BASE)
    return RestClient("OS2iot", base, connect=api, timing=(time or FakeTime()).timing(), **options), api


def told_in_turn(*answers: Told | Exception) -> Callable[[Asked], Told]:
    left = list(answers)

    def tell(_: Asked) -> Told:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return tell


def test_a_request_goes_below_the_base_with_what_it_says() -> None:
    client, api = client_of(lambda _: Told(body=b'{"data":[1]}'), headers=(("user-agent", "Waybill"),))

    reply = client.send(Request("application", query=(("limit", "100"), ("name", "a b/ü"))))

    assert reply.json(ANYTHING) == {"data": [1]}
    [asked] = api.asked
    assert (asked.origin, asked.method) == ("https://iot.example.org", "GET")
    assert asked.target == "/api/v1/application?limit=100&name=a%20b%2F%C3%BC"
    assert asked.headers == {"accept": "application/json", "user-agent": "Waybill"}


@pytest.mark.parametrize(
    "base", ["ftp://x/api", "https:///api", "https://user:word@x/api", "https://x/api?key=1", "no url"]
)
def test_a_base_that_is_no_url_of_an_api_is_refused(base: str) -> None:
    with pytest.raises(CatalogError, match="OS2iot"):
        client_of(lambda _: Told(), base=base)


def test_a_failure_of_the_server_is_tried_again_with_growing_waits() -> None:
    time = FakeTime()
    client, _ = client_of(told_in_turn(Told(500), Told(503), ConnectionResetError(), Told(200, b"[]")), time)

    assert client.send(Request("device")).json(ANYTHING) == []
    assert time.slept == [0.5, 1.0, 2.0]


def test_it_waits_as_long_as_the_api_asks_for() -> None:
    time = FakeTime()
    moment = {"Retry-After": "Sun, 01 Mar 2026 12:00:09 GMT"}
    client, _ = client_of(
        told_in_turn(Told(429, headers={"Retry-After": "7"}), Told(429, headers=moment), Told()), time
    )

    client.send(Request("device"))

    assert time.slept == [7.0, 9.0]


def test_it_does_not_wait_longer_than_its_patience() -> None:
    time = FakeTime()
    client, _ = client_of(lambda _: Told(429, headers={"Retry-After": "3600"}), time)

    with pytest.raises(RequestRefused, match="429") as refused:
        client.send(Request("device"))

    assert refused.value.status == 429
    assert time.slept == []


@pytest.mark.parametrize(("status", "header"), [(429, "3600"), (503, "Sun, 01 Mar 2026 13:00:00 GMT")])
def test_an_export_waits_without_a_function_when_the_api_asks_for_longer(status: int, header: str) -> None:
    api = FakeApi(lambda _: Told(status, headers={"Retry-After": header}))
    timing = replace(FakeTime().timing(), postpones=True)
    client = RestClient("OS2iot", BASE, connect=api, timing=timing)

    with pytest.raises(SourceNotReady, match=r"OS2iot at iot\.example\.org asks to be left alone") as waits:
        client.send(Request("device"))
    assert (waits.value.seconds, len(api.asked)) == (3600, 1)


@pytest.mark.parametrize("header", ["", "0", "soon", "86400"])
def test_nothing_is_waited_for_that_is_not_said_or_too_long(header: str) -> None:
    api = FakeApi(lambda _: Told(429, headers={"Retry-After": header}))
    client = RestClient("OS2iot", BASE, connect=api, timing=replace(FakeTime().timing(), postpones=True))

    with pytest.raises(RequestRefused, match="429"):
        client.send(Request("device"))


def test_an_error_names_the_system_the_request_and_what_to_do() -> None:
    client, _ = client_of(lambda _: Told(500, b"secret words of the server"))

    with pytest.raises(SourceUnavailable) as refused:
        client.send(Request("device", query=(("offset", "100"),), secret_query=(("token", "hush"),)))

    sentence = str(refused.value)
    assert sentence.startswith(
        "OS2iot at iot.example.org, asked for GET /api/v1/device?offset=100, was answered with 500"
    )
    assert "hush" not in sentence
    assert "words" not in sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "refuses connections"),
        (socket.gaierror(), "no host of this name"),
        (TimeoutError(), "silent for too long"),
        (ssl.SSLError(), "no TLS connection"),
        (ConnectionResetError(), "broke off"),
    ],
)
def test_a_connection_that_fails_is_explained(error: Exception, words: str) -> None:
    def fail(_: Asked) -> Told:
        raise ConnectionError from error

    client, api = client_of(fail)

    with pytest.raises(SourceUnavailable, match=words):
        client.send(Request("device"))
    assert len(api.asked) > 3


def test_a_certificate_that_is_not_accepted_is_not_asked_again() -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"

    def fail(_: Asked) -> Told:
        raise ConnectionError from error

    client, api = client_of(fail)

    with pytest.raises(SourceUnavailable, match=r"certificate is not accepted \(self-signed certificate\)"):
        client.send(Request("device"))
    assert len(api.asked) == 1


@pytest.mark.parametrize("answer", [Told(500), Told(503), ConnectionResetError(), Told(200, b"12345", break_after=2)])
def test_what_must_not_be_done_twice_is_sent_once(answer: Told | Exception) -> None:
    client, api = client_of(told_in_turn(answer, Told()))

    with pytest.raises(SourceUnavailable):
        client.send(Request("iot-device/createMany", method="POST"))
    assert len(api.asked) == 1


def test_what_was_not_begun_is_sent_again_all_the_same() -> None:
    client, api = client_of(told_in_turn(Told(429), Told(201)))

    assert client.send(Request("iot-device/createMany", method="POST")).status == 201
    assert len(api.asked) == 2


def test_a_status_that_the_source_understands_is_an_answer() -> None:
    client, api = client_of(lambda _: Told(404))

    assert client.send(Request("chirpstack/service-profiles", taken=frozenset((404,)))).status == 404
    assert len(api.asked) == 1


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    client, _ = client_of(told_in_turn(Told(200, b"[1,2,3]", break_after=3), Told(200, b"[1,2,3]")))

    assert client.send(Request("device")).json(ANYTHING) == [1, 2, 3]


def test_an_answer_may_have_so_many_bytes_and_no_more() -> None:
    client, _ = client_of(lambda _: Told(body=b"x" * 11))

    assert len(client.send(Request("device", most=11)).body) == 11
    with pytest.raises(SourceUnavailable, match="more than 10 bytes"):
        client.send(Request("device", most=10))


def test_a_packed_answer_is_refused() -> None:
    client, _ = client_of(lambda _: Told(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))

    with pytest.raises(SourceUnavailable, match="gzip"):
        client.send(Request("device"))


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b'{"data": [1,', b"\xff\xfe", b"<html>", b"[" * 100_000])
def test_what_is_not_json_is_said_without_its_words(body: bytes) -> None:
    client, _ = client_of(lambda _: Told(body=body))

    with pytest.raises(SourceUnavailable, match=r"not JSON|another form"):
        client.send(Request("device")).json(ANYTHING)


def test_redirects_on_the_same_host_are_followed_signed() -> None:
    def tell(asked: Asked) -> Told:
        if asked.path == "/api/v1/device":
            return Told(307, headers={"Location": "/api/v2/device?x=1"})
        return Told(body=b"[]")

    client, api = client_of(tell, auth=HeaderAuth(lambda _: (("x-api-key", "hush"),)))

    client.send(Request("device"))

    assert [(each.target, each.headers["x-api-key"]) for each in api.asked][1] == ("/api/v2/device?x=1", "hush")


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/x", "http://iot.example.org/api/v1/x", "//other.example", ""]
)
def test_nothing_is_sent_along_a_redirect_to_another_host(location: str) -> None:
    client, api = client_of(
        lambda _: Told(302, headers={"Location": location}), auth=HeaderAuth(lambda _: (("x-api-key", "hush"),))
    )

    with pytest.raises(SourceUnavailable, match="leads to another address"):
        client.send(Request("device"))
    assert [each.origin for each in api.asked] == ["https://iot.example.org"]


def test_one_that_signs_nothing_may_roam_but_not_to_plain_http() -> None:
    def tell(asked: Asked) -> Told:
        if asked.origin == "https://iot.example.org":
            return Told(302, headers={"Location": "https://bucket.example/part?sig=1"})
        return Told(302, headers={"Location": "http://bucket.example/part"})

    client, api = client_of(tell, roams=True)

    with pytest.raises(SourceUnavailable, match="leads to another address, http://bucket"):
        client.send(Request("data"))
    assert [each.origin for each in api.asked] == ["https://iot.example.org", "https://bucket.example"]
    with pytest.raises(ValueError, match="roams"):
        client_of(tell, roams=True, auth=HeaderAuth(lambda _: ()))


def test_redirects_that_lead_in_a_circle_end() -> None:
    client, api = client_of(lambda asked: Told(302, headers={"Location": asked.target}))

    with pytest.raises(RequestRefused, match="302"):
        client.send(Request("device"))
    assert len(api.asked) == 6


class LogIn:
    """An API that takes a token for some requests and then no more."""

    def __init__(self, *, lasts: int, right_password: str = "right") -> None:
        self.lasts = lasts
        self.left = 0
        self.logins = 0
        self.right_password = right_password

    def __call__(self, asked: Asked) -> Told:
        if asked.path.endswith("/auth/login"):
            if asked.body != self.right_password.encode():
                return Told(401)
            self.logins += 1
            self.left = self.lasts
            return Told(201, f"token {self.logins}".encode())
        if asked.headers.get("authorization") != f"Bearer token {self.logins}" or self.left == 0:
            return Told(401)
        self.left -= 1
        return Told(body=b"[]")


def token_auth(*passwords: str) -> TokenAuth:
    def log_in(ask: Any, fresh: bool) -> tuple[tuple[str, str], ...]:
        password = passwords[-1] if fresh else passwords[0]
        return (bearer(ask(Request("auth/login", method="POST", body=password.encode())).body.decode()),)

    return TokenAuth(log_in)


def test_a_token_is_got_once_and_again_when_it_has_ended() -> None:
    server = LogIn(lasts=2)
    client, _ = client_of(server, auth=token_auth("right"))

    for _ in range(5):
        client.send(Request("device"))

    assert server.logins == 3


def test_a_password_that_was_changed_is_read_again() -> None:
    server = LogIn(lasts=1)
    client, _ = client_of(server, auth=token_auth("right", "changed"))
    client.send(Request("device"))
    server.right_password = "changed"

    client.send(Request("device"))

    assert server.logins == 2


def test_a_wrong_password_is_said_and_not_tried_again() -> None:
    client, api = client_of(LogIn(lasts=2), auth=token_auth("wrong"))

    with pytest.raises(RequestRefused, match=r"POST /api/v1/auth/login, was answered with 401. The secret"):
        client.send(Request("device"))
    assert len(api.asked) == 1


def test_a_token_that_is_never_taken_ends_after_one_renewal() -> None:
    client, api = client_of(LogIn(lasts=0), auth=token_auth("right"))

    with pytest.raises(RequestRefused, match="401"):
        client.send(Request("device"))
    assert [each.path for each in api.asked].count("/api/v1/device") == 2


def test_many_that_are_refused_at_once_log_in_once() -> None:
    server = LogIn(lasts=1000)
    client, _ = client_of(server, auth=token_auth("right"), limit=8)
    client.send(Request("device"))
    server.left = 0
    gate = threading.Barrier(8, timeout=10)
    inner = server.__call__
    refused = 0

    def tell(asked: Asked) -> Told:
        nonlocal refused
        if asked.path.endswith("/device") and asked.headers["authorization"] == "Bearer token 1":
            gate.wait()  # all of them are refused before one of them logs in
            return Told(401)
        return inner(asked)

    client._connections.api._handler = tell  # type: ignore[attr-defined]

    assert len(list(client.many(Request("device") for _ in range(8)))) == 8
    assert server.logins == 2


def test_an_api_key_that_was_changed_is_read_again_once() -> None:
    def tell(asked: Asked) -> Told:
        return Told(200 if asked.headers["x-api-key"] == "new" else 401, b"[]")

    client, _ = client_of(tell, auth=HeaderAuth(lambda fresh: (("x-api-key", "new" if fresh else "old"),)))
    assert client.send(Request("device")).status == 200

    client, api = client_of(tell, auth=HeaderAuth(lambda _: (("x-api-key", "old"),)))
    with pytest.raises(RequestRefused, match="401"):
        client.send(Request("device"))
    assert len(api.asked) == 1


def test_basic_is_as_the_rfc_shows_it() -> None:
    # RFC 7617, section 2 and section 2.1
    assert basic("Aladdin", "open sesame") == ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert basic("test", "123\u00a3") == ("authorization", "Basic dGVzdDoxMjPCow==")


@pytest.mark.parametrize("limit", [1, 2, 8])
def test_answers_come_in_order_with_as_many_in_flight_as_may_be(limit: int) -> None:
    together = threading.Barrier(limit, timeout=10)

    def tell(asked: Asked) -> Told:
        together.wait()  # goes on only if so many are in flight at once
        return Told(body=asked.path.rpartition("/")[2].encode())

    client, api = client_of(tell, limit=limit)

    replies = list(client.many(Request(str(number)) for number in range(limit * 4)))

    assert [int(reply.body) for reply in replies] == list(range(limit * 4))
    assert api.most == limit


def test_no_more_are_in_flight_than_may_be_whoever_asks() -> None:
    client, api = client_of(lambda _: Told(body=b"1"), limit=2)
    threads = [threading.Thread(target=lambda: list(client.many([Request("a")] * 20))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(api.asked) == 120
    assert api.most <= 2


def test_the_first_that_fails_is_raised_in_its_place_and_ends_the_others() -> None:
    def tell(asked: Asked) -> Told:
        return Told(403 if asked.path.endswith("/3") else 200, b"1")

    client, api = client_of(tell, limit=2)
    replies = client.many(Request(str(number)) for number in range(1000))

    assert [next(replies).status for _ in range(3)] == [200, 200, 200]
    with pytest.raises(RequestRefused, match="403"):
        next(replies)
    assert len(api.asked) < 10


def test_requests_are_not_made_long_before_they_are_wanted() -> None:
    client, api = client_of(lambda _: Told(body=b"1"), limit=4)
    replies = client.many(Request(str(number)) for number in range(1000))

    next(replies)
    replies.close()  # type: ignore[attr-defined]

    assert len(api.asked) <= 5


def test_work_of_several_requests_keeps_to_the_limit_too() -> None:
    client, api = client_of(lambda asked: Told(body=asked.path[-1].encode()), limit=3)

    def pair(number: int) -> bytes:
        return client.send(Request(f"a{number}")).body + client.send(Request(f"b{number}")).body

    assert list(client.each(pair, range(9))) == [f"{number}{number}".encode() for number in range(9)]
    assert api.most <= 3
