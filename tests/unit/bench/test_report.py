"""A benchmark's line says everything that readers of out/bench.jsonl count on."""

import json
from typing import Any

import pytest
from bench.report import Result


def result(**changes: object) -> Result:
    given: dict[str, Any] = {
        "figure": "cpu_per_small_object",
        "unit": "ms",
        "ours": 0.81234567,
        "target": 0.8,
        "better": "lower",
        "runs": [0.80001234, 0.81234567, 0.9],
        "note": "Größe",
        "peers": {"s3-tar": 16.04321},
    }
    return Result(**{**given, **changes})


def test_line_is_one_line_of_json_with_all_fields() -> None:
    line = result().line()
    assert "\n" not in line
    assert json.loads(line) == {
        "figure": "cpu_per_small_object",
        "unit": "ms",
        "ours": 0.8123,
        "target": 0.8,
        "better": "lower",
        "met": False,
        "peers": {"s3-tar": 16.04},
        "runs": [0.8, 0.8123, 0.9],
        "note": "Größe",
    }


@pytest.mark.parametrize(
    ("better", "ours", "met"),
    [
        ("lower", 0.8, True),
        ("lower", 0.8000001, False),
        ("higher", 0.8, True),
        ("higher", 0.7999999, False),
    ],
)
def test_target_is_met_by_the_value_before_rounding(better: str, ours: float, met: bool) -> None:
    assert result(better=better, ours=ours).met is met


def test_large_numbers_keep_four_digits() -> None:
    assert json.loads(result(ours=123456.7).line())["ours"] == 123500


def test_target_is_missed_if_what_it_is_tied_to_does_not_hold() -> None:
    assert result(ours=0.7).met
    assert not result(ours=0.7, provided=False).met
