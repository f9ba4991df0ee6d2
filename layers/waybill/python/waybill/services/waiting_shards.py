"""Notes of the shards that wait for their source, and of how often was waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from waybill.domain import keys
from waybill.domain.errors import SourceNotReady
from waybill.domain.job import ExportJob
from waybill.domain.plan import Shard
from waybill.domain.waiting import Waiting, next_round, waiting
from waybill.ports import WorkStore
from waybill.services.work_files import load, load_if_there, save


@dataclass(frozen=True, slots=True)
class _Rounds:
    """How many rounds an attempt of an export has had beside its first; an execution of its own begins with none."""

    attempt: int
    rounds: int


def note_waiting(archives: WorkStore, export_id: str, shard: Shard, error: SourceNotReady, now: datetime) -> bool:
    """Note what a shard waits for; return whether it does, or only wants a call of its own.

    Raises SourceUnavailable if it has waited too long.
    """
    if error.seconds <= 0:
        return False
    key = keys.waiting_shard(export_id, shard.number)
    save(archives, key, waiting(shard, error, load_if_there(archives, key, Waiting), now))
    return True


def due_shards(archives: WorkStore, job: ExportJob, left: Sequence[Shard], now: datetime) -> tuple[list[Shard], int]:
    """Return which of the shards that are ``left`` are read in the next round, and in how many seconds that begins."""
    notes = [load(archives, info.key, Waiting) for info in archives.list(keys.waiting_shards(job.id))]
    key = keys.rounds(job.id)
    before = load_if_there(archives, key, _Rounds)
    rounds = before.rounds + 1 if before is not None and before.attempt == job.attempt else 1
    save(archives, key, _Rounds(job.attempt, rounds))
    return next_round(left, {note.shard: note for note in notes}, now=now, rounds=rounds)
