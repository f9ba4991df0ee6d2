"""The REST base on real connections: what only a network can show."""

import functools
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.certificates import certificate_for
from tests.contract.faulty_server import RESET, FaultyServer, answer
from tests.rest_fakes import FakeSecrets, FakeTime
from tests.systems.exchange import Asked, Told
from tests.systems.os2iot.backend import ADMIN, Backend
from tests.systems.os2iot.data import made_up
from tests.systems.serving import Fault, Faulty, Server, served

from waybill.adapters.http import Endpoint
from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.errors import SourceUnavailable
from waybill.sources.os2iot.source import opened
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.requests import Request
from waybill.sources.system import Tools


def client(url: str, *, trust: ssl.SSLContext | None = None, limit: int = 4) -> RestClient:
    connect = functools.partial(Endpoint, trust=trust)
    return RestClient("OS2iot", f"{url}/api", connect=connect, limit=limit, timing=FakeTime().timing())


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def test_a_connection_that_is_refused_is_explained() -> None:
    with served(lambda _: Told()) as gone:
        url = gone.url

    with pytest.raises(SourceUnavailable, match="it refuses connections"):
        client(url).send(Request("device"))


def test_a_host_that_is_not_there_is_explained() -> None:
    with pytest.raises(SourceUnavailable, match="there is no host of this name"):
        client("http://os2iot.invalid").send(Request("device"))


def test_an_answer_that_breaks_off_is_asked_for_again(server: FaultyServer) -> None:
    server.will(answer(200, b"[1,", length=7), RESET, answer(200, b"[1,2,3]"))

    assert client(server.url).send(Request("device")).body == b"[1,2,3]"
    assert len(server.requests) == 3


def test_a_download_is_taken_up_where_it_broke_off(server: FaultyServer) -> None:
    content = bytes(range(256)) * 2048
    place = f"bytes 262144-{len(content) - 1}/{len(content)}"
    server.will(
        answer(200, content[:300_000], length=len(content), ETag='"v1"'),
        answer(206, content[262_144:], ETag='"v1"', Content_Range=place),
    )

    assert b"".join(client(server.url).stream(Request("exports/7"))) == content
    asked = server.requests[-1].headers
    assert (asked["range"], asked["if-range"]) == ("bytes=262144-", '"v1"')


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        return certificate_for(tmp_path / "server.pem", "localhost")

    @pytest.fixture
    def secure(self, certificate: Path) -> Iterator[str]:
        running = Server(lambda _: Told(200, b"[]"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://localhost:{running.server_address[1]}"
        running.shutdown()
        running.server_close()
        thread.join()

    def test_a_certificate_that_is_vouched_for_is_taken(self, secure: str, certificate: Path) -> None:
        trust = ssl.create_default_context(cafile=certificate)

        assert client(secure, trust=trust).send(Request("device")).body == b"[]"

    def test_one_that_nobody_vouches_for_is_refused_with_a_sentence(self, secure: str) -> None:
        with pytest.raises(SourceUnavailable, match=r"its certificate is not accepted \(self.signed certificate\)"):
            client(secure).send(Request("device"))

    def test_one_for_another_name_is_refused(self, secure: str, certificate: Path) -> None:
        trust = ssl.create_default_context(cafile=certificate)

        with pytest.raises(SourceUnavailable, match="its certificate is not accepted"):
            client(secure.replace("localhost", "127.0.0.1"), trust=trust).send(Request("device"))

    def test_a_server_without_tls_is_refused(self, server: FaultyServer) -> None:
        server.will(answer(200))
        with pytest.raises(SourceUnavailable, match="got no answer"):
            client(server.url.replace("http:", "https:")).send(Request("device"))


def test_os2iot_is_read_over_the_network_with_no_more_requests_than_are_allowed() -> None:
    backend = Backend(made_up(devices=900))
    faults = [Fault("offset=198", "status", times=2, status=503), Fault("offset=297", "broken", times=1)]
    with served(Faulty(backend, faults)) as running:
        source = SystemSource("os2iot", "os2iot", f"{running.url}/api/v1", "s", ("operator",), requests=3)
        secret = json.dumps({"username": ADMIN[0], "password": ADMIN[1]})
        tools = Tools(Endpoint, FakeSecrets({"s": secret}), FakeTime().timing())
        devices = opened(source, tools)(Doctype("os2iot.iot-devices", source, "{}"))
        [shard] = devices.shards(tenant="operator", start=0)
        items = list(devices.read(tenant="operator", shard=shard, after=None))

    assert [int(item.id) for item in items] == sorted(each["id"] for each in backend.data.devices)
    assert running.counts.most <= 3


def test_faults_can_be_asked_for_outside_of_the_api() -> None:
    with served(Faulty(lambda _: Told(200, b"fine"))) as running:
        asking = client(running.url.removesuffix("/api"))
        put = Asked("", "POST", "/_faults", {}, json.dumps([{"match": "device", "kind": "malformed"}]).encode())
        running.handle(put)

        assert asking.send(Request("device")).body.startswith(b"<html>")
