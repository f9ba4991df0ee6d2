"""Exports of another system: UForge's stand-in, from the catalog to the archive, with all the waiting between."""

import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from tests.fakes import FakeBudget
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.system_sources import system_catalog
from tests.systems.uforge.faults import Fault
from tests.systems.uforge.server import UForge
from tests.unit.services.exports import TENANT, Product

from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import InvalidOptions, SourceUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.plan import ReadBatch
from waybill.ports import Budget, Sources, Staging
from waybill.services.delete_export import delete_export
from waybill.services.estimate_export import estimate_export
from waybill.services.fail_export import fail_export
from waybill.services.plan_export import plan_export
from waybill.services.read_chunk import read_chunk
from waybill.services.retry_export import retry_export
from waybill.services.settle_debts import settle_debts
from waybill.sources.registry import CatalogSources
from waybill.sources.system import Tools
from waybill.sources.systems import SYSTEMS

SECRET = {"login": "bob", "password": "s3cret: ünd"}
ARCHIVES = {"uforge.appliances": 3, "uforge.mysoftware": 2}


@dataclass
class Leaving(Product):
    """A product whose catalog has nothing but a UForge."""

    uforge: UForge = field(default_factory=UForge)
    catalog: Catalog = field(default_factory=lambda: system_catalog("uforge", {"tenants": [TENANT]}))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.uforge.now = self.clock
        self.api = FakeApi(self.uforge)
        self.secrets = FakeSecrets({"waybill/uforge": json.dumps(SECRET)})

    def opened(self, catalog: Catalog, staging: Staging | None = None) -> Sources:
        """The sources as the wiring makes them for one call."""
        tools = Tools(self.api, self.secrets, FakeTime().timing(), staging, self.clock)
        return CatalogSources(
            catalog,
            tables=None,  # type: ignore[arg-type]
            bucket=lambda _: self.files,
            system=lambda source: SYSTEMS[source.kind]().opened(source, tools),
        )

    def plan(self, job: ExportJob) -> list[ReadBatch]:
        work = plan_export(
            TENANT,
            job.id,
            catalog=self.catalog,
            sources=self.opened,
            jobs=self.jobs,
            archives=self.archives,
            budget=FakeBudget(),
            clock=self.clock,
        )
        return self.batches(work.key)

    def read(self, job: ExportJob, batch: ReadBatch, budget: Budget | None = None) -> bool:
        return read_chunk(
            TENANT,
            job.id,
            batch,
            sources=self.opened,
            jobs=self.jobs,
            archives=self.archives,
            budget=budget or FakeBudget(),
            clock=self.clock,
            chains=self.chains,
        )

    def batches(self, key: str) -> list[ReadBatch]:
        return msgspec.json.decode(self.archives.objects[key], type=list[ReadBatch])

    def read_all(self, job: ExportJob) -> int:
        """Read as the state machine does; return how many rounds there were."""
        batches, rounds = self.plan(job), 0
        while True:
            rounds += 1
            for batch in batches:
                self.read(job, batch)
            work = self.plan_parts(job)
            if work.ready:
                return rounds
            self.clock.advance(seconds=work.wait)
            batches = self.batches(work.key)

    def leave(self, options: ExportOptions | None = None) -> ExportJob:
        """Take an export through all its steps."""
        job = self.create(options)
        self.read_all(job)
        assert self.pack(job)
        assert self.finish(job).ready
        return self.jobs.get(TENANT, job.id)

    def settle(self) -> None:
        settle_debts(
            catalog=self.catalog,
            sources=self.opened,
            jobs=self.jobs,
            archives=self.archives,
            clock=self.clock,
            metrics=self.metrics,
            budget=FakeBudget(),
        )

    @property
    def tickets(self) -> int:
        return len(self.uforge.tickets.tickets)

    def contents(self, job: ExportJob) -> dict[str, bytes]:
        """What is in the archive, by path below ``data/``."""
        found = {}
        for part in self.parts(job):
            with tarfile.open(fileobj=io.BytesIO(part)) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    if content is not None and "/data/" in member.name:
                        found[member.name.partition("/data/")[2]] = content.read()
        return found


def ends(product: Leaving, job: ExportJob, how: str) -> None:
    if how == "failed":
        ports: dict[str, Any] = {"jobs": product.jobs, "clock": product.clock, "metrics": product.metrics}
        fail_export(TENANT, job.id, "States.Timeout", attempt=0, **ports)
    elif how == "deleted":
        ports = {"jobs": product.jobs, "workflow": product.workflow, "archives": product.archives}
        delete_export(TENANT, job.id, clock=product.clock, **ports)
    else:
        product.clock.advance(days=8)


