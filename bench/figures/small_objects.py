"""Packing many small objects: Waybill and every peer on the same objects, from and to the same server."""

import hashlib
import io
import os
import statistics
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import measure, tools
from bench.context import Bench
from bench.data import documents
from bench.measure import MeasurementError
from bench.report import Result
from bench.server import REGION
from bench.tools import Tool
from waybill.adapters.credentials import Credentials
from waybill.adapters.s3_objects import S3Objects
from waybill.domain import keys

_BUCKET = "small-objects"
_PREFIX = "documents/"
_OBJECT_BYTES = 20_000
_IDLE_RUNS = 3
_MOST_SECONDS = 25.0
"""What one tool may take for all its runs; a slow one gets fewer than the others, but always one."""


@dataclass(frozen=True, slots=True)
class _Pack:
    """One run of one tool. ``cpu`` and ``wall`` in seconds; ``requests`` by the server's count."""

    cpu: float
    wall: float
    requests: Counter[str]


@dataclass(frozen=True, slots=True)
class _Packs:
    """All runs of all tools. ``remarks`` say which peers are missing."""

    objects: int
    size: int
    ours: Sequence[_Pack]
    peers: dict[str, Sequence[_Pack]]
    remarks: Sequence[str]

    @property
    def about(self) -> str:
        """What every figure on these runs says of them."""
        counts = ", ".join(f"{name} {len(packs)}" for name, packs in self.peers.items())
        data = f"{self.objects} JSON objects of {self.size / self.objects / 1000:.1f} kB on average"
        place = f"from and to one SeaweedFS on the same machine with {os.cpu_count()} cores."
        runs = f"Medians; runs: {tools.OURS} {len(self.ours)}, {counts}."
        return " ".join((f"{data}, {place} {runs}", "The zip tools make deflated zips instead.", *self.remarks))


def cpu_per_small_object(bench: Bench) -> Result:
    """Processor time for one small object, in milliseconds."""
    packs = bench.once(_measure)

    def value(pack: _Pack) -> float:
        return pack.cpu * 1000 / packs.objects

    note = (
        "User and system time of the fresh process and its descendants, imports, listing and upload included, less "
        f"that of the same interpreter doing nothing, per object. {packs.about}"
    )
    return _result("cpu_per_small_object", "ms", 0.8, packs=packs, value=value, note=note)


def small_objects_per_second(bench: Bench) -> Result:
    """Small objects that one process packs in a second of wall time."""
    packs = bench.once(_measure)

    def value(pack: _Pack) -> float:
        return packs.objects / pack.wall

    note = f"Wall time from the start of the process to its end; the server takes its share of the cores. {packs.about}"
    return _result("small_objects_per_second", "objects/s", 900, packs=packs, value=value, note=note, higher=True)


def requests_per_1000_small_objects(bench: Bench) -> Result:
    """S3 requests for a thousand small objects, of every kind."""
    packs = bench.once(_measure)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(packs.ours[-1].requests.items()))
    pages, uploads = -(-packs.objects // 1000), -(-packs.size // (64 * 2**20)) + 2
    target = (packs.objects + pages + uploads) * 1000 / packs.objects

    def value(pack: _Pack) -> float:
        return pack.requests.total() * 1000 / packs.objects

    note = (
        f"Counted by the server; it counts HEAD as GET. Ours for all objects: {kinds}, the plan that PlanParts would "
        "have left among them. Target: one GET an object, one LIST a thousand, one PUT for each 64 MiB before "
        f"compression and two around them. {packs.about}"
    )
    return _result("requests_per_1000_small_objects", "requests", target, packs=packs, value=value, note=note)


def _measure(bench: Bench) -> _Packs:
    store = _store(bench)
    bench.s3.create_bucket(_BUCKET)
    contents = list(documents(bench.scale.objects, _OBJECT_BYTES))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: store.put(f"{_PREFIX}{each[0]:06}.json", each[1]), enumerate(contents)))
    digests = Counter(hashlib.sha256(content).digest() for content in contents)
    peers, remarks = tools.peers(bench.python, bench.state)
    packers = [_Packer(bench, store, tool, digests) for tool in (tools.waybill(bench.python), *peers)]
    for _ in range(bench.runs):
        for packer in packers:
            packer.run()
    ours, *theirs = packers
    return _Packs(
        objects=len(contents),
        size=sum(map(len, contents)),
        ours=ours.packs,
        peers={packer.name: packer.packs for packer in theirs},
        remarks=remarks,
    )


class _Packer:
    """One tool and its runs so far."""

    def __init__(self, bench: Bench, store: S3Objects, tool: Tool, digests: Counter[bytes]) -> None:
        self.name = tool.name
        self.packs: list[_Pack] = []
        self._bench = bench
        self._store = store
        self._tool = tool
        self._digests = digests
        self._env = bench.environment(**tool.env)
        self._idle = statistics.median(
            measure.run(tool.idle, env=self._env, cwd=bench.state).cpu for _ in range(_IDLE_RUNS)
        )

    def run(self) -> None:
        """Run the tool once more, unless its time is used, and check its archive. Raises MeasurementError."""
        if sum(pack.wall for pack in self.packs) > _MOST_SECONDS:
            return
        key = keys.part(f"{self.name.split()[0]}-{len(self.packs)}", 1, self._tool.extension)
        before = self._bench.s3.requests(_BUCKET)
        command = [*self._tool.command, _BUCKET, _PREFIX, key]
        usage = measure.run(command, env=self._env, cwd=self._bench.state)
        requests = self._bench.s3.requests(_BUCKET) - before
        missing = self._digests - Counter(
            hashlib.sha256(content).digest() for content in _members(self._store.get(key))
        )
        if missing:
            raise MeasurementError(f"{self.name} left {missing.total()} objects out of its archive.")
        self.packs.append(_Pack(usage.cpu - self._idle, usage.wall, requests))
        self._store.delete_prefix("exports/")


def _members(archive: bytes) -> Iterator[bytes]:
    """Yield the contents of the files in a tar.gz or zip archive."""
    file = io.BytesIO(archive)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as zipped:
            for name in zipped.namelist():
                yield zipped.read(name)
        return
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:gz") as tarred:
        for member in tarred:
            content = tarred.extractfile(member)
            if content is not None:
                yield content.read()


def _store(bench: Bench) -> S3Objects:
    given = bench.s3.environment
    credentials = Credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
    return S3Objects(_BUCKET, region=REGION, endpoint=bench.s3.endpoint, credentials=lambda: credentials)


def _result(
    figure: str,
    unit: str,
    target: float,
    *,
    packs: _Packs,
    value: Callable[[_Pack], float],
    note: str,
    higher: bool = False,
) -> Result:
    values = [value(pack) for pack in packs.ours]
    return Result(
        figure=figure,
        unit=unit,
        ours=statistics.median(values),
        target=target,
        better="higher" if higher else "lower",
        peers={name: statistics.median(map(value, runs)) for name, runs in packs.peers.items()},
        runs=values,
        note=note,
    )
