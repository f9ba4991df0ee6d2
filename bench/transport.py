"""Count requests and bytes where they pass: a proxy in front of the S3 server.

Requests go on as they are, the Host header included, which clients sign. Answers do too, but for one that comes in
chunks, which gets its length instead. Connections are kept open on both sides, as they would be without the proxy.
A request counts once it is answered.
"""

import contextlib
import http.client
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

_BUFFER = 1024 * 1024
_SILENT_SECONDS = 120.0

PUT_CLASS = ("PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "Complete", "Post")
"""The kinds that S3 charges as PUT; it charges LIST the same, which stands apart here."""

_BY_PARAMETER = (
    ("PUT", "partNumber", "UploadPart"),
    ("POST", "uploads", "CreateMultipartUpload"),
    ("POST", "uploadId", "Complete"),
    ("POST", "delete", "DELETE"),
)
_BY_METHOD = {"PUT": "PutObject", "POST": "Post"}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests by kind (``request_kind``), and the bytes of bodies.

    ``sent`` is what clients sent, ``received`` what they got by the first folder of the key, "" for listings.
    """

    requests: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    received: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Self) -> "Traffic":
        return Traffic(self.requests + other.requests, self.sent + other.sent, self.received + other.received)

    @property
    def put_class(self) -> int:
        """How many requests S3 charges as PUT, listings not among them."""
        return sum(self.requests[kind] for kind in PUT_CLASS)

    def __str__(self) -> str:
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.requests.items()))


def request_kind(method: str, target: str, *, copies: bool) -> str:
    """Return what a request is, as S3's API reference names what counts here; other GETs of a bucket are ``LIST``.

    ``target`` is the path with the query, ``copies`` whether there is a header x-amz-copy-source.
    """
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    if copies:
        return "UploadPartCopy" if "partNumber" in query else "CopyObject"
    if method == "GET" and not url.path.strip("/").partition("/")[2]:
        return "LIST"
    named = (kind for verb, parameter, kind in _BY_PARAMETER if verb == method and parameter in query)
    return next(named, _BY_METHOD.get(method, method))


def _folder(target: str) -> str:
    """Return the first folder of the key in a request's target."""
    key = urlsplit(target).path.strip("/").partition("/")[2]
    return key.partition("/")[0]


class CountingProxy:
    """The running proxy. ``endpoint`` is its address, for clients."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._total = Traffic()

    def count(self, traffic: Traffic) -> None:
        """Add the traffic of one request."""
        with self._lock:
            self._total += traffic

    def take(self) -> Traffic:
        """Return what has passed since the last call, and start anew."""
        with self._lock:
            taken, self._total = self._total, Traffic()
        return taken


class _Listener(ThreadingHTTPServer):
    """Takes connections, each in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, server: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(server).netloc
        self.proxy = CountingProxy(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave a broken connection to the client, which sees that it is closed; show everything else."""
        if not isinstance(sys.exception(), OSError | http.client.HTTPException):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One client's connection, with one to the server behind it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=_SILENT_SECONDS)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _pass_on(self) -> None:
        target = self.requestline.split()[1]
        kind = request_kind(self.command, target, copies="x-amz-copy-source" in self.headers)
        self._upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self._upstream.putheader(name, value)
        self._upstream.endheaders()
        sent = self._pass_body()
        with self._upstream.getresponse() as answer:
            self._pass_answer(kind, sent, answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - the base class calls them so

    def _pass_body(self) -> int:
        """Hand on the request's body and return its length."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._pass_chunks()
        length = left = int(self.headers.get("content-length") or 0)
        while left:
            piece = self._read(min(left, _BUFFER))
            self._upstream.send(piece)
            left -= len(piece)
        return length

    def _pass_chunks(self) -> int:
        """Hand on a body in chunks, with what stands around them (RFC 9112, section 7.1); return its own length."""
        length, size = 0, -1
        while size:
            line = self.rfile.readline(_BUFFER)
            size = int(line.partition(b";")[0], 16)
            self._upstream.send(line + (self._read(size + len(b"\r\n")) if size else b""))
            length += size
        while (trailer := self.rfile.readline(_BUFFER)).strip():
            self._upstream.send(trailer)
        self._upstream.send(b"\r\n")
        return length

    def _read(self, size: int) -> bytes:
        piece = self.rfile.read(size)
        if len(piece) < size:
            raise ConnectionError("The client went away in the middle of a body.")
        return piece

    def _pass_answer(self, kind: str, sent: int, answer: http.client.HTTPResponse) -> None:
        chunked = answer.chunked  # reading to the end forgets it
        whole = answer.read() if answer.length is None else b""
        received = answer.length or len(whole)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() != "transfer-encoding":
                self.send_header(name, value)
        if chunked:
            self.send_header("content-length", str(received))
        # Before anything is sent: a client that has its answer may end, and then the count is asked for.
        self.server.proxy.count(Traffic(Counter([kind]), sent, Counter({_folder(self.path): received})))
        self.end_headers()
        self.wfile.write(whole)
        while piece := answer.read(_BUFFER):
            self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class named it
        """Say nothing."""


@contextlib.contextmanager
def counting_proxy(server: str) -> Iterator[CountingProxy]:
    """Run a proxy in front of ``server`` (``http://host:port``) until the block is left."""
    listener = _Listener(server)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener.proxy
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