def test_a_person_leaves_with_the_records_and_the_archive_of_each_object() -> None:
    product = Leaving()

    job = product.leave()

    manifest, found = product.manifest(job), product.contents(job)
    assert (job.state, job.gaps) == (ExportState.DONE, 0)
    assert {name: line["written"] for name, line in manifest["doctypes"].items()} == {
        "uforge.accounts": 3,
        "uforge.appliances": 3,
        "uforge.mysoftware": 2,
        "uforge.profile": 1,
    }
    assert manifest["files"]["written"] == sum(ARCHIVES.values())
    files = sorted(path for path in found if path.startswith("files/"))
    assert files == [
        "files/uforge.appliances/web_server 10-1.10.tar.gz",
        "files/uforge.appliances/web_server 17-1.17.tar.gz",
        "files/uforge.appliances/web_server 24-1.24.tar.gz",
        "files/uforge.mysoftware/tool-100-2.0.tar.gz",
        "files/uforge.mysoftware/tool-101-2.0.tar.gz",
    ]
    with tarfile.open(fileobj=io.BytesIO(found[files[0]])) as archive:
        assert archive.getnames() == ["template.yml", "bundles/10/software.bin"]
    assert "secretAccessKeyId" in str(manifest["left_out"])
    assert product.tickets == 0
    assert not [key for key in product.archives.objects if "/work/" in key or key.startswith(keys.DEBTS)]


def test_a_second_export_of_the_same_account_has_the_same_bytes() -> None:
    product = Leaving()

    assert product.parts(product.leave()) == product.parts(product.leave())


def test_an_archive_that_cannot_be_made_is_named_and_the_rest_is_there() -> None:
    product = Leaving(uforge=UForge(fates={"users/bob/appliances/17": "error", "users/bob/mysoftware/101": "never"}))

    job = product.leave()

    manifest = product.manifest(job)
    assert (job.state, job.gaps) == (ExportState.DONE, 2)
    assert {(gap["doctype"], gap["kind"], gap["id"], gap["code"]) for gap in manifest["gaps"]} == {
        ("uforge.appliances", "file", "17", "archive_failed"),
        ("uforge.mysoftware", "file", "101", "archive_late"),
    }
    assert "The archive cannot be written" in str(manifest["gaps"])
    assert manifest["files"] == {"expected": 5, "written": 3, "skipped": 0, "failed": 2}
    assert manifest["doctypes"]["uforge.appliances"]["written"] == 3
    assert product.tickets == 0


@pytest.mark.parametrize("how", ["failed", "deleted", "expired"])
def test_an_export_that_ends_while_it_waits_leaves_no_ticket(how: str) -> None:
    product = Leaving()
    job = product.create()
    for batch in product.plan(job):
        product.read(job, batch)
    assert product.tickets > 0
    product.settle()
    assert product.tickets > 0

    ends(product, job, how)
    product.settle()

    assert product.tickets == 0
    assert not [key for key in product.archives.objects if key.startswith(keys.DEBTS)]


def test_a_retry_goes_on_with_what_was_fetched_and_asks_anew_for_what_was_given_back() -> None:
    product = Leaving(uforge=UForge(polls=1))
    product.uforge.faults.append(Fault("mysoftware/101/.*/status", "500"))
    job = product.create()
    with pytest.raises(SourceUnavailable, match=r"UForge at uforge\.example\.org, asked for GET .*/mysoftware/101/"):
        product.read_all(job)
    ends(product, job, "failed")
    product.uforge.faults.clear()
    product.settle()
    assert product.tickets == 0
    downloads = [each for each in product.uforge.requests if each.endswith("/downloads")]

    retry_export(
        TENANT,
        job.id,
        quota=product.limits,
        jobs=product.jobs,
        workflow=product.workflow,
        clock=product.clock,
        metrics=product.metrics,
    )
    product.read_all(job)
    assert product.pack(job)
    assert product.finish(job).ready

    assert product.jobs.get(TENANT, job.id).gaps == 0
    again = [each for each in product.uforge.requests if each.endswith("/downloads")]
    assert len(downloads) >= 1
    assert len(again) == sum(ARCHIVES.values())
    assert product.tickets == 0


def test_records_alone_come_as_one_array_each_and_no_ticket_is_asked_for() -> None:
    product = Leaving()

    job = product.leave(ExportOptions(format="json", layout="plain", without_files=True))

    assert product.uforge.tickets.asked == 0
    assert sum(line["written"] for line in product.manifest(job)["doctypes"].values()) == 9
    assert sorted(len(json.loads(part)) for part in product.parts(job)) == [1, 2, 3, 3]


def test_a_format_of_records_alone_refuses_archives() -> None:
    with pytest.raises(InvalidOptions, match=r"uforge\.appliances"):
        Leaving().create(ExportOptions(format="json", layout="plain"))


@pytest.mark.parametrize("without_files", [False, True])
def test_an_estimate_says_what_is_there_and_asks_for_nothing(without_files: bool) -> None:
    product = Leaving()

    found = estimate_export(
        TENANT,
        ExportOptions(without_files=without_files),
        quota=product.limits,
        catalog=product.catalog,
        sources=product.opened,
        jobs=product.jobs,
        clock=product.clock,
    )

    assert found.amount.records == 9
    assert found.amount.files == (0 if without_files else sum(ARCHIVES.values()))
    assert found.exact is without_files
    assert product.uforge.tickets.asked == 0


def test_another_tenant_sees_nothing_of_it() -> None:
    product = Leaving(catalog=system_catalog("uforge", {"tenants": ["somebody else"]}))

    with pytest.raises(InvalidOptions, match=r"uforge\.appliances"):
        product.create(ExportOptions(with_doctypes=("uforge.appliances",)))
