"""What every figure gets to measure with."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bench import measure
from bench.measure import Usage
from bench.server import S3Server
from bench.staging import Staged
from bench.transport import CountingProxy
from waybill.domain.options import MEBIBYTE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much data the figures use."""

    small_objects: int
    medium_objects: int
    large_files: int
    pages: int
    records: tuple[int, ...]
    parts_sizes: tuple[int, ...]
    file_bytes: int
    input_gibibytes: tuple[int, ...]
    profile_files: int
    planned_gibibytes: tuple[int, ...]
    api_records: int
    table_rows: int
    read_rows: tuple[int, ...]


FULL = Scale(
    small_objects=2_000,
    medium_objects=200,
    large_files=12,
    pages=40,
    records=(10_000, 100_000, 1_000_000),
    parts_sizes=(16 * MEBIBYTE, 128 * MEBIBYTE, 512 * MEBIBYTE),
    file_bytes=512 * MEBIBYTE,
    input_gibibytes=(1, 8, 64),
    profile_files=300,
    planned_gibibytes=(1, 40),
    api_records=640,
    table_rows=1_000_000,
    read_rows=(10_000, 500_000, 5_000_000),
)
SMALL = Scale(
    small_objects=100,
    medium_objects=4,
    large_files=2,
    pages=4,
    records=(1_000, 10_000),
    parts_sizes=(4 * MEBIBYTE, 16 * MEBIBYTE),
    file_bytes=16 * MEBIBYTE,
    input_gibibytes=(1, 2),
    profile_files=20,
    planned_gibibytes=(1, 2),
    api_records=64,
    table_rows=10_000,
    read_rows=(1_000, 20_000),
)
"""Shows that everything works; its numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmarks.

    ``bin`` holds the programs that are measured, ``state`` is where they may write, ``staged`` is what they
    import from. ``proxy`` stands in front of ``s3`` for programs that are counted; those that are timed go past it.
    """

    s3: S3Server
    proxy: CountingProxy
    bin: Path
    state: Path
    staged: Staged
    scale: Scale
    runs: int
    _known: dict[Callable[["Bench"], Any], Future[Any]] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The interpreter with the product's libraries and the peers, and nothing else."""
        return self.bin / "python"

    @property
    def counted_s3(self) -> S3Server:
        """The same server, reached through the proxy."""
        return S3Server(self.proxy.endpoint)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the whole environment of a measured program."""
        return {
            "PATH": f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.state),
            "TMPDIR": str(self.state),
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
            "PYTHONPATH": os.pathsep.join(map(str, self.staged.python_path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.s3.environment,
            **more,
        }

    def run_module(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        longest: float = measure.LONGEST_SECONDS,
    ) -> Usage:
        """Run a module in a fresh process, with ``env`` on top of ``environment``.

        Raises MeasurementError if it fails or takes more than ``longest`` seconds.
        """
        command: list[str | Path] = [self.python, "-m", module, *arguments]
        return measure.run(command, env=self.environment(**(env or {})), cwd=self.state, longest=longest)

    def once(self, measurement: Callable[["Bench"], T]) -> T:
        """Return what ``measurement`` gives for this run; several figures may ask. That it failed is kept as well."""
        if measurement not in self._known:
            outcome: Future[T] = Future()
            try:
                outcome.set_result(measurement(self))
            except Exception as error:
                outcome.set_exception(error)
            self._known[measurement] = outcome
        found: T = self._known[measurement].result()
        return found
