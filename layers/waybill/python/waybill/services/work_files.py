"""What the steps of an export leave for each other in the bucket, as typed JSON."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from waybill.domain import keys
from waybill.domain.errors import ObjectMissing
from waybill.domain.plan import Shard, Staged
from waybill.ports import WorkStore

T = TypeVar("T")


def save(archives: WorkStore, key: str, value: object) -> None:
    """Store a value as JSON with sorted keys, so that a step that runs twice writes the same bytes."""
    archives.put(key, msgspec.json.encode(value, order="deterministic"))


def load(archives: WorkStore, key: str, kind: type[T]) -> T:
    """Return the value stored under ``key``. Raises ObjectMissing."""
    return msgspec.json.decode(archives.get(key), type=kind)


def load_if_there(archives: WorkStore, key: str, kind: type[T]) -> T | None:
    """Return the value stored under ``key``, or None if no step has written it yet."""
    try:
        return load(archives, key, kind)
    except ObjectMissing:
        return None


def staged(archives: WorkStore, export_id: str, shard: Shard) -> Iterator[Staged]:
    """Yield what the flushes of a shard left behind, in order."""
    for info in archives.list(keys.shard(export_id, shard.number)):
        yield load(archives, info.key, Staged)


def last_staged(archives: WorkStore, export_id: str, shard: Shard) -> Staged | None:
    """Return what the shard's latest flush left behind: the checkpoint to go on from."""
    last = None
    for info in archives.list(keys.shard(export_id, shard.number)):
        last = info.key
    return None if last is None else load(archives, last, Staged)
