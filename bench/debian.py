"""Programs that come from Debian."""

import os
import shutil
import subprocess

_WITHOUT_QUESTIONS = {"DEBIAN_FRONTEND": "noninteractive"}


def program(name: str) -> tuple[str | None, str]:
    """Return where a program is, and why it is missing, as a sentence, if it is.

    A machine that lacks it gets the package of the same name, if it has apt-get and we may use it.
    """
    path = shutil.which(name)
    if path:
        return path, ""
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        return None, f"There is no {name} on this machine, and no apt-get that this user may use."
    said = ""
    for command in (["install"], ["update"], ["install"]):  # the lists of packages may be missing or old
        packages = ["--no-install-recommends", name] if command == ["install"] else []
        done = subprocess.run(
            [apt, "--yes", "--quiet", *command, *packages],
            env={**os.environ, **_WITHOUT_QUESTIONS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        if path := shutil.which(name):
            return path, ""
    return None, f"There is no {name} on this machine, and apt-get did not bring it: {said}"
