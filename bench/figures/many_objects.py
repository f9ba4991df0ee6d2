"""Packing many objects in JSON into a tar.gz: small ones, and those of a megabyte."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench import tools
from bench.context import Bench
from bench.data import documents, large_documents
from bench.packing import ObjectSet, Pack, Packer, Packs, put_objects, timed
from bench.report import Result
from waybill.domain.options import MEBIBYTE

_SMALL_BYTES = 20_000
_MEDIUM_BYTES = 1_000_000
_MEGABYTE = 1_000_000
_PER_CPU_SECOND = 120.0
_PER_SECOND = 900.0
_CPU = (
    "User and system time of the fresh process and its descendants, imports, listing and upload included, less that of "
    "the same interpreter doing nothing."
)


def cpu_per_small_object(bench: Bench) -> Result:
    """Processor time for one small object, in milliseconds."""
    packs = bench.once(_small)

    def value(pack: Pack) -> float:
        return pack.cpu * 1000 / len(packs.objects.digests)

    note = f"{_CPU} Per object. {packs.about}"
    return packs.result("cpu_per_small_object", "ms", 0.8, value, note=note)


def small_objects_per_second(bench: Bench) -> Result:
    """Small objects that one process packs in a second of wall time."""
    packs = bench.once(_small)

    def value(pack: Pack) -> float:
        return len(packs.objects.digests) / pack.wall

    note = f"Wall time from the start of the process to its end; the server takes its share of the cores. {packs.about}"
    figure = "small_objects_per_second"
    return packs.result(figure, "objects/s", _PER_SECOND, value, higher=True, note=note)


def mb_per_cpu_second_1mb_json(bench: Bench) -> Result:
    """Megabytes of JSON in objects of a megabyte that are archived in a second of processor time.

    The target is tied to a compression that is not worse than zlib's at level 1.
    """
    measured = bench.once(_medium)
    packs, zlibs = measured.packs, measured.zlib_ratio
    ratio = packs.objects.size / packs.ours[-1].size

    def value(pack: Pack) -> float:
        return packs.objects.size / _MEGABYTE / pack.cpu

    worse = "; that is worse, so the target counts as missed" if ratio < zlibs else ""
    peers = ", ".join(f"{name} {packs.objects.size / runs[-1].size:.3f}" for name, runs in packs.peers.items())
    note = (
        f"Content by processor time. {_CPU} Compressed to one part in {ratio:.3f} (verify.py and the tag files among "
        f"it), zlib level 1 on the same bytes in one stream: {zlibs:.3f}{worse}. Peers: {peers}. {packs.about}"
    )
    return packs.result(
        "mb_per_cpu_second_1mb_json",
        "MB/s",
        _PER_CPU_SECOND,
        value,
        higher=True,
        note=note,
        provided=ratio >= zlibs,
    )


def requests_per_1000_small_objects(bench: Bench) -> Result:
    """S3 requests for a thousand small objects, of every kind."""
    everything = bench.once(_small_objects)
    ours, peers, remarks = tools.for_compressed(bench.python, bench.state)
    traffic = {
        tool.name: Packer(bench, everything, tool).run_counted(only_first_folder=True) for tool in (ours, *peers)
    }
    objects = min(len(everything.digests), everything.per_folder)
    size = everything.size * objects // len(everything.digests)
    uploads = -(-size // (64 * MEBIBYTE)) + 2
    per_thousand = {name: passed.requests.total() * 1000 / objects for name, passed in traffic.items()}
    mine = per_thousand.pop(tools.OURS)
    kinds = "; ".join(f"{name}: {passed}" for name, passed in traffic.items())
    note = (
        f"{objects} of {everything.about}. Counted by a proxy between tools and server, one run each. {kinds}. "
        "The plan that PlanParts would have left is among ours. Target: a GET an object, no HEAD, one LIST a thousand, "
        "one PUT for each 64 MiB before compression and two around them."
    )
    return Result(
        figure="requests_per_1000_small_objects",
        unit="requests",
        ours=mine,
        target=(objects + 1 + uploads) * 1000 / objects,
        better="lower",
        runs=[mine],
        peers=per_thousand,
        note=" ".join((note, *remarks)),
        provided=not traffic[tools.OURS].requests["HEAD"],
    )


def _small(bench: Bench) -> Packs:
    return timed(bench, bench.once(_small_objects))


def _small_objects(bench: Bench) -> ObjectSet:
    return put_objects(bench.s3, "small", documents(bench.scale.small_objects, _SMALL_BYTES), ending=".json")


@dataclass(frozen=True, slots=True)
class _Medium:
    """The runs, and how far zlib at level 1 compresses the same contents."""

    packs: Packs
    zlib_ratio: float


def _medium(bench: Bench) -> _Medium:
    packed = 0
    zlibs = zlib.compressobj(level=1)

    def seen() -> Iterator[bytes]:
        nonlocal packed
        for content in large_documents(bench.scale.medium_objects, _MEDIUM_BYTES):
            packed += len(zlibs.compress(content))
            yield content

    objects = put_objects(bench.s3, "medium", seen(), ending=".json")
    packed += len(zlibs.flush())
    return _Medium(timed(bench, objects), objects.size / packed)
