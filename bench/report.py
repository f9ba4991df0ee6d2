"""What a benchmark says: one JSON object a line."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Result:
    """One figure of one run.

    ``ours`` is what counts against ``target``; ``runs`` are the single values behind it, in the order in which they
    were measured. ``peers`` maps a peer's name to its value in the same unit. ``note`` says how ``ours`` comes from
    ``runs``, and everything without which the numbers would say more than was measured. ``provided`` is whether a
    condition that the target has besides its number holds; the note says which.
    """

    figure: str
    unit: str
    ours: float
    target: float
    better: Literal["lower", "higher"]
    runs: Sequence[float]
    note: str
    peers: Mapping[str, float] = field(default_factory=dict)
    provided: bool = True

    @property
    def met(self) -> bool:
        """Whether ``ours`` reaches the target, and what the target is tied to holds."""
        return self.provided and self._reached

    @property
    def _reached(self) -> bool:
        return self.ours <= self.target if self.better == "lower" else self.ours >= self.target

    def line(self) -> str:
        """Return the figure as one line of JSON, numbers rounded to four significant digits."""
        return json.dumps(
            {
                "figure": self.figure,
                "unit": self.unit,
                "ours": rounded(self.ours),
                "target": self.target,
                "better": self.better,
                "met": self.met,
                "peers": {name: rounded(value) for name, value in self.peers.items()},
                "runs": [rounded(value) for value in self.runs],
                "note": self.note,
            },
            ensure_ascii=False,
        )


def rounded(value: float) -> float:
    """Return a number with four significant digits; more would pretend a precision that no run has."""
    return float(f"{value:.{_DIGITS}g}")
