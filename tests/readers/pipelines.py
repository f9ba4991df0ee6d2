"""Run programs one behind the other, as a shell's pipe does, and let none of them fail unseen."""

import fcntl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO

from tests.readers.tools import ENVIRONMENT, Program

Command = Sequence[object]
"""A program and its arguments; a Program among them becomes its path."""

_CHUNK = 1024 * 1024


def run(*commands: Command) -> bytes:
    """Return what the last command wrote. Raises AssertionError if any of them ended with anything but 0."""
    return b"".join(stream(*commands))


def stream(*commands: Command) -> Iterator[bytes]:
    """Yield what the last command writes, as it comes. Raises AssertionError as ``run`` does, at the end."""
    with ExitStack() as stack:
        processes: list[subprocess.Popen[bytes]] = []
        complaints: list[IO[bytes]] = []
        source: IO[bytes] | int = subprocess.DEVNULL
        for command in commands:
            complaints.append(stack.enter_context(tempfile.TemporaryFile()))
            process = subprocess.Popen(
                [word.path() if isinstance(word, Program) else str(word) for word in command],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=complaints[-1],
                env=ENVIRONMENT,
            )
            processes.append(process)
            stack.callback(_end, process)
            if not isinstance(source, int):
                source.close()
            assert process.stdout is not None
            source = stack.enter_context(process.stdout)
            fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _CHUNK)
        assert not isinstance(source, int)
        while chunk := source.read(_CHUNK):
            yield chunk
        for command, process, complaint in zip(commands, processes, complaints, strict=True):
            code = process.wait()
            complaint.seek(0)
            said = complaint.read()[-500:].decode(errors="replace")
            assert code == 0, f"{_name(command)} ended with {code}: {said}"


def _name(command: Command) -> str:
    first = command[0]
    return first.command if isinstance(first, Program) else str(first)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
