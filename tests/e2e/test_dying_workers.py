"""A Lambda that dies half way is run again, and the export is byte for byte what it would have been.

The engine runs functions as processes of this machine; here they are killed while they work, as a machine that fails
would end them. Lambda reports that as ``Runtime.ExitError``, and so does the engine.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from local.paths import STATE
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_PARTS_SIZE = 4_000_000


def test_reader_that_dies_is_run_again(owner: Tenant, owner_export: Unpacked, fetch: Callable[..., Unpacked]) -> None:
    export_id = owner.api.create()["id"]
    _kill_while(owner, export_id, "ReadChunkFunction", lowest=1, highest=49)
    export = fetch(owner, export_id)
    assert export.faults == []
    assert export.digests == owner_export.digests


def test_packer_that_dies_is_run_again(owner: Tenant, fetch: Callable[..., Unpacked]) -> None:
    export_id = owner.api.create(parts_size=_PARTS_SIZE)["id"]
    _kill_while(owner, export_id, "PackPartFunction", lowest=51, highest=98)
    export = fetch(owner, export_id)
    undisturbed = fetch(owner, owner.api.create(parts_size=_PARTS_SIZE)["id"])
    assert export.faults == []
    assert len(export.digests) > 10
    assert export.digests == undisturbed.digests


def _kill_while(tenant: Tenant, export_id: str, function: str, *, lowest: int, highest: int) -> None:
    """Kill every worker of ``function`` as soon as the export's progress lies in the given range."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        export = tenant.api.get(export_id)
        percentage = export["meta"].get("progress", {}).get("percentage", 0)
        if export["attributes"]["state"] != "exporting" or percentage > highest:
            pytest.fail(f"{function} was done before it could be killed ({percentage} %).")
        if percentage >= lowest and (workers := _workers(function)):
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.02)
    pytest.fail(f"{function} did not come as far as {lowest} %.")


def _workers(function: str) -> list[int]:
    """Return the processes of this checkout's engine that run ``function``."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listing.stdout.splitlines()]
    return [int(pid) for pid, args in lines if str(STATE) in args and f"-{function}-" in args]
