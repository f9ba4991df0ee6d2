"""A Cozy and a chat on Qiscus leave through all steps of an export, and the archive has what they had."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.fakes import FakeClock, MemoryObjects
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.system_sources import system_catalog
from tests.systems.cozy.data import FILES, VERSIONS
from tests.systems.cozy.server import CozyServer
from tests.systems.exchange import Asked, Told
from tests.systems.qiscus.data import made_up
from tests.systems.qiscus.server import APP_ID, SECRET, QiscusServer
from tests.systems.web import StandInWeb
from tests.unit.archive.cozy_exports import imported
from tests.unit.services.exports import TENANT, Product

from waybill.domain.catalog import Catalog
from waybill.domain.errors import InvalidOptions, SourceUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.plan import ReadBatch
from waybill.ports import Sources, Staging, Web
from waybill.services.estimate_export import estimate_export
from waybill.sources.registry import CatalogSources
from waybill.sources.system import Tools
from waybill.sources.systems import SYSTEMS

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)


class NoTables:
    """Nothing of another system is in a table."""

    def call(self, operation: str, payload: object) -> bytes:
        raise AssertionError(operation)


@dataclass
class Leaving(Product):
    """A product whose catalog is that of another system."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    secret: Callable[[], str] = lambda: ""
    api: FakeApi = field(default_factory=lambda: FakeApi(lambda _: Told(500)))
    web: Web | None = None
    seconds: int = 0

    def sources_of(self, catalog: Catalog, staging: Staging | None) -> Sources:
        name = next(iter(self.catalog.doctypes.values())).source.secret  # type: ignore[union-attr]
        assert self.web is not None
        web = self.web
        tools = Tools(
            self.api,
            FakeSecrets({name: self.secret()}),
            FakeTime().timing(),
            staging=staging,
            now=self.clock,
            web=lambda allow_private: web,
        )
        return CatalogSources(
            catalog,
            tables=NoTables(),
            bucket=lambda _: MemoryObjects(),
            system=lambda source: SYSTEMS[source.kind]().opened(source, tools),
        )

    def leave(self, options: ExportOptions | None = None, *, hurried: bool = False) -> ExportJob:
        """Take an export through all its steps, in as many rounds and calls as it takes; wait where it waits.

        If it is ``hurried``, every call stops as soon as it may.
        """
        job = self.create(options)
        batches = self.plan(job)
        while True:
            for batch in batches:
                self.read(job, replace(batch, seconds=0) if hurried else batch)
            work = self.plan_parts(job)
            if work.ready:
                break
            self.seconds += work.wait
            self.clock.advance(seconds=work.wait)
            batches = msgspec.json.decode(self.archives.get(work.key), type=list[ReadBatch])
        for number in json.loads(self.archives.get(work.key)):
            assert self.pack(job, number)
        assert self.finish(job).ready
        return self.jobs.get(TENANT, job.id)

    def contents(self, job: ExportJob) -> tuple[dict[str, list[Any]], dict[str, bytes]]:
        """Records by doctype, and files by path, of the parts of a bag."""
        records: dict[str, list[Any]] = {}
        files: dict[str, bytes] = {}
        for part in self.parts(job):
            with tarfile.open(fileobj=io.BytesIO(part)) as archive:
                for member in archive:
                    _, _, path = member.name.partition("/data/")
                    if path and member.isfile():
                        data = (archive.extractfile(member) or io.BytesIO()).read()
                        if path.startswith("files/"):
                            files[path.removeprefix("files/")] = data
                        else:
                            records.setdefault(path.partition("/")[0], []).extend(map(json.loads, data.splitlines()))
        return records, files


def leaving_cozy(server: CozyServer | None = None) -> tuple[Leaving, CozyServer]:
    server = server or CozyServer()
    product = Leaving(catalog=system_catalog("cozy", {"tenants": [TENANT]}))
    server._clock = product.clock
    server.created_at = product.clock()
    product.secret = lambda: server.link("https://alice.mycozy.example")
    product.web = StandInWeb(server.answer)
    return product, server


