"""Serve the made-up chat: ``python -m tests.systems.qiscus --port 8080``. It prints the address of the API.

Files are on another port. ``POST /_faults`` with a JSON object of ``server.Faults`` makes it fail, and ``GET /_leaked``
says which secrets the host of the files got to see.
"""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.systems.qiscus.server import Answer, QiscusServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    qiscus: QiscusServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def told(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def send(self, answer: Answer) -> None:
        body = answer.bytes
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body) + (not answer.whole)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = not answer.whole


class _Api(_Handler):
    def do_GET(self) -> None:
        if self.path == "/_leaked":
            self.send(Answer(200, {}, [json.dumps(self.qiscus.leaked).encode()]))
            return
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/_faults":
            self.send(Answer(200, {}, [json.dumps(self.qiscus.set_faults(json.loads(body))).encode()]))
            return
        self.send(self.qiscus.answer(self.command, self.path, self.told(), body))


class _Files(_Handler):
    def do_GET(self) -> None:
        self.send(self.qiscus.download("GET", self.path, self.told()))


def serving(qiscus: QiscusServer, port: int = 0) -> tuple[ThreadingHTTPServer, ThreadingHTTPServer]:
    """Return what serves the API and what serves the files, once they are told to."""
    api, files = (
        ThreadingHTTPServer(("127.0.0.1", each), type("Handler", (kind,), {"qiscus": qiscus}))
        for each, kind in ((port, _Api), (0, _Files))
    )
    qiscus.files = f"http://127.0.0.1:{files.server_address[1]}"
    return api, files


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    api, files = serving(QiscusServer(caps={"users": 60, "rooms": 60, "comments": 60}), parser.parse_args().port)
    threading.Thread(target=files.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{api.server_address[1]}", flush=True)  # noqa: T201 - it is a program
    api.serve_forever()


if __name__ == "__main__":
    main()
