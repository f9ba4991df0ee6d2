"""The steps of an export, one by one, on ports in memory."""

import hashlib
import io
import json
import random
import tarfile
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.fakes import FakeBudget, MemoryJobs, MemoryObjects, MemoryWorkflow
from tests.unit.archive.exports import unpack
from tests.unit.services.exports import CATALOG, TENANT, Product, broken, picture, record

from waybill.domain import keys
from waybill.domain.errors import (
    ExportGone,
    ExportNotRunning,
    InvalidOptions,
    JobChanged,
    LedgerMismatch,
    ObjectMissing,
    StorageUnavailable,
    TooManyParts,
)
from waybill.domain.job import ExportState
from waybill.domain.options import FORMATS_OF, ExportOptions
from waybill.domain.plan import ReadBatch
from waybill.domain.progress import total
from waybill.ports import Body, Download
from waybill.services.delete_export import delete_export
from waybill.services.get_manifest_signature import get_manifest_signature

SMALL_PARTS = ExportOptions(parts_size=10_240)
CONTACTS = [record(f"c{number:03}", random.Random(number).randbytes(400).hex()) for number in range(60)]


def names(part: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(part)) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def lines(parts: list[bytes], start: str) -> list[dict[str, object]]:
    found = []
    for part in parts:
        with tarfile.open(fileobj=io.BytesIO(part)) as archive:
            for member in archive.getmembers():
                if f"/data/{start}/" in member.name:
                    content = archive.extractfile(member)
                    assert content is not None
                    found += [json.loads(line) for line in content.read().splitlines()]
    return found


class TestCreateExport:
    def test_the_job_stands_before_the_workflow_starts(self) -> None:
        product = Product()

        job = product.create()

        assert product.jobs.get(TENANT, job.id) == job
        assert product.workflow.started == [job.id]
        assert product.metrics.values == {"ExportsStarted": 1}

    def test_an_unknown_doctype_is_refused_before_anything_is_stored(self) -> None:
        product = Product()

        with pytest.raises(InvalidOptions):
            product.create(ExportOptions(with_doctypes=("recipes",)))

        assert product.jobs.jobs == {}

    def test_a_workflow_that_cannot_be_started_does_not_leave_the_job_exporting(self) -> None:
        product = Product(workflow=MemoryWorkflow(fail_on={"start": StorageUnavailable("Not now.")}))

        with pytest.raises(StorageUnavailable):
            product.create()

        (job,) = product.jobs.jobs.values()
        assert (job.state, bool(job.error)) == (ExportState.ERROR, True)


