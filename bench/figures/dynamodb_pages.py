"""From the bodies of DynamoDB's answers to NDJSON lines, on one core."""

import json
import statistics

from bench.context import Bench
from bench.data import attributes_page, text_page
from bench.measure import MeasurementError
from bench.report import Result

_TARGET = 20.0
_MEGABYTE = 1_000_000


def ndjson_from_text_records(bench: Bench) -> Result:
    """Megabytes of answers a second, records stored as JSON text in one attribute."""
    page = text_page(records=1_400, words=60)
    peer = "The peer takes the text unchecked; Waybill checks that it is one JSON object."
    return _result(bench, "ndjson_from_text_records", "text", page, peer)


def ndjson_from_attributes(bench: Bench) -> Result:
    """Megabytes of answers a second, records stored as ordinary attributes."""
    page = attributes_page(records=1_200, words=60)
    peer = "The peer turns numbers into int or float and may lose digits, Waybill keeps them."
    return _result(bench, "ndjson_from_attributes", "attributes", page, peer)


def _result(bench: Bench, figure: str, kind: str, page: bytes, peer: str) -> Result:
    file = bench.state / f"page-{kind}.json"
    file.write_bytes(page)
    ours, theirs = [], []
    for _ in range(bench.runs):
        ours.append(_speed(bench, "bench.ours.convert_pages", kind, page))
        theirs.append(_speed(bench, "bench.peers.boto3_pages", kind, page))
    return Result(
        figure=figure,
        unit="MB/s",
        ours=statistics.median(ours),
        target=_TARGET,
        better="higher",
        peers={"boto3 parser + TypeDeserializer + json.dumps": statistics.median(theirs)},
        runs=ours,
        note=(
            f"Bytes of the answer's body per processor second, medians of {bench.runs} fresh processes, each with "
            f"{bench.scale.pages} pages of {len(page) / _MEGABYTE:.2f} MB and {page.count(b'_rev')} records. "
            f"From the body in memory to finished lines; no network, no compression. {peer}"
        ),
    )


def _speed(bench: Bench, module: str, kind: str, page: bytes) -> float:
    usage = bench.run_module(module, f"page-{kind}.json", kind, str(bench.scale.pages))
    said = json.loads(usage.output)
    if said["bytes"] < bench.scale.pages * len(page) / 4:
        raise MeasurementError(f"{module} gave {said['bytes']} bytes of NDJSON, which is too little.")
    return bench.scale.pages * len(page) / _MEGABYTE / float(said["seconds"])
