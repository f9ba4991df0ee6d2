"""The stand-in as a process: ``python -m tests.systems.uforge --port N``.

Behind ``/_control/`` it tells what was asked of it (GET ``state``), takes faults (POST ``faults``, a list of objects
with the fields of ``faults.Fault``) and what becomes of tickets (POST ``fates``, by the URI of an object).
"""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.systems.uforge.faults import Fault
from tests.systems.uforge.server import Answered, Reset, UForge
from tests.systems.uforge.signin import Account

CONTROL = "/_control/"


class Server(ThreadingHTTPServer):
    """Serves one UForge on this machine."""

    daemon_threads = True

    def __init__(self, uforge: UForge, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.uforge = uforge
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            with self.server.lock:
                answer = self._answer(body)
        except Reset:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body if answer.break_after is None else answer.body[: answer.break_after])
        self.close_connection |= answer.break_after is not None

    do_POST = do_DELETE = do_GET  # noqa: N815 - as http.server calls them

    def _answer(self, body: bytes) -> Answered:
        uforge = self.server.uforge
        if not self.path.startswith(CONTROL):
            return uforge.answer(self.command, self.path, dict(self.headers.items()), body)
        match (self.command, self.path.removeprefix(CONTROL)):
            case ("POST", "faults"):
                uforge.faults[:] = [Fault(**each) for each in json.loads(body)]
            case ("POST", "fates"):
                uforge.tickets.fates = dict(json.loads(body))
        state = {"requests": uforge.requests, "tickets": len(uforge.tickets.tickets), "asked": uforge.tickets.asked}
        return Answered(200, json.dumps(state).encode(), {"content-type": "application/json"})

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--login", default=Account.login)
    parser.add_argument("--password", default=Account.password)
    parser.add_argument("--appliances", type=int, default=UForge.appliances)
    parser.add_argument("--archive-size", type=int, default=UForge.archive_size)
    given = parser.parse_args()
    account = Account(given.login, given.password)
    server = Server(UForge(account, appliances=given.appliances, archive_size=given.archive_size), given.port)
    print(server.url, flush=True)  # noqa: T201 - so whoever started it knows where it is
    server.serve_forever()


if __name__ == "__main__":
    main()
