"""An API that takes its time for every answer, and counts how many requests it has at once: a small OS2iot."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PREFIX = "/api/v1/"


@dataclass
class SlowApi:
    """A running API. ``most`` is how many requests were in flight at once, ``requests`` how many there were."""

    applications: int
    latency: float
    url: str = ""
    most: int = 0
    requests: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Begin to count anew."""
        self.most = self.requests = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a request while it is in flight."""
        with self._lock:
            self.requests += 1
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def answer(self, target: str) -> tuple[int, object]:
        """Return status and body for a request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(PREFIX)
        if path == "auth/login":
            return 201, {"accessToken": "token"}
        if path == "application":
            query = parse_qs(parts.query)
            offset, limit = int(query["offset"][0]), int(query["limit"][0])
            numbers = range(1, self.applications + 1)[offset : offset + limit]
            return 200, {"data": [{"id": number} for number in numbers], "count": self.applications}
        number = int(path.removeprefix("application/"))
        return 200, {"id": number, "name": f"application {number}", "updatedAt": "2024-01-01T00:00:00.000Z"}


@contextmanager
def slow_api(*, applications: int, latency: float) -> Iterator[SlowApi]:
    """Run an API with so many applications that waits for ``latency`` seconds before it answers."""
    api = SlowApi(applications, latency)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Answer."""
            with api.one_more():
                self.rfile.read(int(self.headers.get("content-length") or 0))
                time.sleep(api.latency)
                status, value = api.answer(self.path)
                body = json.dumps(value).encode()
                head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
