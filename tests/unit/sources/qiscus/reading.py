"""A made-up chat on Qiscus, read as the steps of an export read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from tests.fakes import FakeBudget, FakeClock, MemoryObjects
from tests.rest_fakes import FakeApi, FakeTime
from tests.systems.exchange import Asked, Told
from tests.systems.qiscus.server import APP_ID, SECRET, QiscusServer
from tests.systems.web import StandInWeb

from waybill.domain.errors import SourceNotReady
from waybill.domain.plan import Shard
from waybill.ports import SourceItem
from waybill.services.export_staging import ExportStaging
from waybill.sources.qiscus.backups import Backups
from waybill.sources.qiscus.rows import QiscusRows
from waybill.sources.qiscus.terms import Terms
from waybill.sources.rest.auth import HeaderAuth
from waybill.sources.rest.client import RestClient

EXPORT = "0" * 32
BASE = "https://api.qiscus.example/api/v2.1/rest"
SINCE = date(2025, 12, 1)
NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)


@dataclass
class Reader:
    """Reads a chat, every call with a staging and a client of its own, as a function has that was started anew."""

    server: QiscusServer
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    secret: str = SECRET
    waits: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    pace: int = 0

    def __post_init__(self) -> None:
        self.server._clock = self.clock
        self.api = FakeApi(self._answer)

    def _answer(self, asked: Asked) -> Told:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        sent = self.server.answer(asked.method, asked.target, headers, asked.body)
        return Told(sent.status, sent.bytes, sent.headers)

    def source(self, kind: str = "comments", **terms: Any) -> QiscusRows:
        headers = (("QISCUS-SDK-APP-ID", APP_ID), ("QISCUS-SDK-SECRET", self.secret))
        client = RestClient(
            "Qiscus", BASE, connect=self.api, auth=HeaderAuth(lambda _: headers), timing=FakeTime().timing()
        )
        return QiscusRows(
            Terms(f"qiscus.{kind}", kind, **{"since": SINCE, "cap": self.server.caps[kind], **terms}),
            Backups(client),
            web=StandInWeb(self.server.download),
            staging=ExportStaging(self.archives, EXPORT, call=FakeBudget(), enough=FakeBudget()),
            clock=self.clock,
        )

    def shard(self, kind: str = "comments", **terms: Any) -> Shard:
        (shard,) = self.source(kind, **terms).shards(tenant="ada", start=0)
        return shard

    def once(self, kind: str = "comments", after: str | None = None, **terms: Any) -> Iterator[SourceItem]:
        """Read until the end, or until something has to be waited for."""
        return self.source(kind, **terms).read(tenant="ada", shard=self.shard(kind, **terms), after=after)

    def read(self, kind: str = "comments", after: str | None = None, **terms: Any) -> list[SourceItem]:
        """Read all, waiting as the state machine does, and going on behind what was read until then."""
        found: list[SourceItem] = []
        for _ in range(500):
            try:
                for item in self.once(kind, found[-1].key if found else after, **terms):
                    found.append(item)  # noqa: PERF402 - what came before an error counts
            except SourceNotReady as error:
                self.waits.append(error.seconds)
                self.messages.append(str(error))
                self.clock.advance(seconds=max(error.seconds, self.pace))
            else:
                return found
        raise AssertionError("It never ends.")


def rows(items: list[SourceItem]) -> list[dict[str, Any]]:
    return [json.loads(item.line) for item in items if item.line is not None]


def gaps(items: list[SourceItem]) -> list[tuple[str, str]]:
    """Return id and code of all gaps."""
    return [(item.gap.id, item.gap.code) for item in items if item.gap is not None]
