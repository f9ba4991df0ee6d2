"""A source that is not ready is waited for, and holds up nobody who could do something meanwhile."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from tests.fakes import FakeBudget, MemorySource, etag_of
from tests.unit.services.exports import TENANT, Product, record

from waybill.domain import keys
from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.plan import FileReference, ReadBatch, StoredDigests
from waybill.domain.progress import total
from waybill.ports import SourceItem
from waybill.services.delete_export import delete_export
from waybill.services.export_staging import ExportStaging
from waybill.services.fail_export import fail_export
from waybill.services.retry_export import retry_export


class SlowSource(MemorySource):
    """A source that is not ready at some keys, as often as ``waits`` says; ``asked`` are those keys in their order."""

    waits: dict[str, int]
    seconds = 10

    def __init__(self, waits: Mapping[str, int], **kinds: Any) -> None:
        super().__init__("todos", [record(key) for key in "abcd"], TENANT, **kinds)
        self.waits = dict(waits)
        self.asked: list[str] = []

    def read(self, **asked: Any) -> Iterator[SourceItem]:
        for item in super().read(**asked):
            if self.waits.get(item.key, 0) > 0:
                self.asked.append(item.key)
                self.waits[item.key] -= 1
                raise SourceNotReady(f"The to-do {item.key} is not made yet.", seconds=self.seconds)
            yield item


def product_of(todos: MemorySource) -> Product:
    return Product(contacts=[record("ada"), record("bob")], more_sources=[todos])


def listed(product: Product, key: str) -> list[ReadBatch]:
    return msgspec.json.decode(product.archives.objects[key], type=list[ReadBatch])


def read_all(product: Product, job: ExportJob) -> list[int]:
    """Go through the rounds of reading as the state machine does; return the seconds that it waited before each."""
    batches = product.plan(job)
    pauses: list[int] = []
    while True:
        for batch in batches:
            product.read(job, batch)
        work = product.plan_parts(job)
        if work.ready:
            return pauses
        pauses.append(work.wait)
        product.clock.advance(seconds=work.wait)
        batches = listed(product, work.key)


def finished(product: Product, job: ExportJob) -> list[bytes]:
    assert product.pack(job)
    assert product.finish(job).ready
    return product.parts(job)


def test_a_shard_that_waits_holds_up_no_other_of_its_batch() -> None:
    todos = SlowSource({"a": 1}, cut_at=["c"])
    product = product_of(todos)
    job = product.create()
    (batch,) = product.plan(job)

    assert product.read(job, batch) is False

    read = {shard.number: (shard.doctype, shard.first) for shard in batch.shards}
    staged = [key for key in product.archives.objects if "/staged/" in key]
    done = {read[int(key.split("/")[-2])] for key in staged}
    assert done == {("contacts", None), ("pictures", None), ("todos", "c")}


def test_only_those_that_are_due_are_read_again_after_the_pause() -> None:
    todos = SlowSource({"a": 1}, cut_at=["c"])
    product = product_of(todos)
    job = product.create()

    assert read_all(product, job) == [13]  # a quarter more than the ten seconds that were asked for
    (batch,) = listed(product, keys.read_batches_left(job.id))
    assert [(shard.doctype, shard.first) for shard in batch.shards][-1] == ("todos", None)
    assert todos.asked == ["a"]


def test_an_export_that_waited_has_the_bytes_of_one_that_did_not() -> None:
    undisturbed = product_of(SlowSource({}))
    waited = product_of(SlowSource({"a": 2, "c": 3, "d": 1}))
    options = ExportOptions(parts_size=10_240)
    job, other = undisturbed.create(options), waited.create(options)

    assert read_all(undisturbed, job) == []
    assert len(read_all(waited, other)) == 6
    assert finished(waited, other) == finished(undisturbed, job)


def test_shards_with_something_to_do_are_not_held_up_by_those_that_wait() -> None:
    product = product_of(SlowSource({"a": 1}))
    job = product.create()
    (batch,) = product.plan(job)
    todos = [shard for shard in batch.shards if shard.doctype == "todos"]
    product.read(job, ReadBatch(0, 1, tuple(todos)))

    work = product.plan_parts(job)

    assert work.wait == 0
    assert "todos" not in {shard.doctype for each in listed(product, work.key) for shard in each.shards}


def test_who_wants_a_call_of_its_own_is_read_again_at_once() -> None:
    todos = SlowSource({"a": 1})
    todos.seconds = 0
    product = product_of(todos)

    assert read_all(product, product.create()) == [0]


def test_a_deadline_fails_the_step_with_what_was_waited_for() -> None:
    product = Product()
    late = SourceNotReady("The to-do a is not made yet.", seconds=10, deadline=product.clock())
    product.more_sources = [MemorySource("todos", [record("a")], TENANT, fail_on={"a": late})]
    job = product.create()
    (batch,) = product.plan(job)

    with pytest.raises(SourceUnavailable, match=r"The to-do a is not made yet\. The time for it was over"):
        product.read(job, batch)


def test_a_retry_goes_on_waiting_where_the_attempt_before_stopped() -> None:
    todos = SlowSource({"a": 2}, cut_at=["c"])
    product = product_of(todos)
    job = product.create()
    (batch,) = product.plan(job)
    product.read(job, batch)
    fail_export(
        TENANT, job.id, "States.Timeout", attempt=0, jobs=product.jobs, clock=product.clock, metrics=product.metrics
    )
    retry_export(
        TENANT,
        job.id,
        quota=product.limits,
        jobs=product.jobs,
        workflow=product.workflow,
        clock=product.clock,
        metrics=product.metrics,
    )

    read_all(product, job)

    assert todos.asked == ["a", "a"]
    finished(product, job)
    assert product.jobs.get(TENANT, job.id).state is ExportState.DONE


def test_nothing_of_the_waiting_is_left_in_the_end() -> None:
    product = product_of(SlowSource({"a": 1}))
    job = product.create()
    read_all(product, job)
    assert [key for key in product.archives.objects if "/waiting/" in key]

    finished(product, job)

    assert not [key for key in product.archives.objects if key.startswith(keys.work(job.id))]


def test_what_is_shown_of_the_progress_counts_nothing_twice() -> None:
    product = product_of(SlowSource({"a": 1, "c": 1}, cut_at=["c"]))
    job = product.create()
    batches = product.plan(job)
    read_all(product, job)

    shown = total(product.jobs.reports(TENANT, job.id))

    assert len(batches) == 1
    assert shown.records == 2 + 4


CONTENT = bytes(range(256)) * 100


class FetchedFiles(MemorySource):
    """A source that fetches the content of its files."""

    def __init__(self, product: Product, job: ExportJob, content: bytes = CONTENT) -> None:
        super().__init__("pictures", (), TENANT)
        self.content = content
        self.staging = ExportStaging(product.archives, job.id, call=FakeBudget(), enough=FakeBudget())

    def read(self, **asked: Any) -> Iterator[SourceItem]:
        kept = self.staging.keep("pictures/p", [self.content])
        file = FileReference("p", "p.bin", "", kept.key, kept.size, kept.etag, kept=True)
        yield SourceItem("p", b'{"_id":"p"}', file=file)


@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip"])
def test_a_content_that_was_fetched_is_packed_and_then_gone(form: str) -> None:
    product = Product()
    job = product.create(ExportOptions(format=form))
    product.more_sources = [FetchedFiles(product, job)]
    read_all(product, job)
    assert any(etag_of(CONTENT) == etag_of(each) for each in product.archives.objects.values())

    finished(product, job)

    assert product.manifest(job)["files"]["written"] == 1
    assert not [key for key in product.archives.objects if key.startswith(keys.work(job.id))]


def test_a_large_content_that_was_fetched_is_copied_by_the_store() -> None:
    content = bytes(12_000_000)
    product = Product()
    job = product.create(ExportOptions(format="tar"))
    product.more_sources = [FetchedFiles(product, job, content)]
    key = keys.kept(job.id, "pictures/p")
    product.archives.digests[key] = StoredDigests(hashlib.sha256(content).hexdigest())
    read_all(product, job)

    finished(product, job)

    assert {(source.bucket, source.key) for _, _, source in product.archives.copies} == {(None, key)}
    assert product.jobs.get(TENANT, job.id).gaps == 0


def test_what_was_fetched_goes_with_an_export_that_is_deleted() -> None:
    product = Product()
    job = product.create()
    product.more_sources = [FetchedFiles(product, job)]
    (batch,) = product.plan(job)
    product.read(job, batch)

    delete_export(
        TENANT, job.id, jobs=product.jobs, workflow=product.workflow, archives=product.archives, clock=product.clock
    )

    assert not product.archives.objects
