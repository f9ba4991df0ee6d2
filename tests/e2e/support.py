"""What the fixtures of the end-to-end tests give."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import checks
from local.exports_api import ExportsApi
from local.paths import STATE


@dataclass(frozen=True)
class Tenant:
    """A signed-in user with the API in their name."""

    id: str
    api: ExportsApi


@dataclass(frozen=True)
class Unpacked:
    """A finished export that was downloaded, unpacked and checked."""

    export: dict[str, Any]
    manifest: dict[str, Any]
    archives: list[Path]
    bags: list[Path]
    faults: list[str]

    @property
    def digests(self) -> list[str]:
        """The parts' SHA-256, in order."""
        return [part["sha256"] for part in self.manifest["parts"]]

    def records(self, doctype: str) -> list[bytes]:
        """The records of a doctype as they lie in the archive."""
        return list(checks.record_lines(self.bags, doctype))


def workers(function: str) -> list[int]:
    """Return the processes of this checkout's engine that run ``function``."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listing.stdout.splitlines()]
    return [int(pid) for pid, args in lines if str(STATE) in args and f"-{function}-" in args]
