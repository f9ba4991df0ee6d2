"""A server that says what it is told to, for the faults that moto does not have."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import NamedTuple, Self

RESET = b""
"""Instead of an answer: the connection is torn down."""


class Request(NamedTuple):
    """A request as it came. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = bytes | Callable[[Request], bytes]


def answer(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    """Return an answer. A ``length`` above the body's own makes one that breaks off."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def s3_error(status: int, code: str) -> bytes:
    """Return an error as S3 words it."""
    return answer(status, f"<Error><Code>{code}</Code><Message>Because.</Message></Error>".encode())


def object_answer(body: bytes, *, of: int, start: int = 0, length: int | None = None, etag: str = '"v1"') -> bytes:
    """Return an object of ``of`` bytes from ``start`` on, as S3 answers a GET."""
    headers = {"ETag": etag, "Last_Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    if start:
        headers["Content_Range"] = f"bytes {start}-{of - 1}/{of}"
    return answer(206 if start else 200, body, length=length, **headers)


def rest_of(content: bytes, *, etag: str = '"v1"') -> Callable[[Request], bytes]:
    """Return what answers a ranged GET of an object with the bytes that it asks for."""

    def answer_range(request: Request) -> bytes:
        start = int(request.headers["range"].removeprefix("bytes=").split("-")[0])
        return object_answer(content[start:], of=len(content), start=start, etag=etag)

    return answer_range


@dataclass
class FaultyServer:
    """Gives ``answers`` one after the other, each to one request, and closes the connection after one that is short."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while (request := _read(self.rfile)) is not None:
                    server.requests.append(request)
                    scripted = server.answers.pop(0) if server.answers else answer(500)
                    reply = scripted if isinstance(scripted, bytes) else scripted(request)
                    if reply == RESET:
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    self.wfile.write(reply)
                    if _is_short(reply):
                        return

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = "http://{}:{}".format(*self._server.server_address[:2])
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def will(self, *answers: Answer) -> None:
        """Set what comes next."""
        self.answers[:] = answers

    @property
    def methods(self) -> list[str]:
        """The methods of the requests so far."""
        return [request.method for request in self.requests]


def _read(stream: BufferedIOBase) -> Request | None:
    try:
        first = stream.readline()
    except ConnectionError:
        return None
    if not first.strip():
        return None
    method, target, _ = first.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))


def _is_short(reply: bytes) -> bool:
    head, _, body = reply.partition(b"\r\n\r\n")
    length = next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return int(length) > len(body)
