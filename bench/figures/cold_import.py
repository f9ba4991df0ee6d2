"""How long a fresh process takes until it can work, against boto3's own start in the same run."""

import statistics
from collections.abc import Sequence

from bench.context import Bench
from bench.report import Result

_FEWEST_RUNS = 15
_SETTINGS = {
    "JOBS_TABLE": "jobs",
    "DOCUMENTS_TABLE": "documents",
    "FILES_BUCKET": "files",
    "ARCHIVES_BUCKET": "archives",
    "EXPORT_WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:exports",
    "POWERTOOLS_SERVICE_NAME": "waybill",
    "POWERTOOLS_METRICS_NAMESPACE": "Waybill",
}


def cold_import_of_worker(bench: Bench) -> Result:
    """ReadChunk with the adapters and the catalog that it works with."""
    what = "read_chunk's app with job store, archives bucket and sources (the catalog comes with the export)"
    return _result(bench, "cold_import_of_worker", "read_chunk", 0.6, what)


def cold_import_of_get_export(bench: Bench) -> Result:
    """GetExport with the job records."""
    return _result(bench, "cold_import_of_get_export", "get_export", 1.3, "get_export's app with its job store")


def cold_import_of_create_export(bench: Bench) -> Result:
    """CreateExport up to the answer to a first request that it refuses."""
    what = "create_export's app and its 422 to a request for an unknown doctype (body, options, catalog, adapters)"
    return _result(bench, "cold_import_of_create_export", "create_export", 1.3, what)


def _result(bench: Bench, figure: str, function: str, target: float, what: str) -> Result:
    ours, yardstick = [], []
    for _ in range(max(bench.runs, _FEWEST_RUNS)):
        yardstick.append(_milliseconds(bench, "boto3"))
        ours.append(_milliseconds(bench, function))
    bytecode = "with bytecode" if bench.staged.bytecode else "without bytecode: they are compiled at every start"
    return Result(
        figure=figure,
        unit="ratio",
        ours=statistics.median(ours) / statistics.median(yardstick),
        target=target,
        better="lower",
        peers={"import boto3; boto3.client('dynamodb')": 1.0},
        runs=[mine / its for mine, its in zip(ours, yardstick, strict=True)],
        note=(
            f"Ratio of the medians of {len(ours)} fresh processes each, taken in turn. {what}: {_told(ours)}; "
            f"boto3: {_told(yardstick)}. Wall time inside the running interpreter, files cached. boto3 has bytecode; "
            f"our layers are as sam build makes them, {bytecode}."
        ),
    )


def _told(milliseconds: Sequence[float]) -> str:
    return f"median {statistics.median(milliseconds):.0f} ms, least {min(milliseconds):.0f}"


def _milliseconds(bench: Bench, what: str) -> float:
    output = bench.run_module("bench.ours.cold_start", what, env=_SETTINGS).output
    return float(output.splitlines()[-1])  # before it stands what the function logged
