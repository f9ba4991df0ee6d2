"""How many states an export enters, by the definition of its state machine and the product's own planning."""

import tempfile
from collections.abc import Mapping
from typing import Any

from bench.context import Bench
from bench.export_run import ARCHIVES, Functions, buckets, export_of, list_of, tables
from bench.ours.made_up_store import files
from bench.report import Result
from bench.state_machine import states_entered
from waybill.domain import keys
from waybill.domain.options import DEFAULT_PARTS_SIZE, ExportOptions

_RECORDS = 1_000
_TARGET = 10.0


def state_transitions_per_export(bench: Bench) -> Result:
    """The states that an export of 40 GiB enters, those of the Maps' children included."""
    amounts = bench.scale.planned_gibibytes
    entered = [_entered(bench, amount) for amount in amounts]
    table = "; ".join(f"{amount} GiB: {states}" for amount, states in zip(amounts, entered, strict=True))
    return Result(
        figure="state_transitions_per_export",
        unit="transitions",
        ours=entered[-1],
        target=_TARGET,
        better="lower",
        runs=entered,
        note=(
            "The last of runs. The definition is run step by step. PlanExport and PlanParts are the real ones, on "
            "made-up input; the steps between are taken to end in their first round. "
            f"{_RECORDS:,} records and {len(list(files(1)))} files a GiB, parts of 1 GiB. Each Map has a child with "
            f"one state for every batch. {table}."
        ),
    )


def _entered(bench: Bench, gibibytes: int) -> int:
    bench.once(buckets)
    job = export_of(
        _RECORDS, len(list(files(gibibytes))), ExportOptions(with_doctypes=("io.cozy.contacts", "io.cozy.files"))
    )
    archives = bench.s3.store(ARCHIVES)
    pack_list = keys.pack_batches(job.id)
    batches = _pack_batches(bench, gibibytes)

    with tables(bench) as endpoint:
        functions = Functions(bench, endpoint, s3=bench.s3)
        functions.jobs.create(job)

        def call(function: str, event: Mapping[str, Any]) -> Any:
            if function == "plan_export":
                return functions.call(function, event)
            return {"ready": True, "key": pack_list}

        def read_list(key: str) -> list[Any]:
            return list(range(batches)) if key == pack_list else list_of(archives, key)

        entered = states_entered(
            {"tenant": job.tenant, "export_id": job.id, "attempt": job.attempt}, call=call, read_list=read_list
        )
    archives.delete_prefix(keys.prefix(job.id))
    return entered


def _pack_batches(bench: Bench, gibibytes: int) -> int:
    with tempfile.TemporaryDirectory(dir=bench.state) as folder:
        options = (str(gibibytes), ExportOptions().format, str(DEFAULT_PARTS_SIZE))
        return int(bench.run_module("bench.ours.pack_input", "plan", folder, *options).output)
