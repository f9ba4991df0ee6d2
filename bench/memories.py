"""The memory of workers over ever more data, as two figures: the largest resident set, and how it grows."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.report import Result

_TARGET_MIB = 128.0
_TARGET_GROWTH = 1.1
"""A tenth more is what the allocator may make of the same work; real growth with the data would be a multiple."""


@dataclass(slots=True)
class Memory:
    """The largest resident sets, in MiB, of all calls of every function. ``start`` is before the handler's call."""

    start: float = 0.0
    peaks: dict[str, float] = field(default_factory=dict)

    def add(self, function: str, start: float, peak: float) -> None:
        """Take in one more call."""
        self.start = max(self.start, start)
        self.peaks[function] = max(self.peaks.get(function, 0.0), peak)

    @property
    def peak(self) -> float:
        """The largest of all."""
        return max(self.peaks.values())


@dataclass(frozen=True, slots=True)
class Memories:
    """The memory for each amount of data, ascending. ``unit`` is what amounts are told in, ``how`` how it was run."""

    by_amount: Mapping[int, Memory]
    unit: str
    how: str

    def peak_result(self, figure: str) -> Result:
        """Return the largest resident set over all amounts as a figure."""
        return Result(
            figure=figure,
            unit="MiB",
            ours=max(self._peaks),
            target=_TARGET_MIB,
            better="lower",
            runs=self._peaks,
            note=f"The largest of runs. {self._about}",
        )

    def growth_result(self, figure: str) -> Result:
        """Return the last amount's peak over the first's as a figure."""
        growth = self._peaks[-1] / self._peaks[0]
        return Result(
            figure=figure,
            unit="ratio",
            ours=growth,
            target=_TARGET_GROWTH,
            better="lower",
            runs=[growth],
            note=f"The last peak over the first. {self._about}",
        )

    @property
    def _peaks(self) -> list[float]:
        return [memory.peak for memory in self.by_amount.values()]

    @property
    def _about(self) -> str:
        start = statistics.median(memory.start for memory in self.by_amount.values())
        table = "; ".join(
            f"{amount:,} {self.unit}: " + ", ".join(f"{name} {peak:.0f}" for name, peak in memory.peaks.items())
            for amount, memory in self.by_amount.items()
        )
        return (
            f"{self.how} Largest resident set in MiB, of which {start:.0f} are the interpreter and what is imported. "
            f"{table}."
        )
