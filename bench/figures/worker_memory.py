"""The memory of workers, by how much data an export has and by how large its parts are."""

import random
import statistics
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.context import Bench
from bench.export_run import ARCHIVES, FILES, ExportRun, Memory, tables, tenant
from bench.ours.tables import file_name
from bench.peers.boto3_objects import readable
from bench.report import Result
from waybill.domain.options import KIBIBYTE, MEBIBYTE, ExportOptions

_TARGET_MIB = 128.0
_TARGET_GROWTH = 1.1
"""A tenth more is what the allocator may make of the same work; real growth with the data would be a multiple."""

_SMALL_FILE = 256 * KIBIBYTE
_RECORDS_BESIDE_FILES = 20_000


@dataclass(frozen=True, slots=True)
class _Memories:
    """The memory of one export for each amount of data, ascending."""

    by_amount: Mapping[int, Memory]

    @property
    def peaks(self) -> list[float]:
        """The largest resident set of each export."""
        return [memory.peak for memory in self.by_amount.values()]

    @property
    def growth(self) -> float:
        """The last amount's peak over the first's."""
        return self.peaks[-1] / self.peaks[0]

    def table(self, unit: str, divisor: int) -> str:
        """Say every function's peak for every amount."""
        return "; ".join(
            f"{amount // divisor:,} {unit}: " + ", ".join(f"{name} {peak:.0f}" for name, peak in memory.peaks.items())
            for amount, memory in self.by_amount.items()
        )

    @property
    def start(self) -> float:
        """The interpreter and everything imported, before any work."""
        return statistics.median(memory.start for memory in self.by_amount.values())


def worker_memory_by_records(bench: Bench) -> Result:
    """The largest resident set of any step of an export, over exports of few to very many records."""
    memories = bench.once(_by_records)
    return _peak("worker_memory_by_records", memories, memories.table("records", 1))


def worker_memory_growth_by_records(bench: Bench) -> Result:
    """The resident set with the most records over that with the fewest."""
    memories = bench.once(_by_records)
    return _growth("worker_memory_growth_by_records", memories, memories.table("records", 1))


def worker_memory_by_parts_size(bench: Bench) -> Result:
    """The largest resident set of any step of an export, over small to large parts."""
    memories = bench.once(_by_parts_size)
    return _peak("worker_memory_by_parts_size", memories, memories.table("MiB a part", MEBIBYTE))


def worker_memory_growth_by_parts_size(bench: Bench) -> Result:
    """The resident set with the largest parts over that with the smallest."""
    memories = bench.once(_by_parts_size)
    return _growth("worker_memory_growth_by_parts_size", memories, memories.table("MiB a part", MEBIBYTE))


def _by_records(bench: Bench) -> _Memories:
    bench.once(_buckets)
    options = ExportOptions(with_doctypes=("io.cozy.contacts",))
    memories = {}
    with tables(bench) as endpoint:
        for records in bench.scale.records:
            export = ExportRun(bench, endpoint, records=records, files=0, options=options)
            export.run()
            memories[records] = export.memory
    return _Memories(memories)


def _by_parts_size(bench: Bench) -> _Memories:
    bench.once(_buckets)
    files = _store_files(bench)
    memories = {}
    with tables(bench) as endpoint:
        for parts_size in bench.scale.parts_sizes:
            options = ExportOptions(with_doctypes=("io.cozy.contacts", "io.cozy.files"), parts_size=parts_size)
            export = ExportRun(bench, endpoint, records=_RECORDS_BESIDE_FILES, files=files, options=options)
            export.run()
            memories[parts_size] = export.memory
    return _Memories(memories)


def _buckets(bench: Bench) -> None:
    bench.s3.create_bucket(FILES)
    bench.s3.create_bucket(ARCHIVES)


def _store_files(bench: Bench) -> int:
    """Store files that cannot be compressed, half of their bytes in one, half in small ones; return how many."""
    store = bench.s3.store(FILES)
    small = bench.scale.file_bytes // 2 // _SMALL_FILE
    prefix = f"{tenant(_RECORDS_BESIDE_FILES, small + 1)}/"
    noise = random.Random(5)

    def large() -> Iterator[bytes]:
        for _ in range(bench.scale.file_bytes // 2 // MEBIBYTE):
            yield noise.randbytes(MEBIBYTE)

    bench.s3.client().upload_fileobj(readable(large()), FILES, prefix + file_name(0))
    with ThreadPoolExecutor(4) as threads:
        for start in range(1, small + 1, 64):
            names = [prefix + file_name(position) for position in range(start, min(start + 64, small + 1))]
            list(threads.map(store.put, names, [noise.randbytes(_SMALL_FILE) for _ in names]))
    return small + 1


def _peak(figure: str, memories: _Memories, table: str) -> Result:
    return Result(
        figure=figure,
        unit="MiB",
        ours=max(memories.peaks),
        target=_TARGET_MIB,
        better="lower",
        runs=memories.peaks,
        note=f"The largest of runs. {_about(memories, table)}",
    )


def _growth(figure: str, memories: _Memories, table: str) -> Result:
    return Result(
        figure=figure,
        unit="ratio",
        ours=memories.growth,
        target=_TARGET_GROWTH,
        better="lower",
        runs=[memories.growth],
        note=f"The last export's peak over the first's. {_about(memories, table)}",
    )


def _about(memories: _Memories, table: str) -> str:
    return (
        "One export each through the functions' own handlers, every call a fresh process, a stand-in for DynamoDB with "
        f"pages of 1 MB. Largest resident set in MiB, of which {memories.start:.0f} are the interpreter and what is "
        f"imported. {table}."
    )
