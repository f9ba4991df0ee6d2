"""A peer that Debian has is installed where that is possible; else it is said why it is missing."""

import os
from pathlib import Path

import pytest
from bench.debian import program

INSTALLS = '[ "$3" = update ] || { printf "#!/bin/sh\\n" > "$HERE/pigz"; chmod +x "$HERE/pigz"; }'
ONLY_AFTER_UPDATE = (
    'if [ "$3" = update ]; then touch "$HERE/lists"; elif [ -e "$HERE/lists" ]; then '
    'cp "$HERE/apt-get" "$HERE/pigz"; else echo "E: Unable to locate package pigz" >&2; exit 100; fi'
)
REFUSES = 'echo "Reading lists" >&2; echo "E: Unable to locate package pigz" >&2; exit 100'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all programs of the machine."""
    for tool in ("touch", "chmod", "cp"):
        (tmp_path / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def apt_get(machine: Path, script: str) -> None:
    file = machine / "apt-get"
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def test_a_program_that_is_there_is_taken(machine: Path) -> None:
    assert program("touch") == (str(machine / "touch"), "")


@pytest.mark.parametrize("script", [INSTALLS, ONLY_AFTER_UPDATE])
def test_a_missing_program_is_installed(machine: Path, script: str) -> None:
    apt_get(machine, script)
    assert program("pigz") == (str(machine / "pigz"), "")


def test_what_apt_get_says_last_is_told(machine: Path) -> None:
    apt_get(machine, REFUSES)
    path, why = program("pigz")
    assert path is None
    assert why.endswith("did not bring it: E: Unable to locate package pigz")


def test_nobody_else_is_asked_to_install(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get(machine, INSTALLS)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    path, why = program("pigz")
    assert path is None
    assert "no apt-get that this user may use" in why
    assert not (machine / "pigz").exists()