class TestPlanExport:
    def test_small_doctypes_share_a_batch(self) -> None:
        product = Product()

        (batch,) = product.plan(product.create())

        assert [shard.doctype for shard in batch.shards] == ["contacts", "pictures", "todos"]

    def test_one_worker_begins_with_all_shards(self) -> None:
        product = Product(CONTACTS, cut_at=("c020", "c040"))

        (batch,) = product.plan(product.create())

        assert [shard.doctype for shard in batch.shards] == ["contacts", "contacts", "contacts", "pictures", "todos"]
        assert [shard.index for shard in batch.shards] == [1, 2, 3, 1, 1]
        assert (batch.batches, batch.seconds) == (1, 30)

    def test_more_shards_than_one_worker_takes_are_several_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("waybill.services.plan_export.SHARDS_PER_BATCH", 2)
        product = Product(CONTACTS, cut_at=("c020", "c040"))

        batches = product.plan(product.create())

        assert [len(batch.shards) for batch in batches] == [2, 2, 1]
        assert [(batch.number, batch.batches) for batch in batches] == [(0, 3), (1, 3), (2, 3)]

    def test_a_plan_that_stands_is_kept(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        first = product.plan(job)
        product.cut_at = ("c020",)

        assert product.plan(job) == first


class TestReadChunk:
    def test_it_stops_when_the_time_is_used_and_goes_on_from_there(self) -> None:
        product = Product(CONTACTS)
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)

        calls = 1
        while not product.read(job, batch, FakeBudget(1)):
            calls += 1
        product.plan_parts(job)
        product.pack(job)
        product.finish(job)

        assert calls > 3
        assert [each["_id"] for each in lines(product.parts(job), "contacts")] == [item.key for item in CONTACTS]

    def test_a_shard_that_is_read_is_not_read_again(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        puts = list(product.archives.puts)

        assert product.read(job, batch)
        assert product.archives.puts == puts

    def test_it_reports_how_far_it_is(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)

        progress = total(product.jobs.reports(TENANT, job.id))

        assert (progress.records, progress.percentage) == (60, 50)
        assert progress.bytes == sum(len(item.line or b"") + 1 for item in CONTACTS)

    @pytest.mark.parametrize("state", ["deleted", "expired", "failed"])
    def test_a_reader_that_comes_late_writes_nothing(self, state: str) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        puts = list(product.archives.puts)
        if state == "expired":
            product.clock.advance(days=8)
        else:
            product.jobs.replace(
                job.deleted(product.clock()) if state == "deleted" else job.failed(product.clock(), "No.")
            )

        with pytest.raises((ExportGone, ExportNotRunning)):
            product.read(job, batch)
        assert product.archives.puts == puts


class TestPlanParts:
    def test_nothing_is_planned_while_a_shard_is_unread(self) -> None:
        product = Product(CONTACTS, cut_at=("c020", "c040"))
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)
        assert not product.read(job, batch, FakeBudget(1))

        work = product.plan_parts(job)

        assert not work.ready

    def test_what_is_left_after_the_first_round_is_spread(self) -> None:
        product = Product(CONTACTS, cut_at=("c020", "c040"))
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)
        product.read(job, replace(batch, shards=batch.shards[:1]))
        assert not product.read(job, batch, FakeBudget(1))
        expected = product.export(SMALL_PARTS)

        left = msgspec.json.decode(product.archives.get(product.plan_parts(job).key), type=list[ReadBatch])

        assert [[shard.number for shard in each.shards] for each in left] == [[0, 1], [2], [3], [4]]
        assert {(each.batches, each.seconds) for each in left} == {(4, None)}
        assert all(product.read(job, each) for each in left)
        progress = total(product.jobs.reports(TENANT, job.id))
        assert (progress.records, progress.percentage) == (len(CONTACTS), 50)
        for number in json.loads(product.archives.get(product.plan_parts(job).key)):
            product.pack(job, number)
        product.finish(job)
        assert product.parts(job) == product.parts(expected)

    def test_the_first_round_ends_after_some_seconds(self) -> None:
        product = Product(CONTACTS)
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)

        class Slow(FakeBudget):
            def spent(self) -> bool:
                product.clock.advance(seconds=31)
                return False

        assert not product.read(job, batch, Slow())
        assert product.read(job, replace(batch, seconds=None), Slow())

    def test_too_many_parts_are_refused_with_a_size_that_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("waybill.services.plan_parts.MOST_PARTS", 3)
        product = Product(CONTACTS)
        with pytest.raises(TooManyParts) as caught:
            product.export(SMALL_PARTS)

        enough = int(str(caught.value).rpartition("parts_size of ")[2].split()[0])
        assert product.export(ExportOptions(parts_size=enough)).parts <= 3

    def test_a_plan_that_stands_is_kept(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        first = product.plan_parts(job)
        puts = list(product.archives.puts)

        assert product.plan_parts(job) == first
        assert product.archives.puts == puts


@pytest.mark.parametrize("name", FORMATS_OF["bag"])
def test_bags_in_any_format_are_planned_and_packed_in_it(name: str) -> None:
    product = Product(CONTACTS, pictures=[picture("sea", b"waves" * 3_000), picture("sky", b"clouds")])
    product.files.objects = {f"{TENANT}/sea": b"waves" * 3_000, f"{TENANT}/sky": b"clouds"}
    options = ExportOptions(parts_size=30_000, format=name)

    job = product.export(options)

    parts = product.parts(job)
    found = {path.partition("/")[2]: content for part in parts for path, content in unpack(part).items()}
    contacts = b"".join(content for path, content in sorted(found.items()) if b'"c0' in content and "ndjson" in path)
    assert contacts.splitlines() == [contact.line for contact in CONTACTS]
    assert found["data/files/_without_folder/sea.txt"] == b"waves" * 3_000
    assert len(parts) > 1
    assert max(map(len, parts)) <= options.parts_size
    assert [part["name"].partition(".")[2] for part in product.manifest(job)["parts"]] == [name] * len(parts)


def test_a_catalog_that_changes_meanwhile_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = Product(CONTACTS)
    product = Product(CONTACTS)
    job = product.create()
    (batch,) = product.plan(job)
    monkeypatch.setitem(CATALOG.doctypes, "contacts", replace(CATALOG.doctypes["contacts"], schema="{}"))
    product.read(job, batch)
    product.plan_parts(job)
    product.pack(job)
    product.finish(job)
    monkeypatch.undo()

    assert product.parts(job) == undisturbed.parts(undisturbed.export())


class TestPackPart:
    def test_one_part_is_packed_however_little_time_there_is(self) -> None:
        product = Product(CONTACTS)
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)

        calls = 1
        while not product.pack(job, budget=FakeBudget(1)):
            calls += 1

        assert calls == len(product.parts(job)) > 3

    def test_a_part_that_is_there_is_not_packed_again(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        product.pack(job)
        puts = list(product.archives.puts)

        assert product.pack(job)
        assert product.archives.puts == puts

    def test_a_file_that_changed_since_is_named(self) -> None:
        product = Product(pictures=[picture("sea", b"waves"), picture("sky", b"clouds")])
        product.files.objects = {f"{TENANT}/sea": b"WAVES", f"{TENANT}/sky": b"clouds"}

        job = product.export()

        assert job.gaps == 1
        assert [(gap["id"], gap["code"]) for gap in product.manifest(job)["gaps"]] == [("sea", "file_changed")]
        assert [name for name in names(product.parts(job)[0]) if "files" in name] == [
            "data/files/_without_folder/sky.txt"
        ]

    def test_a_file_that_breaks_off_is_tried_again_then_named_and_never_archived_as_if_whole(self) -> None:
        content = bytes(range(256)) * 4_000
        product = Product(pictures=[picture("sea", content), picture("sky", b"clouds")])
        product.files = MemoryObjects(
            {f"{TENANT}/sea": content, f"{TENANT}/sky": b"clouds"}, cut_short={f"{TENANT}/sea": 500_000}
        )

        job = product.export()

        assert product.files.gets.count(f"{TENANT}/sea") == 2
        assert [(gap["id"], gap["code"]) for gap in product.manifest(job)["gaps"]] == [("sea", "file_unreadable")]
        assert [name for name in names(product.parts(job)[0]) if "files" in name] == [
            "data/files/_without_folder/sky.txt"
        ]


class TestFinishExport:
    def test_nothing_is_published_while_a_part_is_missing(self) -> None:
        product = Product(CONTACTS)
        job = product.create(SMALL_PARTS)
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        product.pack(job, budget=FakeBudget(1))

        work = product.finish(job)

        assert (work.ready, json.loads(product.archives.objects[work.key])) == (False, [0])
        assert product.jobs.get(TENANT, job.id).state is ExportState.EXPORTING

    def test_counts_that_do_not_add_up_are_an_error_and_nothing_is_published(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        product.pack(job)
        ledger = keys.read_ledger(job.id)
        product.archives.objects[ledger] = product.archives.objects[ledger].replace(b'"expected":60', b'"expected":61')

        with pytest.raises(LedgerMismatch):
            product.finish(job)
        assert keys.manifest(job.id) not in product.archives.objects

    def test_without_a_signature_nothing_is_published(self) -> None:
        product = Product(CONTACTS)
        product.signer.fail_on["sign"] = StorageUnavailable("KMS does not answer.")

        with pytest.raises(StorageUnavailable):
            product.export()
        (job,) = product.jobs.jobs.values()
        assert job.state is ExportState.EXPORTING
        assert keys.manifest(job.id) not in product.archives.objects

    def test_whichever_manifest_stands_its_own_signature_stands_beside_it(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        product.pack(job)
        put = product.archives.put
        overtaken: list[str] = []

        def put_overtaken(key: str, data: bytes | Body, *, download: Download | None = None) -> None:
            if key == keys.manifest(job.id) and not overtaken:  # another call publishes in between
                overtaken.append(key)
                put(key, b"another manifest")
            put(key, data, download=download)
            if key == keys.manifest(job.id):
                digest = hashlib.sha256(product.archives.objects[key]).hexdigest()
                assert keys.signature(job.id, digest) in product.archives.objects

        product.archives.put = put_overtaken  # type: ignore[method-assign]
        assert product.finish(job).ready
        signature = get_manifest_signature(
            TENANT, job.id, jobs=product.jobs, archives=product.archives, clock=product.clock
        )
        key = load_pem_public_key(product.signer.public_key_pem())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, product.archives.objects[keys.manifest(job.id)], ec.ECDSA(hashes.SHA256()))

    def test_it_counts_what_was_made(self) -> None:
        product = Product([*CONTACTS, broken("zed")])

        job = product.export()

        assert product.metrics.values["ExportsDone"] == 1
        assert product.metrics.values["Records"] == 60
        assert product.metrics.values["Bytes"] == job.total_size == sum(map(len, product.parts(job)))
        assert product.metrics.units["Duration"] == "Milliseconds"

    def test_a_repeated_call_changes_nothing(self) -> None:
        product = Product(CONTACTS)
        job = product.export()
        puts = list(product.archives.puts)

        assert product.finish(job).ready
        assert product.jobs.get(TENANT, job.id) == job
        assert product.archives.puts == puts

    def test_a_crash_before_the_job_is_done_publishes_nothing_and_can_be_repeated(self) -> None:
        product = Product(CONTACTS)
        job = product.create()
        (batch,) = product.plan(job)
        product.read(job, batch)
        product.plan_parts(job)
        product.pack(job)
        product.jobs.fail_on["replace"] = StorageUnavailable("Not now.")
        with pytest.raises(StorageUnavailable):
            product.finish(job)
        product.jobs.fail_on.clear()

        assert product.finish(job).ready
        assert product.jobs.get(TENANT, job.id).state is ExportState.DONE


class TestDeletingMeanwhile:
    """A step does not notice at once that its execution was stopped; what it still writes must not stay."""

    @staticmethod
    def deleting(product: Product, key_part: str) -> None:
        """Delete the export just before an object is put whose key has ``key_part``."""
        put = product.archives.put

        def put_late(key: str, data: bytes | Body, *, download: Download | None = None) -> None:
            if key_part in key:
                product.archives.put = put  # type: ignore[method-assign]
                delete_export(
                    TENANT,
                    key.split("/")[1],
                    jobs=product.jobs,
                    workflow=product.workflow,
                    archives=product.archives,
                    clock=product.clock,
                )
            put(key, data, download=download)

        product.archives.put = put_late  # type: ignore[method-assign]

    @pytest.mark.parametrize(
        "key_part", ["read-batches", "segments/", "staged/", "parts-header", "parts/", "packed/", "manifest"]
    )
    def test_a_step_under_way_removes_what_it_wrote(self, key_part: str) -> None:
        product = Product(CONTACTS)
        self.deleting(product, key_part)

        with pytest.raises((ExportGone, JobChanged, ObjectMissing)):
            product.export()

        assert product.archives.objects == {}


def test_the_first_parts_have_the_records_and_files_follow() -> None:
    content = bytes(range(256)) * 20
    product = Product(CONTACTS, [picture(f"p{number}", content) for number in range(5)])
    product.files.objects = {f"{TENANT}/p{number}": content for number in range(5)}

    parts = [names(part) for part in product.parts(product.export(SMALL_PARTS))]

    has_files = [any(name.startswith("data/files/") for name in part) for part in parts]
    has_records = [any(name.endswith(".ndjson") for name in part) for part in parts]
    assert has_files == sorted(has_files)
    assert has_records == sorted(has_records, reverse=True)


def test_the_same_data_gives_the_same_bytes_whoever_asks_when() -> None:
    product = Product(CONTACTS)
    first = product.parts(product.export(SMALL_PARTS))
    product.clock.advance(days=3)

    assert product.parts(product.export(SMALL_PARTS)) == first


def test_an_empty_batch_is_read_at_once() -> None:
    product = Product(jobs=MemoryJobs())
    job = product.create()
    product.plan(job)

    assert product.read(job, ReadBatch(0, 1, ()))
