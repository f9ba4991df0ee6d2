"""docs/performance.md and the figures name each other."""

import re
from pathlib import Path

from bench.figures import FIGURES

DOCUMENT = Path(__file__).parents[3] / "docs" / "performance.md"


def test_every_figure_is_documented_and_every_documented_one_exists() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## The figures\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(FIGURES)
