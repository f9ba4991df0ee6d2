"""The counting proxy hands on what clients and server say, and counts it by kind."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bench.transport import CountingProxy, counting_proxy, request_kind


class Server(BaseHTTPRequestHandler):
    """Answers with what it got: method, target, Host and body; in chunks if the target ends so."""

    protocol_version = "HTTP/1.1"

    def echo(self) -> None:
        body = self.body()
        said = f"{self.command} {self.path} {self.headers['host']} {body.decode()}".encode()
        self.send_response(200)
        if self.path.endswith("chunks"):
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(said), said))
            return
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = echo  # noqa: N815 - the base class calls them so

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class named it
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with counting_proxy(f"http://127.0.0.1:{server.server_port}") as running:
        yield running
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(proxy: CountingProxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(proxy.endpoint.removeprefix("http://"))
    yield connection
    connection.close()


def test_requests_and_answers_pass_unchanged_over_one_connection(client: http.client.HTTPConnection) -> None:
    for body in (b"first", b"second"):
        client.request("PUT", "/bucket//a%20key?partNumber=1", body, {"Host": "signed.example"})
        assert client.getresponse().read() == b"PUT /bucket//a%20key?partNumber=1 signed.example " + body


def test_bodies_are_counted_each_way(proxy: CountingProxy, client: http.client.HTTPConnection) -> None:
    client.request("PUT", "/bucket/key", b"12345")
    answer = client.getresponse().read()
    passed = proxy.take()
    assert (passed.sent, passed.received.total()) == (5, len(answer))
    assert proxy.take().requests == Counter()


def test_a_body_in_chunks_is_counted_by_its_content(proxy: CountingProxy, client: http.client.HTTPConnection) -> None:
    client.request("PUT", "/bucket/key", iter([b"123", b"45"]), encode_chunked=True)
    assert client.getresponse().read().endswith(b" 12345")
    assert proxy.take().sent == 5


def test_an_answer_in_chunks_gets_its_length(proxy: CountingProxy, client: http.client.HTTPConnection) -> None:
    client.request("GET", "/bucket/chunks")
    answer = client.getresponse()
    said = answer.read()
    assert said.startswith(b"GET /bucket/chunks ")
    assert answer.getheader("content-length") == str(len(said))
    assert proxy.take().received.total() == len(said)


def test_head_has_a_length_and_no_body(proxy: CountingProxy, client: http.client.HTTPConnection) -> None:
    client.request("HEAD", "/bucket/key")
    answer = client.getresponse()
    assert int(answer.getheader("content-length") or 0) > 0
    assert answer.read() == b""
    passed = proxy.take()
    assert (passed.requests, passed.received.total()) == (Counter(HEAD=1), 0)


def test_put_class_is_what_s3_charges_as_put_without_listings(
    proxy: CountingProxy, client: http.client.HTTPConnection
) -> None:
    for method, target in (("PUT", "/b/k"), ("POST", "/b/k?uploads"), ("GET", "/b?list-type=2"), ("GET", "/b/k")):
        client.request(method, target)
        client.getresponse().read()
    passed = proxy.take()
    assert passed.put_class == 2
    assert str(passed) == "1 CreateMultipartUpload, 1 GET, 1 LIST, 1 PutObject"


def test_what_is_received_is_told_by_folder(proxy: CountingProxy, client: http.client.HTTPConnection) -> None:
    received = {}
    for target in ("/bucket/files/a/b", "/bucket/work/c", "/bucket?list-type=2"):
        client.request("GET", target)
        received[target] = len(client.getresponse().read())
    assert proxy.take().received == dict(zip(("files", "work", ""), received.values(), strict=True))


@pytest.mark.parametrize(
    ("method", "target", "copies", "kind"),
    [
        ("GET", "/bucket/key", False, "GET"),
        ("HEAD", "/bucket/key", False, "HEAD"),
        ("GET", "/bucket?list-type=2&prefix=a/b", False, "LIST"),
        ("GET", "/bucket/?uploads=", False, "LIST"),
        ("PUT", "/bucket/key", False, "PutObject"),
        ("PUT", "/bucket/key", True, "CopyObject"),
        ("PUT", "/bucket/key?partNumber=3&uploadId=x", False, "UploadPart"),
        ("PUT", "/bucket/key?partNumber=3&uploadId=x", True, "UploadPartCopy"),
        ("POST", "/bucket/key?uploads", False, "CreateMultipartUpload"),
        ("POST", "/bucket/key?uploadId=x", False, "Complete"),
        ("POST", "/bucket?delete=", False, "DELETE"),
        ("DELETE", "/bucket/key?uploadId=x", False, "DELETE"),
    ],
)
def test_a_request_is_named_as_the_api_reference_names_it(method: str, target: str, copies: bool, kind: str) -> None:
    assert request_kind(method, target, copies=copies) == kind
