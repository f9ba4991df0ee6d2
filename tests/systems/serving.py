"""Puts a stand-in on a port. A stand-in is a function of requests, so unit tests ask it without a network.

``POST /_faults`` with a JSON array, outside of every API's prefix, switches faults on; an empty array switches them
off.
"""

import argparse
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.systems.exchange import Asked, Told

Handle = Callable[[Asked], Told]

KINDS = ("status", "malformed", "truncated", "empty", "repeat", "broken", "slow")


@dataclass
class Fault:
    """What goes wrong with the requests whose ``METHOD /path?query`` matches ``match``, ``times`` times.

    ``status`` answers with a status (and ``headers``), ``malformed`` with HTML, ``truncated`` with half of the answer,
    ``empty`` with 200 and nothing, ``repeat`` with the first answer that there was, ``broken`` closes the connection in
    the middle of the body, and ``slow`` answers after ``seconds``.
    """

    match: str
    kind: str
    times: int = 1_000_000
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    first: Told | None = None

    def __post_init__(self) -> None:
        assert self.kind in KINDS, self.kind


def _status(fault: Fault) -> Told:
    body = b'{"statusCode":%d}' % fault.status
    return Told(fault.status, body, {"Content-Type": "application/json", **fault.headers})


_INSTEAD: dict[str, Callable[[Fault], Told]] = {
    "status": _status,
    "malformed": lambda _: Told(200, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"}),
    "empty": lambda _: Told(200, b""),
}


class Faulty:
    """A stand-in of which faults can be asked for."""

    def __init__(self, handle: Handle, faults: list[Fault] | None = None) -> None:
        self._handle = handle
        self.faults = faults or []
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Told:
        fault = self._next(asked)
        if fault is None:
            return self._handle(asked)
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault.kind in _INSTEAD:
            return _INSTEAD[fault.kind](fault)
        told = self._handle(asked)
        fault.first = fault.first or told
        return {
            "truncated": replace(told, body=told.body[: len(told.body) // 2]),
            "broken": replace(told, break_after=len(told.body) // 2),
            "repeat": fault.first,
        }.get(fault.kind, told)

    def _next(self, asked: Asked) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.match, f"{asked.method} {asked.target}"):
                    fault.times -= 1
                    return fault
        return None


@dataclass
class Counts:
    """What a server has counted: requests in flight at once at most, and all of them."""

    most: int = 0
    requests: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        """Answer one request, whatever its method."""
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.counted():
            told = self.server.handle(Asked("", self.command, self.path, headers, body))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            if told.break_after is not None:
                self.wfile.write(told.body[: told.break_after])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(told.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A stand-in on a port of this machine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handle: Handle, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.counts = Counts()
        self._in_flight = 0
        self._lock = threading.Lock()
        self._handle = handle

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle(self, asked: Asked) -> Told:
        if asked.path != "/_faults":
            return self._handle(asked)
        assert isinstance(self._handle, Faulty)
        self._handle.faults[:] = [Fault(**each) for each in json.loads(asked.body)]
        return Told(204)

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self.counts.requests += 1
            self._in_flight += 1
            self.counts.most = max(self.counts.most, self._in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1


@contextmanager
def served(handle: Handle) -> Iterator[Server]:
    """Run a stand-in on a port for as long as the block lasts."""
    server = Server(handle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def json_told(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Told:
    """Return an answer in JSON, compact and in UTF-8 as Express writes it."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Told(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


def run(handle: Handle, name: str) -> None:
    """Serve a stand-in from the command line: ``--port``, and ``--faults`` as JSON."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.systems.{name}", description=f"A stand-in of {name}.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--faults", default="[]", help="faults to begin with, as POST /_faults takes them")
    options = parser.parse_args()
    faulty = Faulty(handle, [Fault(**each) for each in json.loads(options.faults)])
    with Server(faulty, options.port) as server:
        server.serve_forever()
