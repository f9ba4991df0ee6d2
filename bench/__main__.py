"""``python -m bench``: run the benchmarks, in the checkout and without being installed."""

import sys

from local.errors import run
from local.paths import ROOT

sys.path.insert(0, str(ROOT / "layers" / "waybill" / "python"))

from bench.cli import main

run(main)
