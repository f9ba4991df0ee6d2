"""Packing large files into a tar and into a stored zip: what it costs in requests, and which bytes pass through us."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import tools
from bench.context import Bench
from bench.packing import IncompleteArchive, ObjectSet, Packer, put_objects
from bench.report import Result
from bench.transport import Traffic
from waybill.domain.options import MEBIBYTE

_SMALLEST = 32 * MEBIBYTE
_LARGEST = 64 * MEBIBYTE
_MOST_PUTS = 2.0
_MOST_MEBIBYTES = 5.0
_S3TAR = (
    "s3tar (awslabs) is no package of PyPI, npm or Debian and so not among the peers; it was measured elsewhere at 6.1 "
    "requests of PUT class a file."
)


@dataclass(frozen=True, slots=True)
class _Passed:
    """What passed for each tool: ours in every run, a peer's in its only one."""

    objects: ObjectSet
    ours: Sequence[Traffic]
    peers: Mapping[str, Traffic]
    remarks: Sequence[str]

    def result(self, figure: str, unit: str, target: float, value: Callable[[Traffic], float], what: str) -> Result:
        """Return a value of the traffic per file as a figure; all runs of a tool are alike, the largest counts."""
        files = len(self.objects.digests)
        runs = [value(passed) / files for passed in self.ours]
        kinds = "; ".join(
            f"{name}: {_told(passed)}" for name, passed in [(tools.OURS, self.ours[-1]), *self.peers.items()]
        )
        note = (
            f"{what}, by file, those for the archive and its plan among them. Counted by a proxy between the tools and "
            f"the server; the largest of {len(runs)} runs, one run of each peer. {self.objects.about}, contents noise, "
            f"SHA-256 stored with them. {kinds}. {_S3TAR}"
        )
        return Result(
            figure=figure,
            unit=unit,
            ours=max(runs),
            target=target,
            better="lower",
            runs=runs,
            peers={name: value(passed) / files for name, passed in self.peers.items()},
            note=" ".join((note, *self.remarks)),
        )


def put_requests_per_large_file_tar(bench: Bench) -> Result:
    """Requests of PUT class for a large file in a tar."""
    return _put_requests("put_requests_per_large_file_tar", bench.once(_tar))


def put_requests_per_large_file_zip(bench: Bench) -> Result:
    """Requests of PUT class for a large file in a zip."""
    return _put_requests("put_requests_per_large_file_zip", bench.once(_zip))


def bytes_through_us_per_large_file_tar(bench: Bench) -> Result:
    """Mebibytes that are sent or received for a large file in a tar, whichever are more."""
    return _bytes_through("bytes_through_us_per_large_file_tar", bench.once(_tar))


def bytes_through_us_per_large_file_zip(bench: Bench) -> Result:
    """Mebibytes that are sent or received for a large file in a zip, whichever are more."""
    return _bytes_through("bytes_through_us_per_large_file_zip", bench.once(_zip))


def _put_requests(figure: str, passed: _Passed) -> Result:
    what = "Requests that S3 charges as PUT, without LIST"
    return passed.result(figure, "requests", _MOST_PUTS, lambda traffic: traffic.put_class, what)


def _bytes_through(figure: str, passed: _Passed) -> Result:
    def value(traffic: Traffic) -> float:
        return max(traffic.sent, traffic.received) / MEBIBYTE

    what = "Bytes of bodies to the server or from it, whichever are more"
    return passed.result(figure, "MiB", _MOST_MEBIBYTES, value, what)


def _tar(bench: Bench) -> _Passed:
    return _passed(bench, "tar")


def _zip(bench: Bench) -> _Passed:
    return _passed(bench, "zip")


def _passed(bench: Bench, extension: str) -> _Passed:
    objects = bench.once(_objects)
    ours, peers, remarks = tools.for_stored(bench.python, bench.state, extension)
    passed = [Packer(bench, objects, ours).run_counted() for _ in range(bench.runs)]
    theirs: dict[str, Traffic] = {}
    for peer in peers:
        try:
            theirs[peer.name] = Packer(bench, objects, peer).run_counted()
        except IncompleteArchive as error:
            remarks.append(f"No value for a peer whose archive is wrong: {error}")
    return _Passed(objects, passed, theirs, remarks)


def _objects(bench: Bench) -> ObjectSet:
    return put_objects(bench.s3, "large", _films(bench.scale.large_files), ending=".mp4")


def _films(count: int) -> Iterator[bytes]:
    noise = random.Random(8)
    for _ in range(count):
        yield noise.randbytes(noise.randint(_SMALLEST, _LARGEST))


def _told(passed: Traffic) -> str:
    return f"{passed}, {passed.sent / MEBIBYTE:.1f} MiB sent, {passed.received / MEBIBYTE:.1f} received"
