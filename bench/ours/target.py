"""A stand-in for the DynamoDB table that imports write to, as its own process.

It keeps which records there are and throws the records away. A transaction is done or, if one of its conditions does
not hold, refused as DynamoDB does. Prints its port and runs until its standard input is closed.
"""

import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, object]]


class Target:
    """The keys of the records there are."""

    def __init__(self) -> None:
        self.records: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def answer(self, operation: str, request: Mapping[str, Any]) -> Answer:
        """Answer an operation with a status and a document."""
        with self._lock:
            if operation == "TransactWriteItems":
                return self._transact([write["Put"] for write in request["TransactItems"]])
            if operation == "PutItem":
                self.records.add(_key(request["Item"]))
            elif operation == "BatchGetItem":
                return 200, {
                    "Responses": {table: self._found(asked) for table, asked in request["RequestItems"].items()}
                }
        return 200, {"Items": []} if operation == "Query" else {}

    def _transact(self, puts: list[Mapping[str, Any]]) -> Answer:
        keys = [_key(put["Item"]) for put in puts]
        reasons = [
            {"Code": "ConditionalCheckFailed" if key in self.records and "ConditionExpression" in put else "None"}
            for key, put in zip(keys, puts, strict=True)
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            return 400, {"__type": "TransactionCanceledException", "CancellationReasons": reasons}
        self.records.update(keys)
        return 200, {}

    def _found(self, asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [{"sk": key["sk"]} for key in asked["Keys"] if _key(key) in self.records]


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def main() -> None:
    """Serve until the standard input ends."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._answer(*target.answer(self.headers["x-amz-target"].rpartition(".")[2], request))

        def _answer(self, status: int, document: Mapping[str, object]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class named it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
