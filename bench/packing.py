"""Packing a set of objects with Waybill and with every peer: the same objects, from and to the same server."""

import hashlib
import os
import statistics
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import IO

from bench import measure, tools
from bench.context import Bench
from bench.measure import MeasurementError
from bench.report import Result
from bench.server import S3Server
from bench.tools import Tool
from bench.transport import Traffic
from waybill.domain import keys

FOLDER = "objects"
PREFIX = f"{FOLDER}/"
FIRST_FOLDER = f"{PREFIX}000/"
_IDLE_RUNS = 3
_MOST_SECONDS = 15.0
"""What one tool may take for all its runs; a slow one gets fewer than the others, but always one."""

_AT_ONCE = 8
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ObjectSet:
    """The objects of a bucket under PREFIX, ``per_folder`` in a folder.

    ``digests`` are the SHA-256 of their contents, in the order of the keys.
    """

    bucket: str
    size: int
    digests: Sequence[bytes]
    per_folder: int

    @property
    def about(self) -> str:
        """Say how many there are and how large."""
        mean = self.size / len(self.digests) / 1000
        return f"{len(self.digests)} objects of {mean:,.1f} kB on average, on one SeaweedFS on the same machine"


def put_objects(
    server: S3Server, bucket: str, contents: Iterator[bytes], *, ending: str, per_folder: int = 1000
) -> ObjectSet:
    """Make a bucket with the given contents, numbered in their order, so many to a folder.

    They are stored with their SHA-256 as S3's own checksum. A few are in memory at a time.
    """
    server.create_bucket(bucket)
    client = server.client()
    digests: list[bytes] = []
    size = 0

    def put(numbered: tuple[int, bytes]) -> bytes:
        number, content = numbered
        client.put_object(
            Bucket=bucket,
            Key=f"{PREFIX}{number // per_folder:03}/{number:06}{ending}",
            Body=content,
            ChecksumAlgorithm="SHA256",
        )
        return hashlib.sha256(content).digest()

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while some := list(islice(contents, _AT_ONCE)):
            digests += threads.map(put, enumerate(some, start=len(digests)))
            size += sum(map(len, some))
    return ObjectSet(bucket, size, digests, per_folder)


class IncompleteArchive(MeasurementError):
    """A tool ended well and left an archive in which contents are missing or changed."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One run of one tool. ``cpu`` and ``wall`` in seconds; ``size`` of the archive in bytes."""

    cpu: float
    wall: float
    size: int


@dataclass(frozen=True, slots=True)
class Packs:
    """All runs of all tools on a set. ``remarks`` say which peers are missing."""

    objects: ObjectSet
    ours: Sequence[Pack]
    peers: Mapping[str, Sequence[Pack]]
    remarks: Sequence[str]

    @property
    def about(self) -> str:
        """What every figure on these runs says of them."""
        counts = ", ".join(f"{name} {len(packs)}" for name, packs in self.peers.items())
        runs = f"Medians; runs: {tools.OURS} {len(self.ours)}, {counts}."
        cores = f"with {os.cpu_count()} cores."
        return " ".join((self.objects.about, cores, runs, "The zip tools make deflated zips instead.", *self.remarks))

    def result(
        self,
        figure: str,
        unit: str,
        target: float,
        value: Callable[[Pack], float],
        *,
        note: str,
        higher: bool = False,
        provided: bool = True,
    ) -> Result:
        """Return the medians of a value of every run as a figure. ``higher`` is whether more is better."""
        values = [value(pack) for pack in self.ours]
        return Result(
            figure=figure,
            unit=unit,
            ours=statistics.median(values),
            target=target,
            better="higher" if higher else "lower",
            runs=values,
            note=note,
            peers={name: statistics.median(map(value, runs)) for name, runs in self.peers.items()},
            provided=provided,
        )


def timed(bench: Bench, objects: ObjectSet) -> Packs:
    """Pack the set into a tar.gz (tools for zip: a zip) with all tools in turn, several times, past the proxy."""
    ours, peers, remarks = tools.for_compressed(bench.python, bench.state)
    packers = [Packer(bench, objects, tool) for tool in (ours, *peers)]
    for _ in range(bench.runs):
        for packer in packers:
            packer.run()
    mine, *theirs = packers
    return Packs(objects, mine.packs, {packer.name: packer.packs for packer in theirs}, remarks)


class Packer:
    """One tool and its runs so far."""

    def __init__(self, bench: Bench, objects: ObjectSet, tool: Tool) -> None:
        self.name = tool.name
        self.packs: list[Pack] = []
        self._bench = bench
        self._objects = objects
        self._tool = tool
        self._store = bench.s3.store(objects.bucket)
        self._idle: float | None = None

    def run(self) -> None:
        """Run the tool once more, unless its time is used. Raises MeasurementError, IncompleteArchive among them."""
        if sum(pack.wall for pack in self.packs) > _MOST_SECONDS:
            return
        usage, size = self._run(PREFIX, self._objects.digests, self._bench.s3)
        self.packs.append(Pack(usage.cpu - self._idle_cpu(), usage.wall, size))

    def run_counted(self, *, only_first_folder: bool = False) -> Traffic:
        """Run the tool through the proxy, on all objects or those in the first folder, and return what passed.

        Raises MeasurementError, IncompleteArchive among them.
        """
        prefix, wanted = PREFIX, self._objects.digests
        if only_first_folder:
            prefix, wanted = FIRST_FOLDER, wanted[: self._objects.per_folder]
        self._bench.proxy.take()
        self._run(prefix, wanted, self._bench.counted_s3)
        return self._bench.proxy.take()

    def _run(self, prefix: str, wanted: Sequence[bytes], server: S3Server) -> tuple[measure.Usage, int]:
        key = keys.part(f"{self.name.split()[0]}-{len(self.packs)}", 1, self._tool.extension)
        command = [*self._tool.command, self._objects.bucket, prefix, key]
        env = self._bench.environment(**server.environment, **self._tool.env)
        usage = measure.run(command, env=env, cwd=self._bench.state)
        size = self._checked(key, wanted)
        self._store.delete_prefix("exports/")
        return usage, size

    def _checked(self, key: str, wanted: Sequence[bytes]) -> int:
        """Return the archive's size, if all wanted contents are in it."""
        with tempfile.TemporaryFile(dir=self._bench.state) as file:
            for chunk in self._store.stream(key):
                file.write(chunk)
            size = file.tell()
            missing = Counter(wanted) - Counter(_member_digests(file))
        if missing:
            raise IncompleteArchive(f"{self.name} left out or changed {missing.total()} of {len(wanted)} objects.")
        return size

    def _idle_cpu(self) -> float:
        if self._idle is None:
            env = self._bench.environment(**self._tool.env)
            runs = [measure.run(self._tool.idle, env=env, cwd=self._bench.state).cpu for _ in range(_IDLE_RUNS)]
            self._idle = statistics.median(runs)
        return self._idle


def _member_digests(archive: IO[bytes]) -> Iterator[bytes]:
    """Yield the SHA-256 of every file in a tar, tar.gz or zip archive."""
    archive.seek(0)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                with zipped.open(info) as content:
                    yield _digest(content)
        return
    archive.seek(0)
    with tarfile.open(fileobj=archive, mode="r:*") as tarred:
        for member in tarred:
            extracted = tarred.extractfile(member)
            if extracted is not None:
                yield _digest(extracted)


def _digest(content: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while block := content.read(_BLOCK):
        digest.update(block)
    return digest.digest()
