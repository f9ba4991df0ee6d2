"""Virtual environments of their own, because each pins libraries that the product uses in other versions."""

import hashlib
import subprocess
import sys
from pathlib import Path

from local.errors import LocalError
from local.paths import BENCH_VENV, ENGINE_VENV, LAMBDA_VENV, REQUIREMENTS, SAM_VENV

_STAMP = "made-from.sha256"


def engine_python() -> Path:
    """Return the interpreter that runs the engine."""
    return _ready(ENGINE_VENV, REQUIREMENTS / "local.txt") / "python"


def lambda_python() -> Path:
    """Return the interpreter that runs the functions: it has what Lambda's runtime has, and no more."""
    return _ready(LAMBDA_VENV, REQUIREMENTS / "lambda.txt") / "python"


def sam_bin() -> Path:
    """Return the directory that holds ``sam`` and the ``uv`` that the layers are built with."""
    return _ready(SAM_VENV, REQUIREMENTS / "sam.txt")


def bench_bin() -> Path:
    """Return the directory that holds what the benchmarks run: an S3 server, the peers, and the product's libraries."""
    return _ready(BENCH_VENV, REQUIREMENTS / "bench.txt")


def _ready(venv: Path, lock: Path) -> Path:
    """Make or update ``venv`` from ``lock`` unless it was made from exactly this lock, and return its ``bin``."""
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    stamp = venv / _STAMP
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        print(f"Installing {lock.name} into {venv.name} …", flush=True)
        uv = Path(sys.executable).parent / "uv"
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], venv)
        sync: list[Path | str] = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"]
        _run([*sync, "--python", venv / "bin" / "python", lock], venv)
        stamp.write_text(wanted, encoding="ascii")
    return venv / "bin"


def _run(command: list[Path | str], venv: Path) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"The virtual environment {venv} could not be made:\n{done.stderr.strip()}")
