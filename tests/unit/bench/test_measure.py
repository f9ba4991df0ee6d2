"""A measured program is run to its end, with its descendants, or the measurement fails."""

import sys
from pathlib import Path

import pytest
from bench import measure

BURN = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"


def test_descendants_count(tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}], check=True); print('done')"
    usage = measure.run([sys.executable, "-c", program], env={}, cwd=tmp_path)
    assert usage.cpu >= 0.2
    assert usage.output == "done\n"


def test_a_failing_program_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(measure.MeasurementError, match=r"Exit code 3 .*\n.*no such bucket"):
        measure.run([sys.executable, "-c", "import sys; print('no such bucket'); sys.exit(3)"], env={}, cwd=tmp_path)


def test_the_environment_is_what_was_given_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    program = "import os; print(os.environ.get('AWS_PROFILE'), os.environ['GIVEN'])"
    assert measure.run([sys.executable, "-c", program], env={"GIVEN": "1"}, cwd=tmp_path).output == "None 1\n"
