"""Other systems leave as `make demo SYSTEM=…` shows it: a stack of their own, with IAM enforced, on their stand-ins."""

import os
import subprocess
import sys

import pytest
from local.paths import ROOT

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ("os2iot", "os2iot.iot-devices                 237       237         0"),
        ("uforge", "(files)                             17        16         0         1"),
        ("cozy", "(files)                             28        28         0"),
        ("qiscus", "qiscus.comments                    300       300         0"),
        ("postgres", "(files)                              1         1         0         0"),
    ],
)
def test_a_system_leaves_from_end_to_end(system: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.demo", "zip"],
        cwd=ROOT,
        env=os.environ | {"WAYBILL_SYSTEM": system},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert line in done.stdout
    assert "Left out as secrets: **.OTAAapplicationKey" in done.stdout or system != "os2iot"
    assert "Every check passed" in done.stdout


def test_a_system_gets_back_what_a_deleted_export_holds_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.leave_tickets"],
        cwd=ROOT,
        env=os.environ | {"WAYBILL_SYSTEM": "uforge"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "settled" in done.stdout
