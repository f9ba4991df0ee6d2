"""A small product in memory: a catalog, its sources, and an export taken through its steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.fake_events import FakeWebhookClient, MemoryBus, MemoryWebhooks, MemoryWebhookWorkflow
from tests.fake_schedules import MemorySchedules
from tests.fakes import (
    FakeBudget,
    FakeClock,
    FakeMetrics,
    MemoryChains,
    MemoryJobs,
    MemoryObjects,
    MemorySigner,
    MemorySource,
    MemorySources,
    MemoryWorkflow,
    etag_of,
)

from waybill.domain import keys
from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.chain import Chain
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.options import ExportOptions
from waybill.domain.plan import FileReference, ReadBatch, Work
from waybill.domain.quota import QuotaLimits
from waybill.domain.schedule import Terms, new_schedule
from waybill.ports import Budget, SourceItem, Sources, Staging
from waybill.services.create_export import create_export
from waybill.services.finish_export import finish_export
from waybill.services.pack_part import pack_part
from waybill.services.plan_export import plan_export
from waybill.services.plan_parts import plan_parts
from waybill.services.read_chunk import read_chunk

TENANT = "alice"
TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body")
CATALOG = Catalog(
    {
        "contacts": Doctype("contacts", TABLE, '{"title": "A contact"}'),
        "pictures": Doctype("pictures", FilesSource(TABLE, "files", "{tenant}/"), '{"title": "A picture"}'),
        "todos": Doctype("todos", TABLE, '{"title": "A to-do"}'),
    }
)

SCHEDULE = new_schedule(TENANT, "chained", Terms("rate(1 day)", incremental=True), FakeClock()())


def record(key: str, text: str = "") -> SourceItem:
    """A record that a source gives."""
    return SourceItem(key, line=json.dumps({"_id": key, "text": text}).encode(), updated_at=1_700_000_000)


def broken(key: str) -> SourceItem:
    """A record that cannot be read."""
    return SourceItem(key, gap=Gap("contacts", "record", key, Outcome.FAILED, "invalid_json", "It is not JSON."))


def picture(key: str, content: bytes) -> SourceItem:
    """The index record of a file with this content."""
    reference = FileReference(key, f"{key}.txt", "root", f"{TENANT}/{key}", len(content), etag_of(content))
    return SourceItem(key, line=json.dumps({"_id": key}).encode(), file=reference)


@dataclass
class Product:
    """The ports in memory, and the steps of an export upon them."""

    contacts: Sequence[SourceItem] = ()
    pictures: Sequence[SourceItem] = ()
    cut_at: Sequence[str] = ()
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    files: MemoryObjects = field(default_factory=MemoryObjects)
    signer: MemorySigner = field(default_factory=MemorySigner)
    chains: MemoryChains = field(default_factory=MemoryChains)
    schedules: MemorySchedules = field(default_factory=lambda: MemorySchedules(SCHEDULE))
    workflow: MemoryWorkflow = field(default_factory=MemoryWorkflow)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    limits: QuotaLimits = field(default_factory=lambda: QuotaLimits(running=100, per_day=1000))
    bus: MemoryBus = field(default_factory=MemoryBus)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    webhook_workflow: MemoryWebhookWorkflow = field(default_factory=MemoryWebhookWorkflow)
    webhook_client: FakeWebhookClient = field(default_factory=FakeWebhookClient)
    catalog: Catalog = CATALOG
    more_sources: Sequence[MemorySource] = ()
    wiring: Any = None

    def __post_init__(self) -> None:
        self.archives.elsewhere = lambda bucket: self.files

    @property
    def sources(self) -> MemorySources:
        """The sources with what they hold now."""
        return MemorySources(
            MemorySource("contacts", self.contacts, TENANT, self.cut_at),
            MemorySource("pictures", self.pictures, TENANT),
            MemorySource("todos", (), TENANT),
            *self.more_sources,
        )

    def sources_of(self, catalog: Catalog, staging: Staging) -> Sources:
        """The sources of a catalog, for the export that a staging belongs to."""
        return self.sources

    def create(
        self, options: ExportOptions | None = None, *, key: str | None = None, chain: Chain | None = None
    ) -> ExportJob:
        """Create an export."""
        return create_export(
            TENANT,
            options or ExportOptions(),
            idempotency_key=key,
            quota=self.limits,
            catalog=self.catalog,
            jobs=self.jobs,
            workflow=self.workflow,
            clock=self.clock,
            metrics=self.metrics,
            chain=chain,
        )

    def plan(self, job: ExportJob) -> list[ReadBatch]:
        """Run PlanExport; return the batches."""
        work = plan_export(
            TENANT,
            job.id,
            catalog=self.catalog,
            sources=self.sources_of,
            jobs=self.jobs,
            archives=self.archives,
            budget=FakeBudget(),
            clock=self.clock,
        )
        return msgspec.json.decode(self.archives.get(work.key), type=list[ReadBatch])

    def read(self, job: ExportJob, batch: ReadBatch, budget: Budget | None = None) -> bool:
        """Run ReadChunk."""
        return read_chunk(
            TENANT,
            job.id,
            batch,
            sources=self.sources_of,
            jobs=self.jobs,
            archives=self.archives,
            budget=budget or FakeBudget(),
            clock=self.clock,
            chains=self.chains,
        )

    def plan_parts(self, job: ExportJob) -> Work:
        """Run PlanParts."""
        return plan_parts(TENANT, job.id, jobs=self.jobs, archives=self.archives, clock=self.clock)

    def pack(self, job: ExportJob, number: int = 0, budget: Budget | None = None) -> bool:
        """Run PackPart."""
        return pack_part(
            TENANT,
            job.id,
            number,
            jobs=self.jobs,
            archives=self.archives,
            buckets=lambda name: self.files,
            budget=budget or FakeBudget(),
            clock=self.clock,
        )

    def finish(self, job: ExportJob) -> Work:
        """Run FinishExport."""
        return finish_export(
            TENANT,
            job.id,
            jobs=self.jobs,
            archives=self.archives,
            signer=self.signer,
            clock=self.clock,
            metrics=self.metrics,
            chains=self.chains,
            schedules=self.schedules,
        )

    def export(self, options: ExportOptions | None = None, *, chain: Chain | None = None) -> ExportJob:
        """Take an export through all its steps."""
        job = self.create(options, chain=chain)
        for batch in self.plan(job):
            assert self.read(job, batch)
        packing = self.plan_parts(job)
        for number in json.loads(self.archives.get(packing.key)):
            assert self.pack(job, number)
        assert self.finish(job).ready
        return self.jobs.get(TENANT, job.id)

    def parts(self, job: ExportJob) -> list[bytes]:
        """The parts of an export as they are downloaded."""
        prefix = f"{keys.prefix(job.id)}parts/"
        return [content for key, content in sorted(self.archives.objects.items()) if key.startswith(prefix)]

    def manifest(self, job: ExportJob) -> dict[str, Any]:
        """The manifest of an export."""
        return dict(json.loads(self.archives.objects[keys.manifest(job.id)]))
