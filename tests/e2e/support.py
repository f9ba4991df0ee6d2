"""What the fixtures of the end-to-end tests give."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import checks
from local.aws import Aws
from local.deployment import STACK_NAME
from local.exports_api import ExportsApi
from local.paths import STATE


@dataclass(frozen=True)
class Tenant:
    """A signed-in user with the API in their name."""

    id: str
    api: ExportsApi


@dataclass(frozen=True)
class Unpacked:
    """A finished export that was downloaded, unpacked and checked."""

    export: dict[str, Any]
    manifest: dict[str, Any]
    archives: list[Path]
    bags: list[Path]
    faults: list[str]

    @property
    def digests(self) -> list[str]:
        """The parts' SHA-256, in order."""
        return [part["sha256"] for part in self.manifest["parts"]]

    def records(self, doctype: str) -> list[bytes]:
        """The records of a doctype as they lie in the archive."""
        return list(checks.record_lines(self.bags, doctype))


@contextmanager
def reconfigured(aws: Aws, function: str, **variables: str) -> Iterator[None]:
    """Give a deployed function other environment variables, as a deployment with other parameters does, and undo it."""
    found = aws.cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=function)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    before = aws.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    aws.functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        aws.functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def workers(function: str) -> list[int]:
    """Return the processes of this checkout's engine that run ``function``."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listing.stdout.splitlines()]
    return [int(pid) for pid, args in lines if str(STATE) in args and f"-{function}-" in args]