def leaving_qiscus(server: QiscusServer | None = None) -> tuple[Leaving, QiscusServer]:
    server = server or QiscusServer(made_up(), caps={"users": 40, "rooms": 40, "comments": 40})
    product = Leaving(
        catalog=system_catalog(
            "qiscus",
            {"tenants": [TENANT], "since": "2025-12-01", "url": "https://api.qiscus.example", "most_rows": 40},
        )
    )
    server._clock = product.clock

    def answer(asked: Asked) -> Told:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        sent = server.answer(asked.method, asked.target, headers, asked.body)
        return Told(sent.status, sent.bytes, sent.headers)

    product.api = FakeApi(answer)
    product.secret = lambda: json.dumps({"app_id": APP_ID, "secret": SECRET})
    product.web = StandInWeb(server.download)
    return product, server


def read_to_its_end(product: Leaving, job: ExportJob, batch: ReadBatch) -> None:
    while not product.read(job, batch):
        pass


class TestCozy:
    def test_everything_of_it_is_in_the_archive(self) -> None:
        product, server = leaving_cozy()

        job = product.leave()

        assert job.state is ExportState.DONE
        records, files = product.contents(job)
        cozy = server.cozy
        for doctype in ("io.cozy.contacts", "io.cozy.contacts.groups", "io.cozy.photos.albums"):
            assert records[doctype] == sorted(cozy.documents[doctype], key=lambda each: each["_id"])
        assert Counter(files.values()) == Counter(each.data for each in (*cozy.files, *cozy.versions))
        assert len(records[FILES]) == len(cozy.files) + len(cozy.directories)
        assert {each["doctype"] for each in records["cozy.others"]} == {"io.cozy.instances", "org.example.things"}
        assert "oauth-secret" not in json.dumps(records)

    def test_files_lie_where_they_lay_and_versions_by_themselves(self) -> None:
        product, server = leaving_cozy()

        _, files = product.contents(product.leave(ExportOptions(with_doctypes=(FILES, VERSIONS))))

        plain = [each for each in server.cozy.files if "\\" not in each.path and "%" not in each.path]
        assert all(files[each.path.removeprefix("/")] == each.data for each in plain)
        for each in server.cozy.versions:
            assert files[f"io.cozy.files.versions/{each.id}"] == each.data

    def test_the_ledger_names_what_the_cozy_has_lost_and_what_stays_behind(self) -> None:
        product, server = leaving_cozy()
        lost, cut = server.cozy.contents[FILES][2].id, server.cozy.contents[FILES][5].id
        server.faults.lost, server.faults.cut = [lost], [cut]

        job = product.leave()

        manifest = product.manifest(job)
        named = {(gap["id"], gap["code"]) for gap in manifest["gaps"] if gap["outcome"] == "failed"}
        assert named == {(lost, "file_missing"), (cut, "file_damaged")}
        assert job.gaps == 2
        others = manifest["doctypes"]["cozy.others"]
        assert (others["skipped"], others["expected"]) == (3, others["written"] + 3)

    def test_it_can_be_cut_off_anywhere_and_leaves_the_same_bytes(self) -> None:
        whole, _ = leaving_cozy()
        in_pieces, _ = leaving_cozy()
        options = ExportOptions(with_doctypes=("io.cozy.contacts", FILES, VERSIONS, "cozy.others"))

        first = whole.parts(whole.leave(options))

        assert in_pieces.parts(in_pieces.leave(options, hurried=True)) == first

    def test_it_comes_back_as_what_a_cozy_imports(self) -> None:
        product, server = leaving_cozy()
        options = ExportOptions(with_doctypes=("io.cozy.contacts", FILES), format="zip", layout="cozy")

        cozy = imported(product.parts(product.leave(options)))

        assert {name: content for name, (_, content) in cozy.files.items()} == {
            each.id: each.data for each in server.cozy.files
        }
        assert len(cozy.documents["io.cozy.contacts"]) == len(server.cozy.documents["io.cozy.contacts"])

    def test_without_files_nothing_of_them_is_fetched(self) -> None:
        product, server = leaving_cozy()

        job = product.leave(ExportOptions(without_files=True))

        records, files = product.contents(job)
        assert files == {}
        assert len(records[FILES]) == len(server.cozy.files) + len(server.cozy.directories)
        assert product.manifest(job)["files"]["expected"] == 0

    def test_what_was_kept_goes_with_the_work(self) -> None:
        product, _ = leaving_cozy()

        job = product.leave()

        assert not [key for key in product.archives.objects if "/work/" in key]
        assert job.total_size > 0

    def test_another_tenant_has_no_such_doctype(self) -> None:
        product, _ = leaving_cozy()
        product.catalog = system_catalog("cozy", {"tenants": ["somebody-else"]})

        with pytest.raises(InvalidOptions, match="not exported here"):
            product.create(ExportOptions(with_doctypes=(FILES,)))

    def test_it_can_be_estimated_without_being_downloaded(self) -> None:
        product, server = leaving_cozy()

        estimate = estimate_export(
            TENANT,
            ExportOptions(with_doctypes=(FILES, "io.cozy.contacts")),
            quota=product.limits,
            catalog=product.catalog,
            sources=lambda catalog: product.sources_of(catalog, None),
            jobs=product.jobs,
            clock=product.clock,
        )

        assert not estimate.counted
        assert estimate.amounts[FILES].file_bytes > 0
        assert "GET data" not in server.asked

    def test_one_that_fails_goes_on_from_what_it_has(self) -> None:
        product, server = leaving_cozy()
        job = product.create(ExportOptions(with_doctypes=(FILES,)))
        (batch,) = product.plan(job)
        server.faults.status, server.faults.times, server.faults.only_part = 500, 3, 2
        with pytest.raises(SourceUnavailable, match="part 3 of"):
            read_to_its_end(product, job, batch)
        downloads = server.asked.count("GET data")
        assert downloads > 1

        server.faults.times = 0
        read_to_its_end(product, job, batch)
        assert server.asked.count("GET data") - downloads == len(server.parts) - 2


