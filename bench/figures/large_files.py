"""Packing large files into a tar and into a stored zip: what it costs in requests, and which bytes pass through us."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import tools
from bench.context import Bench
from bench.packing import FOLDER, IncompleteArchive, ObjectSet, Packer, put_objects
from bench.report import Result
from bench.tools import Tool
from bench.transport import Traffic
from waybill.domain.options import MEBIBYTE

_SMALLEST = 32 * MEBIBYTE
_LARGEST = 64 * MEBIBYTE
_MOST_PUTS = 2.0
_MOST_MEBIBYTES = 5.0
_MOST_RUNS = 3
"""Nothing is timed; more than one run shows that what is counted does not vary."""

_S3TAR = (
    "s3tar (awslabs) is no package of PyPI, npm or Debian and so not among the peers; it was measured elsewhere at 6.1 "
    "requests of PUT class a file."
)


@dataclass(frozen=True, slots=True)
class _Passed:
    """What passed for a tool: for all files, and for the half of them in the first folder."""

    whole: Traffic
    half: Traffic


@dataclass(frozen=True, slots=True)
class _Runs:
    """What passed for each tool: ours in every run, a peer's in its only one."""

    objects: ObjectSet
    ours: Sequence[_Passed]
    peers: Mapping[str, _Passed]
    remarks: Sequence[str]

    def result(self, figure: str, unit: str, target: float, value: Callable[[_Passed], float], what: str) -> Result:
        """Return a value of what passed as a figure; the largest of our runs counts."""
        runs = [value(passed) for passed in self.ours]
        kinds = "; ".join(
            f"{name}: {_told(each.whole)}" for name, each in [(tools.OURS, self.ours[-1]), *self.peers.items()]
        )
        note = (
            f"{what} Counted by a proxy between tools and server; the largest of {len(runs)} runs, one of each peer. "
            f"{self.objects.about}, contents noise, SHA-256 stored with them. All files, everything counted: {kinds}. "
            f"{_S3TAR}"
        )
        return Result(
            figure=figure,
            unit=unit,
            ours=max(runs),
            target=target,
            better="lower",
            runs=runs,
            peers={name: value(passed) for name, passed in self.peers.items()},
            note=" ".join((note, *self.remarks)),
        )


def put_requests_per_large_file_tar(bench: Bench) -> Result:
    """Requests of PUT class for each further large file in a tar."""
    return _put_requests("put_requests_per_large_file_tar", bench.once(_tar))


def put_requests_per_large_file_zip(bench: Bench) -> Result:
    """Requests of PUT class for each further large file in a zip."""
    return _put_requests("put_requests_per_large_file_zip", bench.once(_zip))


def bytes_through_us_per_large_file_tar(bench: Bench) -> Result:
    """Mebibytes of a large file that pass through the program that packs it into a tar."""
    return _bytes_through("bytes_through_us_per_large_file_tar", bench.once(_tar))


def bytes_through_us_per_large_file_zip(bench: Bench) -> Result:
    """Mebibytes of a large file that pass through the program that packs it into a zip."""
    return _bytes_through("bytes_through_us_per_large_file_zip", bench.once(_zip))


def _put_requests(figure: str, runs: _Runs) -> Result:
    more_files = len(runs.objects.digests) - runs.objects.per_folder

    def value(passed: _Passed) -> float:
        return (passed.whole.put_class - passed.half.put_class) / more_files

    what = (
        "Requests that S3 charges as PUT, without LIST, for each further file: those for all files less those for half "
        "of them, so without what an archive costs once."
    )
    return runs.result(figure, "requests", _MOST_PUTS, value, what)


def _bytes_through(figure: str, runs: _Runs) -> Result:
    files = len(runs.objects.digests)

    def value(passed: _Passed) -> float:
        return passed.whole.received[FOLDER] / files / MEBIBYTE

    what = "Bytes of the files that the tool reads, by file; what it reads it sends again."
    return runs.result(figure, "MiB", _MOST_MEBIBYTES, value, what)


def _tar(bench: Bench) -> _Runs:
    return _runs(bench, "tar")


def _zip(bench: Bench) -> _Runs:
    return _runs(bench, "zip")


def _runs(bench: Bench, extension: str) -> _Runs:
    objects = bench.once(_objects)
    ours, peers, remarks = tools.for_stored(bench.python, bench.state, extension)

    def passed(tool: Tool) -> _Passed:
        packer = Packer(bench, objects, tool)
        return _Passed(packer.run_counted(), packer.run_counted(only_first_folder=True))

    mine = [passed(ours) for _ in range(min(bench.runs, _MOST_RUNS))]
    theirs: dict[str, _Passed] = {}
    for peer in peers:
        try:
            theirs[peer.name] = passed(peer)
        except IncompleteArchive as error:
            remarks.append(f"No value for a peer whose archive is wrong: {error}")
    return _Runs(objects, mine, theirs, remarks)


def _objects(bench: Bench) -> ObjectSet:
    return put_objects(
        bench.s3, "large", _films(bench.scale.large_files), ending=".mp4", per_folder=bench.scale.large_files // 2
    )


def _films(count: int) -> Iterator[bytes]:
    noise = random.Random(8)
    for _ in range(count):
        yield noise.randbytes(noise.randint(_SMALLEST, _LARGEST))


def _told(passed: Traffic) -> str:
    return f"{passed}, {passed.sent / MEBIBYTE:.1f} MiB sent, {passed.received.total() / MEBIBYTE:.1f} received"
