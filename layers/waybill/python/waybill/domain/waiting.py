"""When shards are read again whose source was not ready.

Every round of waiting costs an execution states and events in its history, of which it may have 25,000 (AWS Step
Functions, "Quotas": history of an execution). So the pauses grow: those of a shard with the time that it has waited for
one thing, and those of the export with its rounds, whatever its sources say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.domain.plan import Shard

LONGEST_PAUSE = timedelta(minutes=10)
"""However long something has been waited for, it is looked at so often."""

_SHARE_OF_WAITED = 4
_SHARE_FOR_OTHERS = 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a shard waits for, as its source says it; since when, and until when it is left alone."""

    shard: int
    reason: str
    since: datetime
    until: datetime


def waiting(shard: Shard, error: SourceNotReady, before: Waiting | None, now: datetime) -> Waiting:
    """Return how long a shard waits that was told ``error``; ``before`` is what it waited for when it was read last.

    At least a quarter of the time that it has waited for the same, up to LONGEST_PAUSE. Raises SourceUnavailable if the
    deadline is over.
    """
    if error.deadline is not None and now >= error.deadline:
        raise SourceUnavailable(f"{error} The time for it was over at {error.deadline.isoformat(timespec='seconds')}.")
    reason = str(error)
    since = before.since if before is not None and before.reason == reason else now
    pause = max(timedelta(seconds=error.seconds), min((now - since) / _SHARE_OF_WAITED, LONGEST_PAUSE))
    until = now + pause
    return Waiting(shard.number, reason, since, until if error.deadline is None else min(until, error.deadline))


def next_round(
    left: Sequence[Shard], waits: Mapping[int, Waiting], *, now: datetime, rounds: int
) -> tuple[list[Shard], int]:
    """Return which of the shards that are ``left`` are read next, and the seconds until then.

    ``waits`` has those that wait, by their numbers, and ``rounds`` is how many rounds there were. Where none can be
    read now, the pause has at least half as many seconds as there were rounds: in seven days, the longest that an
    execution may take, these are about 1,500 rounds. It is a little longer than the first shard asks for, so that
    others that come soon after need no round of their own.
    """
    due = {shard.number: waits[shard.number].until if shard.number in waits else now for shard in left}
    first = min(due.values())
    end = now
    if first > now:
        end = max(first + (first - now) / _SHARE_FOR_OTHERS, now + timedelta(seconds=rounds // 2))
    return [shard for shard in left if due[shard.number] <= end], ceil((end - now).total_seconds())
