"""Patch 5: functions run on an interpreter that has what Lambda's Python runtime has, boto3, and nothing else.

The stock engine runs them on its own interpreter, whose libraries hide that a layer misses one.
"""

from pathlib import Path

from ministack.core import lambda_runtime

from local.engine.guard import check_source


def apply(python: Path) -> None:
    """Run Python functions with the interpreter ``python``."""
    check_source(lambda_runtime._detect_runtime_binary, "222e200df2c093f8")
    stock = lambda_runtime._detect_runtime_binary

    def detect(runtime: str) -> tuple[str, str]:
        binary, script = stock(runtime)
        return (str(python) if runtime.startswith("python") else binary), script

    lambda_runtime._detect_runtime_binary = detect
