"""How far a running export is, from what its workers last reported."""

from collections.abc import Iterable
from dataclasses import dataclass

_READING_SHARE = 50
_MOST_WHILE_RUNNING = 99


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """What one worker has done so far of its batch.

    ``phase`` is ``read`` or ``pack``; ``share`` is the part of the batch that is done, 0 to 1; ``batches`` how many
    batches the phase has. Each report replaces the worker's earlier one, so a repeated step counts once.
    """

    phase: str
    batch: int
    batches: int
    share: float
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What ``meta.progress`` shows. ``bytes`` are those read so far: record lines, then file contents."""

    records: int
    bytes: int
    percentage: int


def total(reports: Iterable[WorkerProgress]) -> Progress:
    """Return the whole export's progress: reading is its first half, packing its second, and only done is 100.

    In every round the first worker also reports what was done before, so reports of rounds with another number of
    batches than its own are out of date.
    """
    records = size = 0
    share = {"read": 0.0, "pack": 0.0}
    known = list(reports)
    batches = {report.phase: report.batches for report in known if report.batch == 0}
    for report in known:
        if report.batches != batches.get(report.phase, report.batches):
            continue
        records += report.records
        size += report.bytes
        share[report.phase] += report.share / max(report.batches, 1)
    read, pack = min(share["read"], 1.0), min(share["pack"], 1.0)
    percentage = int(_READING_SHARE * read + (100 - _READING_SHARE) * pack)
    return Progress(records, size, min(percentage, _MOST_WHILE_RUNNING))
