"""Each step's Lambda is killed in turn until the export fails; retried, it is byte for byte what it would have been."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from local.demo_data import people
from local.demo_data.library import Library, LibrarySize
from tests.e2e.support import Tenant, Unpacked, workers

pytestmark = pytest.mark.e2e

_PARTS_SIZE = 40_000
_SIZE = LibrarySize(albums=1, photos=2, documents=10, largest=())


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    items = list(Library("retry", _SIZE).items())
    records = [*people.contacts("retry", 400), *(item.record for item in items)]
    return new_tenant("retry", records, [item.file for item in items if item.file])


@pytest.fixture(scope="module")
def undisturbed(tenant: Tenant, fetch: Callable[..., Unpacked]) -> Unpacked:
    return fetch(tenant, tenant.api.create(parts_size=_PARTS_SIZE)["id"])


@contextmanager
def killing(function: str) -> Iterator[None]:
    """Kill every process of a function as soon as it is there, also those that wait for work."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            for pid in workers(function):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("step", ["PlanExport", "ReadChunk", "PlanParts", "PackPart", "FinishExport"])
def test_a_failed_export_goes_on_when_it_is_retried(
    tenant: Tenant, undisturbed: Unpacked, fetch: Callable[..., Unpacked], step: str
) -> None:
    with killing(f"{step}Function"):
        export_id = tenant.api.create(parts_size=_PARTS_SIZE)["id"]
        failed = tenant.api.finished(export_id, seconds=240)
    assert failed["attributes"]["state"] == "error"
    assert "Retry the export" in failed["attributes"]["error"]

    answer = tenant.api.call("POST", f"/move/exports/{export_id}/retry")

    assert answer.status == 202
    assert answer.document["data"]["attributes"]["state"] == "exporting"
    export = fetch(tenant, export_id)
    assert export.faults == []
    assert len(export.digests) > 2
    assert export.digests == undisturbed.digests


def test_an_export_that_has_not_failed_stays_as_it_is(tenant: Tenant, undisturbed: Unpacked) -> None:
    export_id = undisturbed.export["id"]

    answer = tenant.api.call("POST", f"/move/exports/{export_id}/retry")

    assert (answer.status, answer.document["errors"][0]["code"]) == (409, "export_not_failed")
    assert tenant.api.get(export_id) == undisturbed.export


def test_another_tenants_export_is_not_found(undisturbed: Unpacked, stranger: Tenant) -> None:
    assert stranger.api.call("POST", f"/move/exports/{undisturbed.export['id']}/retry").status == 404
