"""Run one function of the workflow once, as Lambda would, and print its answer and its memory.

Arguments: FUNCTION EVENT. Prints ``answer``, ``peak_mib`` (the process's largest resident set until now) and
``start_mib`` (the same before the handler was called: the interpreter and everything imported).
"""

import importlib
import json
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_DAY_MS = 86_400_000


class _Context:
    """An invocation that has a day left."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return _DAY_MS


def main(function: str, event: str) -> None:
    """Import the function, call its handler, print."""
    handler = importlib.import_module(f"{function}.app").handler
    start = peak_mib()
    answer = handler(json.loads(event), _Context())
    print(json.dumps({"answer": answer, "start_mib": start, "peak_mib": peak_mib()}))


def peak_mib() -> float:
    """Return the largest resident set of this process so far.

    Linux keeps it by program (VmHWM); what ``getrusage`` says there may be the parent's from before the exec.
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main(*sys.argv[1:])
