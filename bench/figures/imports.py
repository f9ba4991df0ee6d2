"""Imports of rows: how many a processor second, and the memory that takes."""

import contextlib
import json
import statistics
import subprocess
from collections.abc import Iterator
from typing import Any

from bench import chat_data
from bench.context import Bench
from bench.deployed import allocator_settings
from bench.measure import MeasurementError
from bench.memories import Memories, Memory
from bench.report import Result
from waybill.domain.upload_keys import upload_object

_BUCKET = "imports"
_TIMES = 10
_PEER_ROWS = 2_000
"""The peer takes as long for each row, however many there are."""

_LONGEST_SECONDS = 1_800.0
_HOW = (
    f"A file of comments as one JSON array, {chat_data.USERS:,} users and {chat_data.ROOMS:,} rooms imported before; "
    "stage, validate and load in one fresh process through the product's own adapters, a SeaweedFS as S3, and a "
    "stand-in for DynamoDB in a process of its own that checks the conditions of transactions."
)


def import_rows_per_cpu_second(bench: Bench) -> Result:
    """Comments staged, validated and loaded per processor second, against ten times the obvious way."""
    rows = bench.scale.records[1]
    ours, theirs, shares = [], [], []
    for _ in range(bench.runs):
        with _target(bench) as endpoint:
            theirs.append(_obvious(bench, endpoint, _PEER_ROWS))
        with _target(bench) as endpoint:
            _prepare(bench, endpoint)
            said = _import(bench, endpoint, "comments", rows)
            ours.append(said["rows"] / sum(said["seconds"].values()))
            shares.append(said["seconds"])
    parts = ", ".join(f"{name} {statistics.median(share[name] for share in shares):.1f}" for name in shares[0])
    return Result(
        figure="import_rows_per_cpu_second",
        unit="rows/s",
        ours=statistics.median(ours),
        target=_TIMES * statistics.median(theirs),
        better="higher",
        peers={"json.load and boto3's put_item for every row": statistics.median(theirs)},
        runs=ours,
        note=(
            f"{rows:,} rows per processor second, medians of {bench.runs} runs; the target is {_TIMES} times the peer, "
            f"which checks nothing, and is measured on {_PEER_ROWS:,} rows in turn with ours. Processor "
            f"seconds of the steps: {parts}. Imports of Python modules are in neither. {_HOW}"
        ),
    )


def import_memory_by_rows(bench: Bench) -> Result:
    """The largest resident set of an import, over few to very many rows."""
    return bench.once(_memories).peak_result("import_memory_by_rows")


def import_memory_growth_by_rows(bench: Bench) -> Result:
    """The resident set with the most rows over that with the fewest."""
    return bench.once(_memories).growth_result("import_memory_growth_by_rows")


def _memories(bench: Bench) -> Memories:
    memories = {}
    for rows in bench.scale.records:
        with _target(bench) as endpoint:
            _prepare(bench, endpoint)
            said = _import(bench, endpoint, "comments", rows)
        memories[rows] = Memory()
        memories[rows].add("all three steps", said["start_mib"], said["peak_mib"])
    return Memories(memories, "rows", _HOW)


def _prepare(bench: Bench, endpoint: str) -> None:
    """Import the users and rooms that comments refer to."""
    for doctype, count in (("users", chat_data.USERS), ("rooms", chat_data.ROOMS)):
        _import(bench, endpoint, doctype, count)


def _import(bench: Bench, endpoint: str, doctype: str, rows: int) -> dict[str, Any]:
    """Import a file of rows in a fresh process, and return what it says of that. Raises MeasurementError."""
    upload, size = bench.once(_Upload(doctype, rows))
    usage = bench.run_module(
        "bench.ours.import_rows",
        doctype,
        upload,
        str(size),
        env={"AWS_ENDPOINT_URL_DYNAMODB": endpoint, **allocator_settings()},
        longest=_LONGEST_SECONDS,
    )
    said: dict[str, Any] = json.loads(usage.output)
    if said["written"] != rows:
        raise MeasurementError(f"Of {rows:,} {doctype}, {said['written']:,} were written.")
    return said


def _obvious(bench: Bench, endpoint: str, rows: int) -> float:
    """Return how many rows the obvious way does in a processor second."""
    file = bench.state / "peer.json"
    chat_data.write_array(file, chat_data.comments(rows))
    usage = bench.run_module(
        "bench.peers.boto3_import",
        "comments",
        str(file),
        "UniqueId",
        env={"AWS_ENDPOINT_URL_DYNAMODB": endpoint},
        longest=_LONGEST_SECONDS,
    )
    said = json.loads(usage.output)
    return float(said["rows"]) / float(said["seconds"])


class _Upload:
    """Puts a file of rows into the bucket, once for each run of the benchmarks."""

    def __init__(self, doctype: str, rows: int) -> None:
        self._doctype = doctype
        self._rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Upload) and (self._doctype, self._rows) == (other._doctype, other._rows)

    def __hash__(self) -> int:
        return hash((self._doctype, self._rows))

    def __call__(self, bench: Bench) -> tuple[str, int]:
        """Return the id of the upload, and its size."""
        bench.once(_bucket)
        upload_id = f"{'urc'.index(self._doctype[0]):016x}{self._rows:016x}"
        rows = {"users": chat_data.users(), "rooms": chat_data.rooms()}.get(self._doctype)
        file = bench.state / "rows.json"
        size = chat_data.write_array(file, rows or chat_data.comments(self._rows))
        bench.s3.client().upload_file(str(file), _BUCKET, upload_object(upload_id))
        file.unlink()
        return upload_id, size


def _bucket(bench: Bench) -> None:
    bench.s3.create_bucket(_BUCKET)


@contextlib.contextmanager
def _target(bench: Bench) -> Iterator[str]:
    """Run the stand-in for the target's table until the block is left."""
    command = [str(bench.python), "-m", "bench.ours.target"]
    with subprocess.Popen(
        command, env=bench.environment(), cwd=bench.state, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise MeasurementError("The stand-in for the target has no pipes.")
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise MeasurementError("The stand-in for the target did not start.")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()
