"""A copy of the code with its bytecode, as it stands in a Lambda's layers, so that no run has to compile it."""

import compileall
import shutil
from pathlib import Path

from local.paths import ROOT

from bench.measure import MeasurementError

_FOLDERS = {
    "layers/waybill/python/waybill": "waybill",
    "functions": "functions",
    "bench": "bench",
    "local": "local",
    "layers/catalog": "waybill_catalog",
}


def stage(target: Path) -> list[Path]:
    """Copy everything that measured programs import to ``target`` and return what goes on PYTHONPATH."""
    shutil.rmtree(target, ignore_errors=True)
    skip = shutil.ignore_patterns("__pycache__")
    for source, name in _FOLDERS.items():
        shutil.copytree(ROOT / source, target / name, ignore=skip)
    if not compileall.compile_dir(target, quiet=1):
        raise MeasurementError(f"The copy of the code in {target} does not compile.")
    return [target, target / "functions"]
