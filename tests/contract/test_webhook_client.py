"""What a receiver of webhooks can do to us, and where we do not go whatever its address says."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.contract.faulty_server import RESET, FaultyServer, answer

from waybill.adapters.webhook_client import MOST_ANSWER, DirectWebhookClient
from waybill.domain.webhook import Outcome

HEADERS = {"content-type": "application/json", "webhook-id": "a/1"}
HOST = "hooks.example.org"


@pytest.fixture
def receiver() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def client() -> DirectWebhookClient:
    """A client that may ask this machine, and has half a second for it."""
    return DirectWebhookClient(allow_private=True, seconds=0.5)


def test_the_receiver_gets_body_and_headers_and_its_status_is_the_outcome(
    client: DirectWebhookClient, receiver: FaultyServer
) -> None:
    receiver.will(answer(204))

    assert client.post(f"{receiver.url}/hook?a=b", HEADERS, b'{"type":"x"}') == Outcome(204)
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook?a=b", b'{"type":"x"}')
    assert request.headers["host"] == receiver.url.removeprefix("http://")
    assert HEADERS.items() <= request.headers.items()


@pytest.mark.parametrize("status", [200, 400, 410, 429, 500, 503])
def test_every_status_is_told(client: DirectWebhookClient, receiver: FaultyServer, status: int) -> None:
    receiver.will(answer(status, b"words"))

    assert client.post(receiver.url, HEADERS, b"{}") == Outcome(status)


def test_when_it_wants_to_be_asked_again_is_told_as_far_as_that_can_be_meant(
    client: DirectWebhookClient, receiver: FaultyServer
) -> None:
    receiver.will(answer(503, Retry_After="120"), answer(429, Retry_After="9" * 5000))

    assert client.post(receiver.url, HEADERS, b"{}") == Outcome(503, retry_after="120")
    assert len(client.post(receiver.url, HEADERS, b"{}").retry_after) < 100


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client: DirectWebhookClient, receiver: FaultyServer, status: int) -> None:
    receiver.will(answer(status, Location=f"{receiver.url}/elsewhere"))

    outcome = client.post(receiver.url, HEADERS, b"{}")

    assert (outcome, outcome.taken, len(receiver.requests)) == (Outcome(status), False, 1)


def test_an_answer_without_end_is_read_for_a_while_only(client: DirectWebhookClient) -> None:
    with Dribbling([b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 16_384] * 4000], pause=0) as server:
        assert client.post(server.url, HEADERS, b"{}") == Outcome(200)
        server.finish()
    assert server.sent < MOST_ANSWER + 32_000_000  # what the kernel's buffers took besides, of 65 MB


def test_a_receiver_that_says_nothing_is_given_up(client: DirectWebhookClient) -> None:
    with Dribbling([], pause=30) as server:
        assert client.post(server.url, HEADERS, b"{}") == Outcome(None, "timeout")


def test_a_receiver_that_says_a_byte_now_and_then_is_given_up(client: DirectWebhookClient) -> None:
    with Dribbling([bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" + b"x" * 1000], pause=0.1) as server:
        assert client.post(server.url, HEADERS, b"{}") == Outcome(None, "timeout")


@pytest.mark.parametrize("words", [RESET, b"SSH-2.0-OpenSSH\r\nContent-Length: 0\r\n\r\n"])
def test_a_receiver_that_speaks_no_http_has_not_answered(
    client: DirectWebhookClient, receiver: FaultyServer, words: bytes
) -> None:
    receiver.will(words)

    assert client.post(receiver.url, HEADERS, b"{}") == Outcome(None, "no_answer")


def test_a_port_where_nobody_listens_is_no_answer(client: DirectWebhookClient) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    assert client.post(f"http://127.0.0.1:{port}", HEADERS, b"{}") == Outcome(None, "no_answer")


def test_a_name_that_nobody_has_is_an_unknown_host() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    client = DirectWebhookClient(allow_private=False, resolve=unknown)

    assert client.post(f"https://{HOST}/", HEADERS, b"{}") == Outcome(None, "unknown_host")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1%eth0"],
        ["::ffff:10.0.0.1"],
        ["93.184.216.34", "10.1.2.3"],
    ],
)
def test_a_name_that_stands_for_a_private_address_is_not_asked(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> socket.socket:
        raise AssertionError("It was asked.")

    monkeypatch.setattr(socket, "create_connection", connect)
    client = DirectWebhookClient(allow_private=False, resolve=lambda host, port: addresses)

    assert client.post(f"https://{HOST}/", HEADERS, b"{}") == Outcome(None, "private_address")


@pytest.mark.parametrize("url", ["http://hooks.example.org/", "https://127.0.0.1/", "https://[::1]/", "nonsense"])
def test_an_address_that_should_never_have_been_stored_is_not_asked(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"]

    client = DirectWebhookClient(allow_private=False, resolve=resolve)

    assert client.post(url, HEADERS, b"{}") == Outcome(None, "private_address")
    assert asked == []


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that says something else the second time (DNS rebinding) gets no second time."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[object] = []

    def connect(address: object, **_: object) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    client = DirectWebhookClient(allow_private=False, resolve=lambda host, port: answers.pop(0))

    assert client.post(f"https://{HOST}/", HEADERS, b"{}") == Outcome(None, "no_answer")
    assert connected == [("93.184.216.34", 443)]
    assert answers == [["127.0.0.1"]]


def test_the_next_address_of_a_host_is_tried_if_the_first_takes_no_connection(receiver: FaultyServer) -> None:
    receiver.will(answer(200))
    port = int(receiver.url.rpartition(":")[2])
    client = DirectWebhookClient(allow_private=True, resolve=lambda host, port: ["127.0.0.77", "127.0.0.1"], seconds=1)

    assert client.post(f"http://{HOST}:{port}/", HEADERS, b"{}") == Outcome(200)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for HOST with its key, made here."""
    return _certificate(tmp_path / "server.pem")


