"""Run a program in a fresh process and say what it used."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_SECONDS = 300.0
_TAIL = 2_000


class MeasurementError(Exception):
    """A figure could not be measured; the message says which program failed and what it said last."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process used from its start to its end, in seconds.

    ``cpu`` is user and system time of the process and of all its descendants that were waited for. ``output`` is what
    it wrote to its standard output.
    """

    wall: float
    cpu: float
    output: str


def run(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, longest: float = LONGEST_SECONDS) -> Usage:
    """Run ``command`` to its end with exactly the environment ``env``.

    Raises MeasurementError if it fails, also because it takes more than ``longest`` seconds and is killed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        deadline = threading.Timer(longest, _kill, [process.pid])
        deadline.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            deadline.cancel()
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said, complained = (stream.read().decode(errors="replace") for stream in (output, errors))
    if process.returncode:
        words = " ".join(str(word) for word in command)
        raise MeasurementError(f"Exit code {process.returncode} from: {words}\n{(said + complained)[-_TAIL:]}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, said)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
