"""A made-up Cozy's export, read as the steps of an export read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import FakeBudget, FakeClock, MemoryObjects
from tests.systems.cozy.server import CozyServer
from tests.systems.web import StandInWeb

from waybill.domain.plan import Shard
from waybill.ports import SourceItem
from waybill.services.export_staging import ExportStaging
from waybill.sources.cozy.documents import Choice, CozyDocuments
from waybill.sources.cozy.downloads import Downloads

EXPORT = "0" * 32
ORIGIN = "https://alice.mycozy.example"
NAMED = frozenset(("io.cozy.contacts", "io.cozy.files", "io.cozy.files.versions", "my.others"))


@dataclass
class Reader:
    """Reads a Cozy, every call with a staging of its own, as a function has that was started anew."""

    server: CozyServer
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    clock: FakeClock = field(default_factory=FakeClock)
    secrets: bool = False
    named: frozenset[str] = NAMED

    def staging(self) -> ExportStaging:
        return ExportStaging(self.archives, EXPORT, call=FakeBudget(), enough=FakeBudget())

    def source(self, doctype: str, staging: ExportStaging | None = None, **choice: Any) -> CozyDocuments:
        staging = staging or self.staging()
        downloads = Downloads(
            "alice",
            lambda: self.server.link(ORIGIN),
            web=StandInWeb(self.server.answer),
            staging=staging,
            clock=self.clock,
        )
        others = doctype == "my.others"
        return CozyDocuments(
            Choice(doctype, takes_others=others, named=self.named, keeps_secrets=self.secrets, **choice),
            downloads,
            staging,
        )

    def shards(self, doctype: str, start: int = 0) -> list[Shard]:
        return self.source(doctype).shards(tenant="ada", start=start)

    def read(self, doctype: str, **choice: Any) -> list[SourceItem]:
        """Return all items of a doctype."""
        return [item for shard in self.shards(doctype) for item in self.shard(shard, **choice)]

    def shard(self, shard: Shard, after: str | None = None, **choice: Any) -> Iterator[SourceItem]:
        return self.source(shard.doctype, **choice).read(tenant="ada", shard=shard, after=after)

    def content(self, item: SourceItem) -> bytes:
        """Return the content that an item's file refers to."""
        assert item.file is not None
        assert item.file.kept
        return self.archives.objects[item.file.key]


def documents(items: list[SourceItem]) -> list[dict[str, Any]]:
    """Return the documents of items that are whole."""
    return [json.loads(item.line) for item in items if item.line is not None]


def lost(items: list[SourceItem]) -> list[tuple[str, str, str, str]]:
    """Return kind, id, outcome and code of all gaps."""
    gaps = [gap for item in items for gap in (item.gap, item.file_gap) if gap is not None]
    return [(gap.kind, gap.id, gap.outcome.value, gap.code) for gap in gaps]
