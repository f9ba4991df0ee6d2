"""A stand-in for DynamoDB as its own process: a jobs table in memory, and documents that are made up when asked for.

For KMS and Step Functions as well, as far as an export needs them: what is signed nobody checks, what is started
nobody runs. ``GET /used`` gives the capacity that was used since it was asked last, as DynamoDB counts it but by the
length of the JSON, which is a little more: ``read_units``, ``write_units``, and ``signatures``.

The documents of tenant ``r<records>-f<files>`` are that many contacts and index records of files. A Query's answer is
1 MB, as DynamoDB's is. Prints its port and runs until its standard input is closed.
"""

import bisect
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.data import Writer

DOCUMENTS = "documents"
JOBS = "jobs"
_PAGE_BYTES = 1_000_000
_BODIES = 1_000
_RECORD_WORDS = 40
_WRITE_UNIT = 1024
_READ_UNIT = 4096
_NOTHING_USED = {"read_units": 0.0, "write_units": 0.0, "signatures": 0.0}


def file_name(position: int) -> str:
    """Return the id of a file, which is its object's name as well."""
    return f"{position:08}"


class _Documents:
    """Made-up records of two doctypes. Their sort keys are their positions, with leading zeros."""

    def __init__(self) -> None:
        writer = Writer(seed=4)
        self._bodies = [json.dumps(json.dumps(writer.record(_RECORD_WORDS))).encode() for _ in range(_BODIES)]

    def query(self, request: Mapping[str, Any]) -> bytes:
        """Answer a Query."""
        values = request["ExpressionAttributeValues"]
        tenant, _, doctype = values[":partition"]["S"].partition("#")
        records, files = (int(part[1:]) for part in tenant.split("-"))
        positions = range(files if doctype == "io.cozy.files" else records)
        low = request.get("ExclusiveStartKey") or {"sk": values.get(":low", {"S": ""})}
        first = bisect.bisect_left(positions, low["sk"]["S"], key=file_name) + ("ExclusiveStartKey" in request)
        last = (
            bisect.bisect_right(positions, values[":high"]["S"], key=file_name) if ":high" in values else len(positions)
        )
        if not request.get("ScanIndexForward", True):
            first = max(first, last - int(request["Limit"]))
        items: list[bytes] = []
        size = position = 0
        for position in range(first, last):
            items.append(self._item(doctype, position))
            size += len(items[-1])
            if size >= _PAGE_BYTES:
                break
        more = b"" if not items or position + 1 >= last else b',"LastEvaluatedKey":{"sk":{"S":"%08d"}}' % position
        return b'{"Items":[' + b",".join(items) + b"]" + more + b"}"

    def _item(self, doctype: str, position: int) -> bytes:
        body = self._bodies[position % _BODIES]
        if doctype == "io.cozy.files":
            record = {"_id": file_name(position), "type": "file", "name": f"{position}.bin", "dir_id": "root"}
            body = json.dumps(json.dumps(record)).encode()
        return b'{"sk":{"S":"%08d"},"body":{"S":%b},"updated_at":{"N":"1700000000"}}' % (position, body)


class _Jobs:
    """Items by their two keys."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Mapping[str, Any]] = {}

    def answer(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer an operation; conditions are taken to hold."""
        if operation == "PutItem":
            self._items[_key(request["Item"])] = request["Item"]
        elif operation == "GetItem":
            found = self._items.get(_key(request["Key"]))
            return {"Item": found} if found else {}
        elif operation == "DeleteItem":
            self._items.pop(_key(request["Key"]), None)
        elif operation == "TransactWriteItems":
            for write in request["TransactItems"]:
                for kind, each in write.items():
                    self.answer(f"{kind}Item", each)
        elif operation == "Query":
            return {"Items": list(self._between(request["ExpressionAttributeValues"]))}
        return {}

    def _between(self, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for (tenant, sort), item in sorted(self._items.items()):
            if tenant == values[":pk"]["S"] and values[":first"]["S"] <= sort <= values[":last"]["S"]:
                yield item


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _write_units(request: Mapping[str, Any]) -> int:
    size = len(json.dumps(request.get("Item", request.get("Key")), separators=(",", ":")))
    return -(-size // _WRITE_UNIT)


class Used:
    """Capacity used by now. Several requests may be counted at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units = dict(_NOTHING_USED)

    def count(self, operation: str, request: Mapping[str, Any], answer: bytes) -> None:
        """Count one answered operation."""
        with self._lock:
            if operation == "Sign":
                self._units["signatures"] += 1
            elif operation in {"PutItem", "DeleteItem"}:
                self._units["write_units"] += _write_units(request)
            elif operation == "TransactWriteItems":
                writes = [each for write in request["TransactItems"] for each in write.values()]
                self._units["write_units"] += 2 * sum(map(_write_units, writes))
            elif operation in {"GetItem", "Query"}:
                units = max(1, -(-len(answer) // _READ_UNIT))
                self._units["read_units"] += units if request.get("ConsistentRead") else units / 2

    def take(self) -> dict[str, float]:
        """Return what was used since the last call."""
        with self._lock:
            taken, self._units = self._units, dict(_NOTHING_USED)
        return taken


def main() -> None:
    """Serve until the standard input ends."""
    documents, jobs, used = _Documents(), _Jobs(), Used()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            if operation == "Sign":
                body = b'{"Signature": "MAA="}'
            elif operation == "StartExecution":
                body = b"{}"
            elif request.get("TableName") == DOCUMENTS:
                body = documents.query(request)
            else:
                body = json.dumps(jobs.answer(operation, request)).encode()
            used.count(operation, request, body)
            self._answer(body)

        def do_GET(self) -> None:
            self._answer(json.dumps(used.take()).encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
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
