"""The memory of workers, by how many records an export has, how large its parts are, and how large its input is."""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.context import Bench
from bench.deployed import allocator_settings
from bench.export_run import FILES, ExportRun, buckets, tables, tenant
from bench.measure import MeasurementError
from bench.memories import Memories, Memory
from bench.ours.tables import file_name
from bench.peers.boto3_objects import readable
from bench.report import Result
from waybill.domain.options import DEFAULT_PARTS_SIZE, GIBIBYTE, KIBIBYTE, MEBIBYTE, ExportOptions

_SMALL_FILE = 256 * KIBIBYTE
_RECORDS_BESIDE_FILES = 20_000
_INPUT = ("tar.gz", str(DEFAULT_PARTS_SIZE))
_LONGEST_SECONDS = 900.0


_HOW = (
    "One export each through the functions' own handlers, every call a fresh process, a stand-in for DynamoDB with "
    "pages of 1 MB."
)


def worker_memory_by_records(bench: Bench) -> Result:
    """The largest resident set of any step of an export, over exports of few to very many records."""
    return bench.once(_by_records).peak_result("worker_memory_by_records")


def worker_memory_growth_by_records(bench: Bench) -> Result:
    """The resident set with the most records over that with the fewest."""
    return bench.once(_by_records).growth_result("worker_memory_growth_by_records")


def worker_memory_by_parts_size(bench: Bench) -> Result:
    """The largest resident set of any step of an export, over small to large parts."""
    return bench.once(_by_parts_size).peak_result("worker_memory_by_parts_size")


def worker_memory_growth_by_parts_size(bench: Bench) -> Result:
    """The resident set with the largest parts over that with the smallest."""
    return bench.once(_by_parts_size).growth_result("worker_memory_growth_by_parts_size")


def worker_memory_by_input(bench: Bench) -> Result:
    """The largest resident set of a worker that packs little to very much input."""
    return bench.once(_by_input).peak_result("worker_memory_by_input")


def worker_memory_growth_by_input(bench: Bench) -> Result:
    """The resident set with the most input over that with the least."""
    return bench.once(_by_input).growth_result("worker_memory_growth_by_input")


def _by_records(bench: Bench) -> Memories:
    bench.once(buckets)
    options = ExportOptions(with_doctypes=("io.cozy.contacts",))
    memories = {}
    with tables(bench) as endpoint:
        for records in bench.scale.records:
            export = ExportRun(bench, endpoint, records=records, files=0, options=options)
            export.run()
            memories[records] = export.memory
    return Memories(memories, "records", _HOW)


def _by_parts_size(bench: Bench) -> Memories:
    bench.once(buckets)
    files = _store_files(bench)
    memories = {}
    with tables(bench) as endpoint:
        for parts_size in bench.scale.parts_sizes:
            options = ExportOptions(with_doctypes=("io.cozy.contacts", "io.cozy.files"), parts_size=parts_size)
            export = ExportRun(bench, endpoint, records=_RECORDS_BESIDE_FILES, files=files, options=options)
            export.run()
            memories[parts_size // MEBIBYTE] = export.memory
    return Memories(memories, "MiB a part", _HOW)


def _by_input(bench: Bench) -> Memories:
    """Pack the amounts side by side: nothing is timed, and the largest alone takes as long as all of them."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(lambda amount: _packed(bench, amount), reversed(bench.scale.input_gibibytes))
    memories = dict(zip(bench.scale.input_gibibytes, reversed(list(found)), strict=True))
    how = (
        f"The service pack_part in one fresh process for all input, as {_INPUT[0]} in parts of 1 GiB. A stand-in "
        "for S3 makes up the files, two of 256 MiB, 48 of 8 MiB and 256 of 512 KiB a GiB, half of them noise and half "
        "JSON, and throws the parts away; the memory of connections is not in it."
    )
    return Memories(memories, "GiB", how)


def _packed(bench: Bench, gibibytes: int) -> Memory:
    with tempfile.TemporaryDirectory(dir=bench.state) as folder:
        planned = bench.run_module("bench.ours.pack_input", "plan", folder, str(gibibytes), *_INPUT)
        batches = planned.output.strip()
        arguments = ("pack", folder, batches, *_INPUT)
        usage = bench.run_module(
            "bench.ours.pack_input", *arguments, longest=_LONGEST_SECONDS, env=allocator_settings()
        )
    said = json.loads(usage.output)
    if not gibibytes * GIBIBYTE // 2 < said["bytes"] < gibibytes * GIBIBYTE:
        raise MeasurementError(f"{gibibytes} GiB of input gave {said['bytes']} bytes of archive.")
    memory = Memory()
    memory.add("pack_part", said["start_mib"], said["peak_mib"])
    return memory


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
