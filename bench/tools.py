"""The programs that pack small objects: Waybill's and the peers that this machine can run."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from local.paths import ROOT

from bench.deployed import allocator_settings

OURS = "waybill"
_S3_ZIP = ROOT / "bench" / "peers" / "s3_zip"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that is called with BUCKET PREFIX KEY.

    ``idle`` is a program in the same interpreter that does nothing; its processor time is not counted as the tool's.
    """

    name: str
    command: tuple[str | Path, ...]
    idle: tuple[str | Path, ...]
    extension: str = "tar.gz"
    env: dict[str, str] = field(default_factory=dict)


def waybill(python: Path) -> Tool:
    """Return Waybill's own packing path."""
    tool = _python_tool(OURS, python, "bench.ours.pack_objects")
    return replace(tool, env=allocator_settings())


def peers(python: Path, state: Path) -> tuple[list[Tool], list[str]]:
    """Return the peers that can run here and, as sentences, which are absent or have a part replaced."""
    tools = [
        _s5cmd(shutil.which("pigz"), python),
        _python_tool("s3-tar", python, "bench.peers.s3_tar"),
        _python_tool("tarfile + smart_open", python, "bench.peers.tarfile_smart_open"),
        _python_tool("zipstream-ng + boto3 (zip)", python, "bench.peers.zipstream_ng", extension="zip"),
        _python_tool("stream-zip + boto3 (zip)", python, "bench.peers.stream_zip", extension="zip"),
    ]
    remarks = [] if shutil.which("pigz") else ["No pigz on this machine, so s5cmd's pipe has gzip."]
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        remarks.append("No node and npm on this machine, so s3-zip is absent.")
    elif failure := _install_s3_zip(npm, state / "s3-zip"):
        remarks.append(f"npm could not install s3-zip, so it is absent: {failure}")
    else:
        tools.append(Tool("s3-zip", (node, state / "s3-zip" / "pack.js"), (node, "-e", "0")))
    return tools, remarks


def _python_tool(name: str, python: Path, module: str, *, extension: str = "tar.gz") -> Tool:
    return Tool(name, (python, "-m", module), (python, "-c", "pass"), extension)


def _s5cmd(pigz: str | None, python: Path) -> Tool:
    """Call the binary of the package s5cmd by itself: its launcher would cost a Python process each time."""
    name = f"s5cmd + tar + {'pigz' if pigz else 'gzip'} -1"
    folder = next((python.parent.parent / "lib").glob("python*/site-packages/s5cmd/bin"))
    env = {"GZIP_PROGRAM": pigz or "gzip", "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return Tool(name, ("/bin/sh", ROOT / "bench" / "peers" / "s5cmd_tar.sh"), ("/bin/sh", "-c", ":"), env=env)


def _install_s3_zip(npm: str, folder: Path) -> str:
    """Install s3-zip into ``folder`` in the versions of its lock file; return what went wrong."""
    shutil.copytree(_S3_ZIP, folder, dirs_exist_ok=True)
    lock, stamp = (_S3_ZIP / "package-lock.json").read_bytes(), folder / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock:
        return ""
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not done.returncode:
        stamp.write_bytes(lock)
    return done.stderr.strip() if done.returncode else ""
