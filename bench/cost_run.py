"""Making the exports whose cost is counted: by the product as deployed, and by the peer on boto3's defaults."""

import json
import random
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
from bench.export_run import ARCHIVES, FILES, Functions, Tables, buckets, list_of, tables, tenant
from bench.measure import MeasurementError
from bench.measure import Usage as Process
from bench.ours.tables import DOCUMENTS, file_name
from bench.server import S3Server
from bench.state_machine import states_entered
from bench.transport import Traffic
from waybill.domain import keys
from waybill.domain.options import KIBIBYTE
from waybill.domain.prices import LambdaTime, Usage

_PROFILE_RUNS = 3
"""The calls are the same in every run; only the time varies."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's data: so many records of half a kilobyte in DynamoDB, and files.

    The smallest file has ``smallest`` bytes, the largest ``span`` times as much; the higher ``skew``, the more of them
    are small.
    """

    records: int
    files: int
    smallest: int
    span: float
    skew: float


SMALL = Profile(records=1_000, files=300, smallest=20_000, span=150, skew=2.1)
"""Some 100 MB, most of the files small."""

USUAL = Profile(records=40_000, files=200, smallest=3_000_000, span=1, skew=1)
"""20 MB of records and 600 MB of files: the example of the reference's cost formula (performance, section 4)."""


@dataclass(frozen=True, slots=True)
class Export:
    """What one export used, and how large its archive is in bytes."""

    usage: Usage
    size: int


@dataclass(frozen=True, slots=True)
class Exports:
    """The exports of a profile that were made in turn, and the bytes of its files."""

    ours: list[Export]
    theirs: list[Export]
    profile: Profile
    bytes: int


def small_exports(bench: Bench) -> Exports:
    """Make exports of the profile SMALL."""
    return _exports(bench, replace(SMALL, files=min(SMALL.files, bench.scale.profile_files)))


def usual_exports(bench: Bench) -> Exports:
    """Make exports of the profile USUAL."""
    return _exports(bench, replace(USUAL, files=min(USUAL.files, bench.scale.profile_files)))


def _exports(bench: Bench, profile: Profile) -> Exports:
    """Make exports in turn with the peer's archives, once through the proxy, then past it."""
    bench.once(buckets)
    size = _put_files(bench, profile)
    ours, theirs = [], []
    with tables(bench) as endpoint:
        counted, their_counted = (make(bench, endpoint, profile, bench.counted_s3) for make in (_by_us, _by_boto3))
        for _ in range(min(bench.runs, _PROFILE_RUNS)):
            ours.append(_timed(_by_us(bench, endpoint, profile, bench.s3), counted))
            theirs.append(_timed(_by_boto3(bench, endpoint, profile, bench.s3), their_counted))
    return Exports(ours, theirs, profile, size)


def _timed(timed: Export, counted: Export) -> Export:
    """Return an export that went past the proxy with the requests of one that went through it."""
    usage = replace(timed.usage, s3_puts=counted.usage.s3_puts, s3_gets=counted.usage.s3_gets)
    return replace(timed, usage=usage)


def _put_files(bench: Bench, profile: Profile) -> int:
    """Store the files of the profile, every other one text, the others noise; return their bytes."""
    store = bench.s3.store(FILES)
    numbered = enumerate(_contents(profile))
    size = 0
    with ThreadPoolExecutor(4) as threads:
        while some := list(islice(numbered, 16)):
            names = [f"{_tenant(profile)}/{file_name(number)}" for number, _ in some]
            list(threads.map(store.put, names, [content for _, content in some]))
            size += sum(len(content) for _, content in some)
    return size


def _contents(profile: Profile) -> Iterator[bytes]:
    noise = random.Random(10)
    last = max(profile.files - 1, 1)
    sizes = [
        int(profile.smallest * profile.span ** ((number / last) ** profile.skew)) for number in range(profile.files)
    ]
    (text,) = documents(1, max(sizes))
    for number, size in enumerate(sizes):
        if number % 2:
            start = noise.randrange(0, max(len(text) - size, 1), KIBIBYTE)
            yield text[start : start + size]
        else:
            yield noise.randbytes(size)


def _by_us(bench: Bench, endpoint: Tables, profile: Profile, server: S3Server) -> Export:
    """Make the export as a user would: ask for it, ask twice how it stands, ask for every part."""
    functions = Functions(bench, endpoint, s3=server)
    archives = server.store(ARCHIVES)
    endpoint.used()
    bench.proxy.take()
    ask = _Caller(functions, _tenant(profile))
    options = {"with_doctypes": ["io.cozy.contacts", "io.cozy.files"]}
    export_id = ask("create_export", body={"data": {"attributes": options}})["data"]["id"]
    ask("get_export", id=export_id)
    state = {"tenant": ask.tenant, "export_id": export_id, "attempt": 0}
    transitions = states_entered(state, call=functions.call, read_list=lambda key: list_of(archives, key))
    done = ask("get_export", id=export_id)["data"]["attributes"]
    if done["state"] != "done":
        raise MeasurementError(f"The export ended in state {done['state']}.")
    for cursor in done["parts_cursors"]:
        ask("download_part", id=export_id, cursor=cursor)
    processes = [(memory_mib(function), process) for function, process in functions.calls]
    used = _used(endpoint, bench.proxy.take(), transitions, ask.requests, processes)
    archives.delete_prefix(keys.prefix(export_id))
    return Export(used, done["total_size"])


def _by_boto3(bench: Bench, endpoint: Tables, profile: Profile, server: S3Server) -> Export:
    """Let the peer make its archive, and look whether all files are in it."""
    key = "boto3/archive.tar.gz"
    env = {
        **server.environment,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint.endpoint,
        "DOCUMENTS_TABLE": DOCUMENTS,
        "FILES_BUCKET": FILES,
        "ARCHIVES_BUCKET": ARCHIVES,
    }
    endpoint.used()
    bench.proxy.take()
    process = bench.run_module("bench.peers.boto3_export", _tenant(profile), key, env=env)
    used = _used(endpoint, bench.proxy.take(), 0, 2, [(VCPU_MIB, process)])
    store = bench.s3.store(ARCHIVES)
    with tempfile.TemporaryFile(dir=bench.state) as file:
        for chunk in store.stream(key):
            file.write(chunk)
        size = file.tell()
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            found = len(archive.getnames())
    if found != profile.files + 2:
        raise MeasurementError(f"The peer's archive has {found} entries, not {profile.files + 2}.")
    store.delete_prefix("boto3/")
    return Export(used, size)


def _tenant(profile: Profile) -> str:
    return tenant(profile.records, profile.files)


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
