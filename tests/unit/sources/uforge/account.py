"""One account of the stand-in, and the sources of its doctypes, without a network."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import FakeBudget, FakeClock, MemoryObjects
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.systems.uforge.faults import Fault
from tests.systems.uforge.server import UForge

from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.errors import SourceNotReady
from waybill.domain.plan import Shard
from waybill.ports import Source, SourceItem
from waybill.services.export_staging import ExportStaging
from waybill.sources.system import Tools
from waybill.sources.uforge import SECRETS, UFORGE

EXPORT = "e" * 32
URL = "https://uforge.example.org/api"
BY_PASSWORD = {"login": "bob", "password": "s3cret: ünd"}
BY_KEYS = {"login": "bob", "api_key": "PUB", "secret_key": "SEC"}
OPTIONS = {"user": "", "output_format": "yaml", "archive_minutes": "60", "tickets": "2"}


@dataclass
class Account:
    """The stand-in, and what reads it. ``archives`` is the bucket of the archives."""

    uforge: UForge = field(default_factory=UForge)
    secret: Mapping[str, str] = field(default_factory=lambda: BY_PASSWORD)
    changed: Mapping[str, str] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    clock: FakeClock = field(default_factory=FakeClock)
    time: FakeTime = field(default_factory=FakeTime)
    url: str = URL

    def __post_init__(self) -> None:
        self.uforge.now = self.clock
        self.api = FakeApi(self.uforge)

    def fault(self, match: str, what: str, **more: Any) -> None:
        """Let something go wrong from now on."""
        self.uforge.faults.append(Fault(match, what, **more))

    def staging(self) -> ExportStaging:
        """What one call has of the export's staging."""
        return ExportStaging(self.archives, EXPORT, call=FakeBudget(), enough=FakeBudget())

    def source(self, collection: str, *, fetches: bool | None = None, shards: int = 1, secrets: bool = False) -> Source:
        """The source of a doctype, as a call makes it."""
        source = SystemSource(
            kind="uforge",
            name="uforge",
            url=self.url,
            secret="uforge-secret",
            tenants=("acme",),
            requests=4,
            options=tuple((OPTIONS | dict(self.options)).items()),
        )
        doctype = Doctype(
            f"uforge.{collection}",
            source,
            "{}",
            leave_out=() if secrets else SECRETS,
            shards=shards,
            fetches_files=UFORGE.collections[collection].has_files if fetches is None else fetches,
        )
        vault = FakeSecrets({"uforge-secret": json.dumps(self.secret)})
        if self.changed is not None:
            vault.get("uforge-secret")
            vault.change("uforge-secret", json.dumps(self.changed))
        tools = Tools(self.api, vault, self.time.timing(), self.staging(), self.clock)
        return UFORGE.opened(source, tools)(doctype)

    def read(
        self, collection: str, shard: Shard | None = None, after: str | None = None, **kind: Any
    ) -> list[SourceItem]:
        """Read in one call."""
        given = self.source(collection, **kind).read(
            tenant="acme", shard=shard or Shard(0, f"uforge.{collection}"), after=after
        )
        return list(given)

    def read_waiting(self, collection: str) -> tuple[list[SourceItem], int]:
        """Read as often as the source wants to be waited for, more and more rarely, as the state machine does.

        Return what the last call gave, and how many waits there were.
        """
        waits = 0
        while True:
            try:
                return self.read(collection), waits
            except SourceNotReady as error:
                waits += 1
                assert waits < 50
                self.clock.advance(seconds=max(error.seconds, 10 * waits))

    def debts(self) -> list[str]:
        """The keys of the debts that are noted."""
        return [key for key in self.archives.objects if key.startswith("debts/")]

    def content(self, item: SourceItem) -> bytes:
        """What was fetched for an item."""
        assert item.file is not None
        return self.archives.objects[item.file.key]


def records(items: list[SourceItem]) -> Iterator[dict[str, Any]]:
    """The records that were given."""
    return (json.loads(item.line) for item in items if item.line is not None)
