"""Serve the made-up Cozy: ``python -m tests.systems.cozy --port 8080``. It prints its link.

``POST /_faults`` with a JSON object of ``server.Faults`` makes it fail; ``GET /_link`` gives the link.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.systems.cozy.server import Answer, CozyServer


class Handler(BaseHTTPRequestHandler):
    """Serves ``cozy`` by HTTP/1.1, its bodies in chunks."""

    protocol_version = "HTTP/1.1"
    cozy: CozyServer

    def do_GET(self) -> None:
        if self.path == "/_link":
            origin = f"http://{self.headers.get('host')}"
            self._send(Answer(200, {"content-type": "text/plain"}, [self.cozy.link(origin).encode()]))
            return
        self._send(self.cozy.answer("GET", self.path, self._told()))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/_faults":
            text = json.dumps(self.cozy.set_faults(json.loads(body))).encode()
            self._send(Answer(200, {"content-type": "application/json"}, [text]))
            return
        self._send(self.cozy.answer("POST", self.path, self._told()))

    def _told(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, "transfer-encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for chunk in answer.body:
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n" if answer.whole else b"")
        except ConnectionError:
            self.close_connection = True
        self.close_connection = self.close_connection or not answer.whole

    def log_message(self, *_: object) -> None:
        """Say nothing: a link is a secret."""


def serving(cozy: CozyServer, port: int = 0) -> ThreadingHTTPServer:
    """Return what serves a Cozy on this machine once it is told to."""
    return ThreadingHTTPServer(("127.0.0.1", port), type("CozyHandler", (Handler,), {"cozy": cozy}))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = serving(CozyServer(), parser.parse_args().port)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201 - it is a program
    server.serve_forever()


if __name__ == "__main__":
    main()
