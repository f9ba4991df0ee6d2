"""A Lambda that dies half way is run again, and the export is byte for byte what it would have been.

The engine runs functions as processes of this machine; here they are killed while they work, as a machine that fails
would end them. Lambda reports that as ``Runtime.ExitError``, and so does the engine.
"""

import os
import signal
import time
from collections.abc import Callable

import pytest
from tests.e2e.support import Tenant, Unpacked, workers

pytestmark = pytest.mark.e2e

_PARTS_SIZE = 4_000_000
_TRIES = 6


def test_reader_that_dies_is_run_again(owner: Tenant, owner_export: Unpacked, fetch: Callable[..., Unpacked]) -> None:
    export = fetch(owner, _disturbed(owner, "ReadChunkFunction", lowest=1, highest=49))
    assert export.faults == []
    assert export.digests == owner_export.digests


def test_packer_that_dies_is_run_again(owner: Tenant, fetch: Callable[..., Unpacked]) -> None:
    export = fetch(owner, _disturbed(owner, "PackPartFunction", lowest=51, highest=98, parts_size=_PARTS_SIZE))
    undisturbed = fetch(owner, owner.api.create(parts_size=_PARTS_SIZE)["id"])
    assert export.faults == []
    assert len(export.digests) > 10
    assert export.digests == undisturbed.digests


def _disturbed(tenant: Tenant, function: str, *, lowest: int, highest: int, **options: object) -> str:
    """Return an export whose workers of ``function`` were killed at a progress in the given range.

    A machine may be too fast for one try: an export that got further before it was caught is left alone.
    """
    for _ in range(_TRIES):
        export_id = str(tenant.api.create(**options)["id"])
        if _killed(tenant, export_id, function, lowest=lowest, highest=highest):
            return export_id
    pytest.fail(f"{function} could not be caught between {lowest} and {highest} % in {_TRIES} exports.")


def _killed(tenant: Tenant, export_id: str, function: str, *, lowest: int, highest: int) -> bool:
    """Kill the workers of ``function`` as soon as the progress is in the range; say whether it came to that."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        export = tenant.api.get(export_id)
        percentage = export["meta"].get("progress", {}).get("percentage", 0)
        if export["attributes"]["state"] != "exporting" or percentage > highest:
            return False
        if percentage >= lowest and (found := workers(function)):
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            return True
        time.sleep(0.02)
    return False
