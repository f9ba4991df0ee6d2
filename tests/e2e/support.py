"""What the fixtures of the end-to-end tests give."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import checks
from local.exports_api import ExportsApi


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