class TestTls:
    @pytest.fixture
    def secure(self, certificate: Path) -> Iterator["Dribbling"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with Dribbling([b"HTTP/1.1 204 No Content\r\n\r\n"], pause=0, context=context) as server:
            yield server

    def post(self, host: str, server: "Dribbling", trusted: Path | None) -> Outcome:
        context = ssl.create_default_context(cafile=trusted) if trusted else None
        client = DirectWebhookClient(
            allow_private=True, resolve=lambda host, port: ["127.0.0.1"], trust=context, seconds=2
        )
        return client.post(f"https://{host}:{server.port}/", HEADERS, b"{}")

    def test_the_certificate_is_checked_against_the_name(self, secure: "Dribbling", certificate: Path) -> None:
        assert self.post(HOST, secure, certificate) == Outcome(204)

    def test_another_name_is_not_taken(self, secure: "Dribbling", certificate: Path) -> None:
        assert self.post("other.example.org", secure, certificate) == Outcome(None, "tls_failed")

    def test_nor_is_a_certificate_that_nobody_vouches_for(self, secure: "Dribbling") -> None:
        assert self.post(HOST, secure, None) == Outcome(None, "tls_failed")

    def test_nor_is_a_server_without_tls(self, receiver: FaultyServer) -> None:
        receiver.will(answer(204))
        port = receiver.url.rpartition(":")[2]
        client = DirectWebhookClient(allow_private=True, resolve=lambda host, port: ["127.0.0.1"], seconds=0.5)

        assert client.post(f"https://{HOST}:{port}/", HEADERS, b"{}").status is None
        assert [request.headers for request in receiver.requests if request.headers] == []


@dataclass
class Dribbling:
    """A server for one connection that sends ``pieces`` with a pause before each, whatever it is asked."""

    pieces: list[bytes]
    pause: float
    context: ssl.SSLContext | None = None
    sent: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()
        self._thread.join()

    def finish(self) -> None:
        """Wait until all that can be sent is sent."""
        self._thread.join()

    def _serve(self) -> None:
        try:
            taken, _ = self._listener.accept()
            with self.context.wrap_socket(taken, server_side=True) if self.context else taken as connection:
                heard = b""
                while not heard.endswith(
                    b"{}"
                ):  # the body comes by itself, and what is not read would reset the answer
                    more = connection.recv(65_536)
                    if not more:
                        break
                    heard += more
                for piece in self.pieces or [b""]:
                    if self._over.wait(self.pause):
                        return
                    connection.sendall(piece)
                    self.sent += len(piece)
        except OSError:
            return


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
