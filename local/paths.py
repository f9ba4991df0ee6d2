"""Where things lie in this checkout. All state of the local stack is under ``.local/``."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local"
STACK_FILE = STATE / "stack.json"
LOGS = STATE / "logs"
BUILD = STATE / "build"
OUT = ROOT / "out"
REQUIREMENTS = ROOT / "requirements"
ENGINE_VENV = STATE / "venv-aws"
BENCH_VENV = STATE / "venv-bench"
LAMBDA_VENV = STATE / "venv-lambda"
SAM_VENV = STATE / "venv-sam"
