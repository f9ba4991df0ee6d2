"""What an export costs on AWS, from counted calls and the price table, against the same job on boto3's defaults."""

import json
import random
import statistics
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bench.context import Bench
from bench.data import documents
from bench.deployed import VCPU_MIB, memory_mib
from bench.export_run import ARCHIVES, FILES, Functions, Tables, list_of, tables, tenant
from bench.figures.worker_memory import buckets
from bench.measure import MeasurementError
from bench.measure import Usage as Process
from bench.ours.tables import DOCUMENTS, file_name
from bench.prices import EGRESS_GB, STORAGE_GB_MONTH, LambdaTime, Usage
from bench.report import Result
from bench.state_machine import states_entered
from bench.transport import Traffic
from waybill.domain import keys
from waybill.domain.options import KIBIBYTE

_RECORDS = 1_000
_SMALLEST, _RANGE, _SKEW = 20_000, 150, 2.1
"""Files from 20 KB to 150 times as much, most of them small: 300 have some 100 MB."""

_TARGET = 0.4
_EXPORTS = 1_000
_DAYS_KEPT = 7
_BOTO3 = "boto3 on its defaults"


@dataclass(frozen=True, slots=True)
class _Export:
    """What one export used, and how large its archive is."""

    usage: Usage
    size: int


@dataclass(frozen=True, slots=True)
class _Exports:
    """The exports that were made in turn, and the bytes of the files in each."""

    ours: list[_Export]
    theirs: list[_Export]
    files: int
    bytes: int


def cost_per_1000_exports(bench: Bench) -> Result:
    """Dollars for requests and computing of ours over those of the job on boto3's defaults."""
    exports = bench.once(_exports)
    ours, theirs = _median(exports.ours), _median(exports.theirs)
    note = (
        f"Dollars for {_EXPORTS:,} exports of {_RECORDS:,} records and {exports.files} files, in all "
        f"{exports.bytes / 1e6:.0f} MB, ours over the peer's. Ours: {_told(ours)}. {_BOTO3}: {_told(theirs)}. Calls "
        "are counted, S3's by a proxy; medians of time. Every call of a function is a fresh process, so a cold start. "
        "Its time is what the process took here, or would take with the share of a processor that its memory gives, if "
        "that is longer; S3 and DynamoDB on loopback answer in milliseconds, where AWS takes 10 to 100. The peer is "
        f"one function of {VCPU_MIB} MiB. Its user sends two requests, ours asks twice more how the export stands. Not "
        f"in the sum, as only the archive's size counts: download and {_DAYS_KEPT} days of storage, ours "
        f"{_passive(ours)}, the peer {_passive(theirs)}."
    )
    runs = [mine.usage.total / its.usage.total for mine, its in zip(exports.ours, exports.theirs, strict=True)]
    return Result(
        figure="cost_per_1000_exports",
        unit="ratio",
        ours=ours.usage.total / theirs.usage.total,
        target=_TARGET,
        better="lower",
        runs=runs,
        peers={_BOTO3: 1.0},
        note=note,
    )


def _median(exports: list[_Export]) -> _Export:
    """Return the last export, with the median of all for its time; the calls are the same in all."""
    last = exports[-1]
    seconds = statistics.median(export.usage.functions.gb_seconds for export in exports)
    return replace(last, usage=replace(last.usage, functions=replace(last.usage.functions, gb_seconds=seconds)))


def _told(export: _Export) -> str:
    usage = export.usage
    parts = ", ".join(f"{name} {cost * _EXPORTS:.3f}" for name, cost in usage.costs().items() if cost)
    return (
        f"${usage.total * _EXPORTS:.3f} ({parts}), that is {usage.api_requests} API requests, "
        f"{usage.functions.invocations} invocations, {usage.functions.gb_seconds:.1f} GB-s, {usage.transitions} state "
        f"transitions, {usage.read_units:.0f} read and {usage.write_units:.0f} write units, {usage.s3_puts} PUT class, "
        f"{usage.s3_gets} GET"
    )


def _passive(export: _Export) -> str:
    gigabytes = export.size / 1e9 * _EXPORTS
    return f"${gigabytes * EGRESS_GB:.2f} and ${gigabytes * STORAGE_GB_MONTH * _DAYS_KEPT / 30:.2f}"


def _exports(bench: Bench) -> _Exports:
    bench.once(buckets)
    files = bench.scale.profile_files
    size = _put_files(bench, files)
    ours, theirs = [], []
    with tables(bench) as endpoint:
        for _ in range(bench.runs):
            ours.append(_by_us(bench, endpoint, files))
            theirs.append(_by_boto3(bench, endpoint, files))
    return _Exports(ours, theirs, files, size)


def _put_files(bench: Bench, count: int) -> int:
    """Store the files of the profile, every other one text, the others noise; return their bytes."""
    store = bench.s3.store(FILES)
    numbered = enumerate(_contents(count))
    size = 0
    with ThreadPoolExecutor(4) as threads:
        while some := list(islice(numbered, 16)):
            names = [f"{tenant(_RECORDS, count)}/{file_name(number)}" for number, _ in some]
            list(threads.map(store.put, names, [content for _, content in some]))
            size += sum(len(content) for _, content in some)
    return size


