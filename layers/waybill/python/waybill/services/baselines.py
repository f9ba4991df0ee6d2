"""The baselines of a chain in the bucket: what a run leaves for the next one, and what the one before has left."""

import functools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from waybill.domain import keys
from waybill.domain.chain import Baseline, BaselinePiece, Chain, Increment, Row, Slice, increment
from waybill.domain.errors import BaselineUnreadable, ExportNotFound, ObjectMissing
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.plan import Shard
from waybill.ports import ChainStore, JobStore, ObjectStore, WorkStore
from waybill.services.work_files import load, load_if_there, save

_ROWS = msgspec.msgpack.Decoder(list[Row])


def plan_increment(archives: ObjectStore, job: ExportJob, orders: Mapping[str, str]) -> None:
    """Decide once whether an export of a chain is full or builds on its parent, and keep that."""
    if job.chain is not None:
        save(archives, keys.increment(job.id), increment(job.chain, orders, _parent(archives, job.chain)))


def increment_of(archives: WorkStore, job: ExportJob) -> Increment | None:
    """Return what was decided; None if the export is not one of a chain."""
    return None if job.chain is None else load(archives, keys.increment(job.id), Increment)


def _parent(archives: ObjectStore, chain: Chain) -> Baseline | None:
    """Return the parent's baseline, if it is there with all its objects."""
    if not chain.parent_export:
        return None
    try:
        baseline = load(archives, keys.baseline(chain.parent_export, chain.key), Baseline)
    except (ObjectMissing, msgspec.DecodeError):
        return None
    there = {info.key for info in archives.list(keys.baselines_of(chain.parent_export, chain.key))}
    return baseline if there.issuperset(piece.object_key for piece in baseline.pieces) else None


def put_rows(
    archives: WorkStore, job: ExportJob, shard: Shard, sequence: int, rows: Sequence[Row]
) -> BaselinePiece | None:
    """Store the rows of one flush, if there are any; return where."""
    if job.chain is None or not rows:
        return None
    key = keys.baseline_rows(job.id, job.chain.key, shard.number, sequence)
    archives.put(key, zlib.compress(msgspec.msgpack.encode(rows), level=6))
    return BaselinePiece(shard.doctype, key, rows[0].key, rows[-1].key)


class HeldRows:
    """What the chain holds up to the parent, for an export that builds on it. Nothing is read before it is needed."""

    def __init__(self, archives: ObjectStore, chain: Chain) -> None:
        self._archives = archives
        self._chain = chain

    @functools.cached_property
    def _baseline(self) -> Baseline:
        try:
            return load(self._archives, keys.baseline(self._chain.parent_export, self._chain.key), Baseline)
        except (ObjectMissing, msgspec.DecodeError) as error:
            raise _unreadable() from error

    @functools.cached_property
    def _lost(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._baseline.lost)

    def rows(self, doctype: str, part: Slice) -> Iterator[Row]:
        """Yield the rows of a doctype in a slice of its keys, in their order; one object at a time is in memory.

        Raises BaselineUnreadable.
        """
        pieces = (piece for piece in self._baseline.pieces if piece.doctype == doctype)
        for piece in part.pieces(pieces):
            for row in part.rows(self._read(piece)):
                yield Row(row.key, row.digest) if (doctype, row.key) in self._lost else row

    def _read(self, piece: BaselinePiece) -> list[Row]:
        try:
            return _ROWS.decode(zlib.decompress(self._archives.get(piece.object_key)))
        except (ObjectMissing, msgspec.DecodeError, zlib.error) as error:
            raise _unreadable() from error


def _unreadable() -> BaselineUnreadable:
    return BaselineUnreadable(
        "What the last good run of this schedule left to compare with is not there any more. The next run builds on a "
        "later one if there is any, or exports everything again."
    )


@contextmanager
def comparing(job: ExportJob, chains: ChainStore) -> Iterator[None]:
    """Let the chain begin anew, with a full export, where its last baseline turns out to be unreadable."""
    try:
        yield
    except BaselineUnreadable:
        if job.chain is not None:
            chains.forget(job.tenant, job.chain.key, job.chain.parent_export)
        raise


@contextmanager
def writing_baseline(job: ExportJob, *, jobs: JobStore, archives: ObjectStore) -> Iterator[None]:
    """Remove what a step wrote for the next run if the export was removed meanwhile and had not been done."""
    try:
        yield
    finally:
        if job.chain is not None and _is_of_no_use(job, jobs):
            archives.delete_prefix(keys.baselines_of(job.id, job.chain.key))


def _is_of_no_use(job: ExportJob, jobs: JobStore) -> bool:
    """Whether the export was removed before it was done, or no record tells that it was done."""
    try:
        stored = jobs.get(job.tenant, job.id)
    except ExportNotFound:
        return True
    return stored.state is ExportState.DELETED and stored.chain is not None


def put_baseline(
    archives: ObjectStore,
    job: ExportJob,
    orders: Mapping[str, str],
    manifest_sha256: str,
    lost: Sequence[tuple[str, str]],
) -> None:
    """Store the list of the rows' objects, which makes them a baseline."""
    if job.chain is not None:
        pieces = load(archives, keys.baseline_pieces(job.id), tuple[BaselinePiece, ...])
        baseline = Baseline(dict(orders), pieces, manifest_sha256, tuple(lost))
        save(archives, keys.baseline(job.id, job.chain.key), baseline)


def stored_baseline(archives: ObjectStore, job: ExportJob) -> Baseline | None:
    """Return the baseline that the export has left, if it is there."""
    return None if job.chain is None else load_if_there(archives, keys.baseline(job.id, job.chain.key), Baseline)
