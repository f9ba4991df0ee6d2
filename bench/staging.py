"""The code that measured programs run: the layers as `sam build` makes them, the functions, and the bench itself."""

import compileall
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.paths import ROOT

from bench.measure import MeasurementError

_LAYERS = {
    "dependencies": "build-DependenciesLayer",
    "postgres_client": "build-PostgresClientLayer",
    "waybill": "build-WaybillLayer",
    "catalog": "build-CatalogLayer",
}


@dataclass(frozen=True, slots=True)
class Staged:
    """Where measured programs import from, and whether the layers came with bytecode."""

    python_path: tuple[Path, ...]
    bytecode: bool


def stage(target: Path, python: Path) -> Staged:
    """Build everything for the interpreter ``python`` under ``target``. Raises MeasurementError.

    Nothing is compiled in the layers that their own build does not compile, because Lambda cannot write there either.
    """
    shutil.rmtree(target, ignore_errors=True)
    layers = [_layer(name, rule, target / name, python) for name, rule in _LAYERS.items()]
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions", target / "functions", ignore=skip)
    for name in ("bench", "local"):
        shutil.copytree(ROOT / name, target / "code" / name, ignore=skip)
    if not compileall.compile_dir(target / "code", quiet=1):
        raise MeasurementError(f"The copy of the bench in {target} does not compile.")
    bytecode = any(next(layer.rglob("*.pyc"), None) for layer in layers)
    return Staged((target / "code", target / "functions", *layers), bytecode)


def _layer(name: str, rule: str, target: Path, python: Path) -> Path:
    """Build a layer for this machine and return its folder of packages."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    host = {"WAYBILL_LAYER_PYTHON": str(python), "WAYBILL_LAYER_PLATFORM": "host"}
    done = subprocess.run(
        ["make", "--silent", "--directory", str(ROOT / "layers" / name), rule, f"ARTIFACTS_DIR={target}"],
        env={**os.environ, **host, "PATH": tools},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"The layer {name} could not be built:\n{done.stderr.strip()}")
    return target / "python"