def _contents(count: int) -> Iterator[bytes]:
    noise = random.Random(10)
    sizes = [int(_SMALLEST * _RANGE ** ((number / max(count - 1, 1)) ** _SKEW)) for number in range(count)]
    (text,) = documents(1, max(sizes))
    for number, size in enumerate(sizes):
        if number % 2:
            start = noise.randrange(0, max(len(text) - size, 1), KIBIBYTE)
            yield text[start : start + size]
        else:
            yield noise.randbytes(size)


def _by_us(bench: Bench, endpoint: Tables, files: int) -> _Export:
    """Make the export as a user would: ask for it, ask twice how it stands, ask for every part."""
    functions = Functions(bench, endpoint, s3=bench.counted_s3)
    archives = bench.counted_s3.store(ARCHIVES)
    endpoint.used()
    bench.proxy.take()
    ask = _Caller(functions, tenant(_RECORDS, files))
    created = ask(
        "create_export", body={"data": {"attributes": {"with_doctypes": ["io.cozy.contacts", "io.cozy.files"]}}}
    )
    export_id = created["data"]["id"]
    ask("get_export", id=export_id)
    state = {"tenant": ask.tenant, "export_id": export_id}
    transitions = states_entered(state, call=functions.call, read_list=lambda key: list_of(archives, key))
    done = ask("get_export", id=export_id)["data"]["attributes"]
    if done["state"] != "done":
        raise MeasurementError(f"The export ended in state {done['state']}.")
    for cursor in done["parts_cursors"]:
        ask("download_part", id=export_id, cursor=cursor)
    used = _used(endpoint, bench.proxy.take(), transitions, ask.requests, [
        (memory_mib(function), process) for function, process in functions.calls
    ])  # fmt: skip
    archives.delete_prefix(keys.prefix(export_id))
    return _Export(used, done["total_size"])


def _by_boto3(bench: Bench, endpoint: Tables, files: int) -> _Export:
    """Let the peer make its archive, and look whether all files are in it."""
    key = "boto3/archive.tar.gz"
    env = {
        **bench.counted_s3.environment,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint.endpoint,
        "DOCUMENTS_TABLE": DOCUMENTS,
        "FILES_BUCKET": FILES,
        "ARCHIVES_BUCKET": ARCHIVES,
    }
    endpoint.used()
    bench.proxy.take()
    process = bench.run_module("bench.peers.boto3_export", tenant(_RECORDS, files), key, env=env)
    used = _used(endpoint, bench.proxy.take(), 0, 2, [(VCPU_MIB, process)])
    store = bench.s3.store(ARCHIVES)
    with tempfile.TemporaryFile(dir=bench.state) as file:
        for chunk in store.stream(key):
            file.write(chunk)
        size = file.tell()
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            found = len(archive.getnames())
    if found != files + 2:
        raise MeasurementError(f"The peer's archive has {found} entries, not {files + 2}.")
    store.delete_prefix("boto3/")
    return _Export(used, size)


class _Caller:
    """A user of the API, with a token for everything."""

    def __init__(self, functions: Functions, name: str) -> None:
        self.tenant = name
        self.requests = 0
        self._functions = functions

    def __call__(self, function: str, *, body: Mapping[str, Any] | None = None, **given: str) -> Any:
        """Send a request to the route of a function and return the document that it answers, if it answers one."""
        self.requests += 1
        scopes = "waybill/exports.create waybill/exports.read"
        event = {
            "headers": {"content-type": "application/vnd.api+json"},
            "requestContext": {"authorizer": {"jwt": {"claims": {"sub": self.tenant, "scope": scopes}}}},
            "pathParameters": {"id": given["id"]} if "id" in given else {},
            "queryStringParameters": {"cursor": given["cursor"]} if "cursor" in given else {},
            "body": json.dumps(body) if body else "",
        }
        answer = self._functions.call(function, event)
        if answer["statusCode"] >= 400:
            raise MeasurementError(f"{function} answered {answer['statusCode']}: {answer['body']}")
        return json.loads(answer["body"]) if answer["body"] else None


def _used(
    endpoint: Tables, traffic: Traffic, transitions: int, api_requests: int, processes: list[tuple[int, Process]]
) -> Usage:
    """Put together what was counted. ``processes`` come with the memory of their functions in MiB."""
    units = endpoint.used()
    requests = traffic.requests
    return Usage(
        api_requests=api_requests,
        functions=LambdaTime(len(processes), sum(map(_gb_seconds, processes))),
        transitions=transitions,
        read_units=units["read_units"],
        write_units=units["write_units"],
        s3_puts=traffic.put_class + requests["LIST"],
        s3_gets=requests["GET"] + requests["HEAD"],
        signatures=int(units["signatures"]),
    )


def _gb_seconds(call: tuple[int, Process]) -> float:
    """Return what a call is billed for: its wall time, or its processor time at the share that its memory gives."""
    memory, process = call
    return max(process.wall, process.cpu * VCPU_MIB / memory) * memory / KIBIBYTE
