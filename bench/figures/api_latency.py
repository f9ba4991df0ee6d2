"""How much of another system's latency is hidden by asking for several things at once."""

import json
import statistics

from bench.context import Bench
from bench.measure import MeasurementError
from bench.report import Result
from bench.slow_api import SlowApi, slow_api

_LATENCY = 0.05
_LIMIT = 16
_TARGET = 10.0


def api_latency_hidden(bench: Bench) -> Result:
    """Records a second from an API that takes 50 ms for each, over those with one request at a time."""
    ours, alone = [], []
    with slow_api(applications=bench.scale.api_records, latency=_LATENCY) as api:
        for _ in range(bench.runs):
            api.applications = bench.scale.api_records
            together = _speed(bench, api, _LIMIT)
            api.applications = max(bench.scale.api_records // _LIMIT, 2)
            one = _speed(bench, api, 1)
            ours.append(together / one)
            alone.append(one)
    return Result(
        figure="api_latency_hidden",
        unit="times",
        ours=statistics.median(ours),
        target=_TARGET,
        better="higher",
        runs=ours,
        note=(
            f"{bench.scale.api_records:,} applications of OS2iot, each by its id, with {_LIMIT} requests at once, "
            f"over those read one at a time ({statistics.median(alone):.1f} a second). The server counts the requests "
            f"that it has at once: never more than {_LIMIT}, or this figure is not measured."
        ),
    )


def _speed(bench: Bench, api: SlowApi, limit: int) -> float:
    api.reset()
    said = json.loads(bench.run_module("bench.ours.read_api", api.url, str(limit)).output)
    if said["records"] != api.applications:
        raise MeasurementError(f"{said['records']} of {api.applications} records were read.")
    if api.most > limit:
        raise MeasurementError(f"{api.most} requests were in flight at once, and {limit} may be.")
    return float(said["records"]) / float(said["seconds"])
