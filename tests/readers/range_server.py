"""A server of files that answers requests for a range of them (RFC 9110, section 14), and counts what it gave out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread


@dataclass
class RangeServer:
    """The files that are served, by the last word of their path, and how many bytes of content went out."""

    address: str
    files: dict[str, Path] = field(default_factory=dict)
    given: int = 0
    lock: Lock = field(default_factory=Lock)


@contextmanager
def serving() -> Iterator[RangeServer]:
    """Serve on an address of this machine while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = server.files[self.path.rpartition("/")[2]].read_bytes()
            start, end = _asked(self.headers.get("Range"), len(content))
            is_part = "Range" in self.headers
            self.send_response(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK)
            if is_part:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            for position in range(start, end, _CHUNK):
                chunk = content[position : min(position + _CHUNK, end)]
                self.wfile.write(chunk)
                with server.lock:
                    server.given += len(chunk)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Say nothing."""

    http = _Quiet(("127.0.0.1", 0), Handler)
    server = RangeServer(f"http://127.0.0.1:{http.server_port}")
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


_CHUNK = 64 * 1024


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has what it wants hangs up in the middle; that is no fault."""


def _asked(header: str | None, size: int) -> tuple[int, int]:
    """The first byte that is asked for, and the one behind the last."""
    if header is None:
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    return int(first), min(int(last) + 1, size) if last else size
