"""Where things lie in this checkout. All state of the local stack is under ``.local/``.

With ``WAYBILL_SYSTEM`` the stack is another one, whose catalog reads that system's stand-in (``local.systems``), and
its state lies by itself, so that both can run.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local"
SYSTEM = os.environ.get("WAYBILL_SYSTEM", "")
STATE = HOME / "systems" / SYSTEM if SYSTEM else HOME
STACK_FILE = STATE / "stack.json"
LOGS = STATE / "logs"
BUILD = STATE / "build"
OUT = ROOT / "out"
REQUIREMENTS = ROOT / "requirements"
ENGINE_VENV = HOME / "venv-aws"
BENCH_VENV = HOME / "venv-bench"
LAMBDA_VENV = HOME / "venv-lambda"
SAM_VENV = HOME / "venv-sam"
