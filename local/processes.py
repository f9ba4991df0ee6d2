"""Starting and stopping the engine with everything that it starts, found again after a crash by a file."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

_GRACE_SECONDS = 5.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""What this very process has started, to collect its exit when it is stopped from here."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def start(command: list[str], *, cwd: Path, env: Mapping[str, str], log: Path, note: Path) -> subprocess.Popen[bytes]:
    """Start ``command`` as the leader of a process group of its own and write into ``note`` what ``stop`` needs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    note.write_text(json.dumps({"group": process.pid}), encoding="ascii")
    return process


def stop(note: Path, *, mark: str) -> bool:
    """Stop the group that ``note`` names; return whether anything ran.

    Only processes of that group whose command line holds ``mark`` count as ours: the number may have been given to
    somebody else since.
    """
    if not note.exists():
        return False
    group = int(json.loads(note.read_text(encoding="ascii"))["group"])
    ran = bool(members(group, mark))
    if ran:
        _signal(group, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while members(group, mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        if members(group, mark):
            _signal(group, signal.SIGKILL)
    child = _children.pop(group, None)
    if child is not None:
        child.wait()
    note.unlink(missing_ok=True)
    return ran


def members(group: int, mark: str) -> list[int]:
    """Return the living processes of a group whose command line holds ``mark``."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    found = []
    for line in listing.splitlines():
        pid, pgid, state, arguments = line.split(None, 3)
        if int(pgid) == group and not state.startswith("Z") and mark in arguments:
            found.append(int(pid))
    return found


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
