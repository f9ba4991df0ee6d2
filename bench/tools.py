"""The programs that pack the objects of a bucket: Waybill's and the peers that this machine can run."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from local.paths import ROOT

from bench.debian import program
from bench.deployed import allocator_settings

OURS = "waybill"
_S3_ZIP = ROOT / "bench" / "peers" / "s3_zip"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that is called with BUCKET PREFIX KEY.

    ``extension`` is the ending of KEY, by which the programs know what to make. ``idle`` is a program in the same
    interpreter that does nothing; its processor time is not counted as the tool's.
    """

    name: str
    command: tuple[str | Path, ...]
    idle: tuple[str | Path, ...]
    extension: str
    env: dict[str, str] = field(default_factory=dict)


class Tools(NamedTuple):
    """Waybill, the peers that can run here and, as sentences, which are absent or have a part replaced."""

    ours: Tool
    peers: list[Tool]
    remarks: list[str]


def for_compressed(python: Path, state: Path) -> Tools:
    """Return the tools that make a tar.gz, and those that can make only a deflated zip instead."""
    pigz, without_pigz = program("pigz")
    remarks = [f"{without_pigz} So s5cmd's pipe has gzip."] if without_pigz else []
    s5cmd = _s5cmd(f"s5cmd + tar + {'pigz' if pigz else 'gzip'} -1", python, "tar.gz")
    tools = [
        replace(s5cmd, env={**s5cmd.env, "GZIP_PROGRAM": pigz or "gzip"}),
        *_python_peers(python, "tar.gz"),
        *_python_peers(python, "zip"),
        *_s3_zip(state, "tar.gz", remarks),
    ]
    return Tools(_waybill(python, "tar.gz"), tools, remarks)


def for_stored(python: Path, state: Path, extension: str) -> Tools:
    """Return the tools that make a ``tar`` or a ``zip`` without compressing, as far as they leave the choice."""
    remarks: list[str] = []
    s5cmd = [_s5cmd("s5cmd + tar", python, extension)] if extension == "tar" else []
    peers = [*s5cmd, *_python_peers(python, extension), *_s3_zip(state, extension, remarks)]
    return Tools(
        _waybill(python, extension), [replace(peer, env={**peer.env, "STORED": "1"}) for peer in peers], remarks
    )


def _waybill(python: Path, extension: str) -> Tool:
    """Return Waybill's own packing path."""
    return replace(_python_tool(OURS, python, "bench.ours.pack_objects", extension), env=allocator_settings())


def _python_peers(python: Path, extension: str) -> list[Tool]:
    peers = (
        {"zipstream-ng + boto3 (zip)": "zipstream_ng", "stream-zip + boto3 (zip)": "stream_zip"}
        if extension == "zip"
        else {"s3-tar": "s3_tar", "tarfile + smart_open": "tarfile_smart_open"}
    )
    return [_python_tool(name, python, f"bench.peers.{module}", extension) for name, module in peers.items()]


def _python_tool(name: str, python: Path, module: str, extension: str) -> Tool:
    return Tool(name, (python, "-m", module), (python, "-c", "pass"), extension)


def _s5cmd(name: str, python: Path, extension: str) -> Tool:
    """Call the binary of the package s5cmd by itself: its launcher would cost a Python process each time."""
    folder = next((python.parent.parent / "lib").glob("python*/site-packages/s5cmd/bin"))
    env = {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return Tool(name, ("/bin/sh", ROOT / "bench" / "peers" / "s5cmd_tar.sh"), ("/bin/sh", "-c", ":"), extension, env)


def _s3_zip(state: Path, extension: str, remarks: list[str]) -> list[Tool]:
    """Return s3-zip, or nothing and a remark why not."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        remarks.append("No node and npm on this machine, so s3-zip is absent.")
    elif failure := _install_s3_zip(npm, state / "s3-zip"):
        remarks.append(f"npm could not install s3-zip, so it is absent: {failure}")
    else:
        return [Tool("s3-zip", (node, state / "s3-zip" / "pack.js"), (node, "-e", "0"), extension)]
    return []


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