class TestQiscus:
    def test_every_row_is_in_the_archive_and_no_secret(self) -> None:
        product, server = leaving_qiscus()

        job = product.leave()

        assert job.state is ExportState.DONE
        records, _ = product.contents(job)
        assert records["qiscus.rooms"] == server.chat.rows["rooms"]
        assert records["qiscus.comments"] == server.chat.rows["comments"]
        assert [each["Email"] for each in records["qiscus.users"]] == [
            each["Email"] for each in server.chat.rows["users"]
        ]
        assert "secret" not in json.dumps(records)
        assert job.gaps == 0
        assert server.left == []

    def test_while_qiscus_works_the_state_machine_waits(self) -> None:
        product, server = leaving_qiscus()
        server.faults.polls = 3

        product.leave(ExportOptions(with_doctypes=("qiscus.rooms",)))

        assert product.seconds > 0

    def test_it_can_be_cut_off_anywhere_and_leaves_the_same_bytes(self) -> None:
        whole, in_pieces = leaving_qiscus()[0], leaving_qiscus()[0]

        first = whole.parts(whole.leave())

        assert in_pieces.parts(in_pieces.leave(hurried=True)) == first

    def test_an_estimate_knows_nothing_of_it_and_asks_for_nothing(self) -> None:
        product, server = leaving_qiscus()

        estimate = estimate_export(
            TENANT,
            ExportOptions(),
            quota=product.limits,
            catalog=product.catalog,
            sources=lambda catalog: product.sources_of(catalog, None),
            jobs=product.jobs,
            clock=product.clock,
        )

        assert not estimate.counted
        assert server.asked == []

    def test_rows_of_some_days_can_be_had(self) -> None:
        product, server = leaving_qiscus()
        options = ExportOptions(
            with_doctypes=("qiscus.comments",),
            start_date=datetime(2026, 1, 1, tzinfo=UTC).date(),
            end_date=datetime(2026, 1, 10, tzinfo=UTC).date(),
        )

        records, _ = product.contents(product.leave(options))

        dates = options.dates
        assert dates is not None
        chat = server.chat.rows["comments"]
        expected = [each for each in chat if dates.holds(datetime.fromisoformat(each["CreatedAt"]))]
        assert 0 < len(expected) < len(chat)
        assert records["qiscus.comments"] == expected

    def test_it_comes_as_the_tables_and_arrays_that_others_read(self) -> None:
        product, server = leaving_qiscus()

        (part,) = product.parts(
            product.leave(ExportOptions(with_doctypes=("qiscus.rooms",), format="json", layout="plain"))
        )

        assert json.loads(part) == server.chat.rows["rooms"]
