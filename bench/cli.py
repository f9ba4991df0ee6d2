"""Measure and print, one JSON object a line; the same lines go to out/bench.jsonl.

A target that is missed is reported, and the exit code stays 0. It is 1 if a figure could not be measured; the other
figures are measured all the same.
"""

import argparse
import contextlib
import signal
import sys
from dataclasses import replace

from local import venvs
from local.paths import OUT, STATE

from bench.context import FULL, SMALL, Bench
from bench.exclusive import only_run
from bench.figures import FIGURES
from bench.measure import MeasurementError
from bench.server import s3_server
from bench.staging import stage
from bench.transport import counting_proxy
from waybill.domain.errors import WaybillError

_RUNS = 5
_NOT_MEASURED = "A trial on little data that measures nothing."


def main() -> None:
    """Run the figures that the command line names, or all."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    state = STATE / "bench"
    with contextlib.redirect_stdout(sys.stderr):
        binaries = venvs.bench_bin()
    small = options.scale == "small"
    OUT.mkdir(exist_ok=True)
    failed = False
    with (
        only_run(state),
        s3_server(binaries / "weed", state) as s3,
        counting_proxy(s3.endpoint) as proxy,
        (OUT / "bench.jsonl").open("w", encoding="utf-8") as lines,
    ):
        bench = Bench(
            s3=s3,
            proxy=proxy,
            bin=binaries,
            state=state,
            staged=stage(state / "staged", binaries / "python"),
            scale=SMALL if small else FULL,
            runs=options.runs,
        )
        for name in options.only or FIGURES:
            try:
                result = FIGURES[name](bench)
            except (MeasurementError, WaybillError) as error:
                print(f"{name} could not be measured. {error}", file=sys.stderr, flush=True)
                failed = True
                continue
            line = (replace(result, note=f"{_NOT_MEASURED} {result.note}") if small else result).line()
            print(line, flush=True)
            print(line, file=lines, flush=True)
    sys.exit(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="FIGURE", action="append", choices=FIGURES, help="measure only this figure")
    parser.add_argument("--runs", type=int, default=_RUNS, help=f"runs of each program, {_RUNS} by default")
    parser.add_argument("--scale", choices=("full", "small"), default="full", help="small shows only that all works")
    return parser.parse_args()
