"""The handlers on ports in memory, called with the sample events."""

import importlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_socket import disable_socket, enable_socket
from tests.fake_schedules import MemoryScheduler
from tests.fake_uploads import MemoryUploadParts
from tests.fakes import FakeTokens, MemoryApiKeys
from tests.unit.services.exports import Product
from tests.unit.services.import_jobs import Importing

from waybill.domain.catalog import Catalog
from waybill.domain.import_limits import ImportLimits
from waybill.entry import event, http, import_task, task
from waybill.entry.observability import logger
from waybill.ports import Staging

EVENTS = Path(__file__).parents[2] / "events"

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Product:
    """A product in memory, wired to the handlers."""
    made = Product()
    settings = SimpleNamespace(
        tenant_claim="sub",
        scope_prefix="waybill/",
        download_url_lifetime=timedelta(seconds=300),
        metalink_url_lifetime=timedelta(hours=1),
        link_api_url="https://links.invalid",
        quota=made.limits,
        event_sources=("shop.example",),
        webhook_allow_private=False,
        least_between_runs=timedelta(hours=1),
        time_zone="Europe/Paris",
        max_range_days=0,
        qiscus_max_range_days=30,
        import_limits=ImportLimits(input_bytes=1 << 30, uploads=3),
        max_running_imports=2,
        import_allow_private=False,
    )
    importing = Importing(archives=made.archives, clock=made.clock, metrics=made.metrics)

    class Wiring(SimpleNamespace):
        @property
        def catalog(self) -> Catalog:
            return made.catalog

        def sources(self, catalog: Catalog, staging: Staging | None = None) -> object:
            return made.sources

    wiring = Wiring(
        settings=settings,
        clock=made.clock,
        metrics=made.metrics,
        jobs=made.jobs,
        chains=made.chains,
        archives=made.archives,
        signer=made.signer,
        workflow=made.workflow,
        schedules=made.schedules,
        scheduler=MemoryScheduler(),
        api_keys=MemoryApiKeys(),
        tokens=FakeTokens(),
        bucket=lambda name: made.files,
        bus=made.bus,
        webhooks=made.webhooks,
        webhook_workflow=made.webhook_workflow,
        webhook_client=made.webhook_client,
        upload_parts=MemoryUploadParts(made.archives),
        imports=importing.imports,
        import_workflow=importing.workflow,
        uploads=importing.uploads,
        importing=importing,
    )
    made.schedules.stored.clear()
    made.wiring = wiring
    monkeypatch.setattr(http, "wiring", lambda: wiring)
    monkeypatch.setattr(task, "wiring", lambda: wiring)
    monkeypatch.setattr(import_task, "wiring", lambda: wiring)
    monkeypatch.setattr(event, "wiring", lambda: wiring)
    return made


@pytest.fixture
def world(product: Product) -> Importing:
    """The imports that the handlers have, in memory."""
    importing: Importing = product.wiring.importing
    return importing


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the handlers write into their log from now on. Their logger keeps the stream that it was made with."""
    written = io.StringIO()
    monkeypatch.setattr(logger().registered_handler, "stream", written)
    return written


def sample(kind: str, name: str) -> dict[str, Any]:
    """A sample event."""
    return dict(json.loads((EVENTS / kind / f"{name}.json").read_text()))


@pytest.fixture
def invoke(product: Product) -> Invoke:
    """Call a handler with its sample event, changed by ``change``."""

    def call(kind: str, name: str, change: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
        event = sample(kind, name)
        if change is not None:
            change(event)
        context = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: 900_000)
        return dict(importlib.import_module(f"{name}.app").handler(event, context))

    return call
