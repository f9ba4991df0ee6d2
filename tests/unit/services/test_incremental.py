"""Chains of exports: what each holds, what it builds on, and that together they are the whole."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeBudget
from tests.unit.services.chain_exports import (
    CHAIN,
    TAR,
    Picture,
    State,
    content_of,
    entries,
    picture_item,
    rebuilt,
    run,
    show,
)
from tests.unit.services.exports import CATALOG, TENANT, Product, broken, record

from waybill.archive.rebuild import ChainBroken
from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.chain import Chain, Row, Slice
from waybill.domain.errors import BaselineUnreadable, InvalidOptions, ObjectMissing, StorageUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.options import COZY, FORMATS_OF, PLAIN, ExportOptions
from waybill.ports import SourceItem
from waybill.services.baselines import HeldRows
from waybill.services.chains import forget_chain, next_in_chain
from waybill.services.delete_export import delete_export
from waybill.services.expire_export import expire_export
from waybill.services.sweep_exports import sweep_exports

NAMES = [f"k{number}" for number in range(6)]
TEXTS = st.sampled_from(["", "one", "two"])
PICTURES = st.builds(
    Picture,
    name=st.sampled_from(["a.txt", "b.txt", "A.TXT"]),
    content=st.sampled_from([b"", b"1", b"22"]),
    folder=st.sampled_from(["root", "d1", "d2"]),
    note=TEXTS,
)
STATES = st.builds(
    State,
    contacts=st.dictionaries(st.sampled_from(NAMES), TEXTS),
    folders=st.dictionaries(st.sampled_from(["d1", "d2"]), st.sampled_from(["/x", "/y", "/x/y"])),
    pictures=st.dictionaries(st.sampled_from(NAMES), PICTURES),
)
CUTS = st.lists(st.sampled_from(NAMES), unique=True).map(sorted)
DATED = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3))
DAYS = st.sampled_from([None, 1, 2, 3])


def baselines(product: Product) -> set[str]:
    """The exports that have left something for the next run."""
    return {key.split("/")[2] for key in product.archives.objects if key.startswith("chains/")}


def delete(product: Product, job: ExportJob) -> None:
    stores: dict[str, Any] = {"jobs": product.jobs, "workflow": product.workflow, "archives": product.archives}
    delete_export(TENANT, job.id, clock=product.clock, **stores)


def sweep(product: Product) -> None:
    stores: dict[str, Any] = {"jobs": product.jobs, "workflow": product.workflow, "archives": product.archives}
    stores |= {"chains": product.chains, "schedules": product.schedules}
    sweep_exports(clock=product.clock, metrics=product.metrics, budget=FakeBudget(), **stores)


def read_only(product: Product) -> ExportJob:
    """The next export of the chain, which gets no further than reading."""
    job = product.create(TAR, chain=next_in_chain(TENANT, CHAIN, chains=product.chains))
    for batch in product.plan(job):
        product.read(job, batch)
    assert job.id in baselines(product)
    return job


def incremental(product: Product, job: ExportJob) -> dict[str, object]:
    return dict(product.manifest(job)["incremental"])


def keys_in(product: Product, job: ExportJob, kind: str, doctype: str = "contacts") -> list[str]:
    """The keys in an export's lists of one kind."""
    return [
        json.loads(line)["key"]
        for path, content in entries(product.parts(job)).items()
        if path.startswith(f"data/chain/{doctype}/{kind}-")
        for line in content.splitlines()
    ]


def dated() -> Catalog:
    """The catalog of the product, with a field that dates the records."""
    return Catalog({name: replace(doctype, date_field="at") for name, doctype in CATALOG.doctypes.items()})


def on_day(item: SourceItem, day: int) -> SourceItem:
    """The item with a date in March."""
    return replace(item, line=json.dumps({**json.loads(item.line or b""), "at": f"2026-03-{day:02}"}).encode())


def contacts(*names: str, text: str = "") -> list[SourceItem]:
    return [record(name, text) for name in names]


class TestWhatAChainComesTo:
    @settings(max_examples=60, deadline=None)
    @given(
        history=st.lists(st.tuples(STATES, CUTS, st.booleans()), min_size=1, max_size=5),
        size=st.sampled_from([10_240, 10**9]),
    )
    def test_every_prefix_of_a_chain_is_the_full_export_of_its_last_state(
        self, history: list[tuple[State, list[str], bool]], size: int
    ) -> None:
        """States follow each other in any way, shards are cut anew each time, and some runs are cancelled."""
        product = Product()
        options = replace(TAR, parts_size=size)
        chain: list[ExportJob] = []
        for state, cuts, cancelled in history:
            show(product, state)
            product.cut_at = cuts
            if cancelled:
                self.cancel(product, options)
            chain.append(run(product, options))
            full = product.export(options)

            assert rebuilt(product, chain) == content_of(product, full)
            assert [incremental(product, job)["full"] for job in chain] == [True, *[False] * (len(chain) - 1)]
            assert baselines(product) == {chain[-1].id}

    @settings(max_examples=60, deadline=None)
    @given(history=st.lists(st.tuples(DATED, DATED, DAYS, DAYS), min_size=1, max_size=5))
    def test_with_dates_what_leaves_the_range_leaves_the_chain_and_what_comes_into_it_comes(
        self, history: list[tuple[dict[str, int], dict[str, int], int | None, int | None]]
    ) -> None:
        """Records move from day to day, and so do the dates that are asked for."""
        product = Product(catalog=dated())
        chain: list[ExportJob] = []
        for texts, pictures, one, other in history:
            product.contacts = [on_day(record(key), day) for key, day in texts.items()]
            product.pictures = [on_day(picture_item(key, Picture(key, b"1")), day) for key, day in pictures.items()]
            product.files.objects = {f"{TENANT}/{key}": b"1" for key in pictures}
            start, end = sorted((one or 1, other or 3))
            dates = replace(
                TAR,
                start_date=date(2026, 3, start) if one else None,
                end_date=date(2026, 3, end) if other else None,
            )
            chain.append(run(product, dates))

            assert rebuilt(product, chain) == content_of(product, product.export(dates))
            assert [incremental(product, job)["full"] for job in chain] == [True, *[False] * (len(chain) - 1)]

    @staticmethod
    def cancel(product: Product, options: ExportOptions) -> None:
        """Delete a run of the chain when it has read."""
        job = product.create(options, chain=next_in_chain(TENANT, CHAIN, chains=product.chains))
        for batch in product.plan(job):
            product.read(job, batch)
        delete_export(
            TENANT, job.id, jobs=product.jobs, workflow=product.workflow, archives=product.archives, clock=product.clock
        )
        assert job.id not in baselines(product)

    def test_the_order_in_which_they_are_given_does_not_matter(self) -> None:
        product = Product(contacts("a", "b"))
        first = run(product)
        product.contacts = contacts("b", text="new")
        second = run(product)
        product.contacts = contacts("b", "c")
        third = run(product)

        assert rebuilt(product, [third, first, second]) == content_of(product, product.export(TAR))

    def test_a_missing_link_is_named(self) -> None:
        product = Product(contacts("a"))
        first, second, third = run(product), run(product), run(product)

        with pytest.raises(ChainBroken, match=f"{third.id} .* builds on the export {second.id}, which is not here"):
            rebuilt(product, [first, third])

    def test_two_chains_are_not_mixed(self) -> None:
        product = Product(contacts("a"))
        first = run(product)
        forget_chain(TENANT, CHAIN, chains=product.chains, archives=product.archives)

        with pytest.raises(ChainBroken, match="more than one chain"):
            rebuilt(product, [first, run(product)])

    def test_an_export_that_is_of_no_chain_is_refused(self) -> None:
        product = Product(contacts("a"))

        with pytest.raises(ChainBroken, match="complete by itself"):
            rebuilt(product, [run(product), product.export(TAR)])


class TestWhatOneExportHolds:
    def test_only_what_is_new_or_changed_and_what_is_gone(self) -> None:
        product = Product(contacts("same", "changed", "gone"))
        run(product)
        product.contacts = [*contacts("same", "new"), record("changed", "now")]

        job = run(product)

        assert keys_in(product, job, "keys") == ["changed", "new"]
        assert keys_in(product, job, "deleted") == ["gone"]
        assert product.manifest(job)["doctypes"]["contacts"] == {
            "expected": 3, "written": 2, "unchanged": 1, "skipped": 0, "failed": 0,
        }  # fmt: skip

    def test_the_manifest_says_what_it_builds_on_and_nothing_of_the_tenant(self) -> None:
        product = Product(contacts("a", "b"))
        first = run(product)
        product.contacts = contacts("b")
        second = run(product)

        digest = hashlib.sha256(product.archives.objects[keys.manifest(first.id)]).hexdigest()
        nothing = {"contacts": 0, "pictures": 0, "todos": 0}
        assert incremental(product, first) == {
            "full": True, "reason": "first_run", "parent_export": "", "parent_manifest_sha256": "",
            "unchanged": nothing, "deleted": nothing,
        }  # fmt: skip
        assert incremental(product, second) == {
            "full": False, "reason": "", "parent_export": first.id, "parent_manifest_sha256": digest,
            "unchanged": {**nothing, "contacts": 1}, "deleted": {**nothing, "contacts": 1},
        }  # fmt: skip
        assert CHAIN not in json.dumps(product.manifest(second))

    def test_a_file_travels_when_its_content_has_changed_and_its_record_when_that_has(self) -> None:
        product = Product()
        show(
            product, State(pictures={name: Picture(f"{name}.txt", b"old") for name in ("both", "file", "note", "same")})
        )
        run(product)
        pictures = {
            "both": Picture("both.txt", b"new", note="new"),
            "file": Picture("file.txt", b"new"),
            "note": Picture("moved.txt", b"old"),
            "same": Picture("same.txt", b"old"),
        }
        show(product, State(pictures=pictures))

        job = run(product)

        found = entries(product.parts(job))
        assert sorted(path for path in found if path.startswith("data/files/")) == [
            "data/files/_without_folder/both.txt", "data/files/_without_folder/file.txt",
        ]  # fmt: skip
        assert keys_in(product, job, "keys", "pictures") == ["both", "note"]
        assert keys_in(product, job, "files", "pictures") == ["note", "both", "file"]
        assert product.manifest(job)["files"] == {
            "expected": 4, "written": 2, "unchanged": 2, "skipped": 0, "failed": 0,
        }  # fmt: skip

    def test_the_same_changes_of_another_state_are_another_group(self) -> None:
        product = Product(contacts("a"))
        run(product)
        second, third = run(product), run(product)

        assert product.manifest(second)["group"] != product.manifest(third)["group"]

    @pytest.mark.parametrize("format_", FORMATS_OF["bag"])
    def test_it_comes_in_every_format_of_the_layout_bag(self, format_: str) -> None:
        product = Product(contacts("a", "b"))
        run(product, ExportOptions(format=format_))
        product.contacts = contacts("b")

        job = run(product, ExportOptions(format=format_))

        assert incremental(product, job)["deleted"] == {"contacts": 1, "pictures": 0, "todos": 0}

    @pytest.mark.parametrize(
        "options", [ExportOptions(layout=COZY, format="zip"), ExportOptions(layout=PLAIN, format="csv")]
    )
    def test_other_layouts_are_refused(self, options: ExportOptions) -> None:
        product = Product()

        with pytest.raises(InvalidOptions, match="incremental") as error:
            product.create(replace(options, without_files=True), chain=Chain(CHAIN))

        assert error.value.pointer == "/data/attributes/layout"
        assert product.jobs.jobs == {}

    def test_parts_keep_their_size_though_much_is_deleted(self) -> None:
        product = Product(contacts(*(f"{number:0200}" for number in range(400))))
        run(product)
        product.contacts = []

        job = run(product, replace(TAR, parts_size=20_480))

        assert max(map(len, product.parts(job))) <= 20_480
        assert len(keys_in(product, job, "deleted")) == 400

    def test_an_interrupted_reading_leaves_the_same_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 3)
        product = Product(contacts(*(f"a{number:02}" for number in range(20))))
        first = run(product)
        product.contacts = contacts(*(f"a{number:02}" for number in range(0, 20, 2)), *(f"b{n}" for n in range(5)))
        left = {key: value for key, value in product.archives.objects.items() if key.startswith("chains/")}
        good = dict(product.chains.good)
        undisturbed = run(product)
        rows = self.rows(product, undisturbed)
        product.archives.objects |= left
        product.chains.good.update(good)

        job = product.create(TAR, chain=next_in_chain(TENANT, CHAIN, chains=product.chains))
        (batch,) = product.plan(job)
        calls = 1
        while not product.read(job, batch, FakeBudget(1)):
            calls += 1
        product.plan_parts(job)
        product.pack(job)
        product.finish(job)

        assert calls > 3
        assert product.parts(job) == product.parts(undisturbed)
        assert self.rows(product, job) == rows
        assert rebuilt(product, [first, job]) == content_of(product, product.export(TAR))

    @staticmethod
    def rows(product: Product, job: ExportJob) -> list[Row]:
        held = HeldRows(product.archives, Chain(CHAIN, job.id))
        return list(held.rows("contacts", Slice()))

    def test_of_the_baseline_one_object_at_a_time_is_read_and_only_those_of_the_shard(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.services.read_chunk.MOST_ITEMS_PER_ENTRY", 10)
        product = Product(contacts(*(f"a{number:02}" for number in range(50))))
        job = run(product)
        held = HeldRows(product.archives, Chain(CHAIN, job.id))
        product.archives.gets.clear()

        found = held.rows("contacts", Slice(first="a15", last="a35"))
        assert product.archives.gets == []
        assert next(found).key == "a15"
        assert len(product.archives.gets) == 2  # the list of objects, and one of them
        assert [row.key for row in found] == [f"a{number}" for number in range(16, 35)]
        assert len(product.archives.gets) == 4


class TestGaps:
    """What cannot be read is neither deleted nor called unchanged, and comes when it can be read."""

    def test_a_record_that_cannot_be_read_stays_and_comes_again(self) -> None:
        product = Product([*contacts("a"), record("b", "old")])
        first = run(product)
        product.contacts = [*contacts("a"), broken("b")]
        second = run(product)
        product.contacts = [*contacts("a"), record("b", "old")]
        third = run(product)

        assert keys_in(product, second, "deleted") == []
        assert product.manifest(second)["doctypes"]["contacts"]["failed"] == 1
        assert product.manifest(second)["doctypes"]["contacts"]["unchanged"] == 1
        assert keys_in(product, third, "keys") == ["b"]
        assert (
            rebuilt(product, [first, second]) == rebuilt(product, [first]) == rebuilt(product, [first, second, third])
        )

    def test_a_record_that_could_not_be_read_and_is_gone_then_is_deleted(self) -> None:
        product = Product(contacts("a", "b"))
        first = run(product)
        product.contacts = [*contacts("a"), broken("b")]
        second = run(product)
        product.contacts = contacts("a")
        third = run(product)

        assert keys_in(product, third, "deleted") == ["b"]
        assert rebuilt(product, [first, second, third]) == content_of(product, product.export(TAR))

    def test_a_record_that_could_never_be_read_is_not_deleted_when_it_goes(self) -> None:
        product = Product([broken("b")])
        run(product)
        product.contacts = []

        assert keys_in(product, run(product), "deleted") == []

    def test_a_file_without_content_keeps_what_the_chain_has_and_comes_again(self) -> None:
        product = Product()
        picture = Picture("p.txt", b"content")
        show(product, State(pictures={"p": picture}))
        first = run(product)
        gap = Gap("pictures", "file", "p", Outcome.FAILED, "file_missing", "It has no content.")
        product.pictures = [replace(picture_item("p", replace(picture, note="new")), file=None, file_gap=gap)]
        second = run(product)
        before = rebuilt(product, [first, second])
        show(product, State(pictures={"p": replace(picture, name="q.txt", note="new")}))
        third = run(product)

        assert before.files == {"data/files/_without_folder/p.txt": b"content"}
        assert b"new" in before.records["pictures"][0]
        assert product.manifest(third)["files"]["written"] == 1
        assert rebuilt(product, [first, second, third]) == content_of(product, product.export(TAR))

    def test_a_file_that_is_lost_while_it_is_packed_comes_again(self) -> None:
        product = Product()
        show(product, State(pictures={"p": Picture("p.txt", b"content"), "q": Picture("q.txt", b"content")}))
        product.files.fail_on = {f"{TENANT}/p": ObjectMissing("It is gone.")}
        first = run(product)
        product.files.fail_on = {}

        second = run(product)

        assert product.manifest(first)["files"]["failed"] == 1
        assert keys_in(product, second, "files", "pictures") == ["p"]
        assert product.manifest(second)["files"]["unchanged"] == 1
        assert rebuilt(product, [first, second]) == content_of(product, product.export(TAR))

    def test_content_that_no_record_names_any_more_is_deleted_with_its_record(self) -> None:
        product = Product()
        show(product, State(pictures={"p": Picture("p.txt", b"content")}))
        first = run(product)
        gap = Gap("pictures", "file", "p", Outcome.SKIPPED, "file_without_record", "No record names it.")
        product.pictures = [SourceItem("p", gap=gap)]
        second = run(product)

        assert keys_in(product, second, "deleted", "pictures") == ["p"]
        assert rebuilt(product, [first, second]) == content_of(product, product.export(TAR))

    def test_a_record_that_is_of_a_file_no_more_has_none(self) -> None:
        product = Product()
        show(product, State(pictures={"p": Picture("p.txt", b"content")}))
        first = run(product)
        product.pictures = [SourceItem("p", line=b'{"_id": "p", "type": "note"}')]
        second = run(product)

        assert rebuilt(product, [first, second]).files == {}


class TestWhatARunBuildsOn:
    def test_a_run_that_failed_changes_nothing(self) -> None:
        product = Product(contacts("a"))
        first = run(product)
        product.contacts = contacts("a", "b")
        failing = product.create(TAR, chain=next_in_chain(TENANT, CHAIN, chains=product.chains))
        for batch in product.plan(failing):
            product.read(failing, batch)
        product.jobs.replace(failing.failed(product.clock(), "It failed."))

        job = run(product)

        assert incremental(product, job)["parent_export"] == first.id
        assert keys_in(product, job, "keys") == ["b"]
        assert baselines(product) == {job.id}

    def test_of_two_at_once_the_chain_goes_on_from_the_first_that_is_done(self) -> None:
        product = Product(contacts("a"))
        run(product)
        place = next_in_chain(TENANT, CHAIN, chains=product.chains)
        product.contacts = contacts("a", "b")
        slow = product.create(TAR, chain=place)
        (batch,) = product.plan(slow)
        product.read(slow, batch)
        product.contacts = contacts("a", "b", "c")
        fast = product.export(TAR, chain=place)
        product.plan_parts(slow)
        product.pack(slow)
        product.finish(slow)

        assert product.jobs.get(TENANT, slow.id).state is ExportState.DONE
        assert product.chains.good[TENANT, CHAIN].export_id == fast.id
        assert baselines(product) == {fast.id}

    def test_if_what_it_builds_on_goes_while_it_reads_it_fails_and_the_chain_stands(self) -> None:
        product = Product(contacts("a"))
        run(product)
        place = next_in_chain(TENANT, CHAIN, chains=product.chains)
        slow = product.create(TAR, chain=place)
        (batch,) = product.plan(slow)
        fast = product.export(TAR, chain=place)

        with pytest.raises(BaselineUnreadable):
            product.read(slow, batch)

        assert product.chains.good[TENANT, CHAIN].export_id == fast.id

    def test_what_is_read_is_finished_also_without_it(self) -> None:
        product = Product(contacts("a"))
        run(product)
        place = next_in_chain(TENANT, CHAIN, chains=product.chains)
        slow = product.create(TAR, chain=place)
        (batch,) = product.plan(slow)
        assert product.read(slow, batch)
        product.export(TAR, chain=place)

        assert product.read(slow, batch)
        product.plan_parts(slow)
        product.pack(slow)
        assert product.finish(slow).ready

    @pytest.mark.parametrize("what", ["baseline.json", "00000/000000"])
    def test_without_a_baseline_it_is_full_and_says_so(self, what: str) -> None:
        product = Product(contacts("a"))
        first = run(product)
        del product.archives.objects[f"{keys.baselines_of(first.id, CHAIN)}{what}"]

        job = run(product)

        assert (incremental(product, job)["full"], incremental(product, job)["reason"]) == (True, "baseline_missing")
        assert incremental(product, job)["parent_export"] == ""
        assert rebuilt(product, [job]) == content_of(product, product.export(TAR))
        assert product.chains.good[TENANT, CHAIN].export_id == job.id

    def test_a_baseline_that_is_no_longer_what_it_was_fails_one_run_and_the_next_is_full(self) -> None:
        product = Product(contacts("a"))
        first = run(product)
        product.archives.objects[f"{keys.baselines_of(first.id, CHAIN)}00000/000000"] = b"something else"

        with pytest.raises(BaselineUnreadable, match="exports everything again"):
            run(product)

        assert incremental(product, run(product))["reason"] == "first_run"

    def test_with_other_doctypes_it_is_full_and_says_so(self) -> None:
        product = Product(contacts("a"))
        run(product)

        job = run(product, replace(TAR, with_doctypes=("contacts",)))

        assert (incremental(product, job)["full"], incremental(product, job)["reason"]) == (True, "doctypes_changed")
        assert incremental(product, run(product, replace(TAR, with_doctypes=("contacts",))))["full"] is False

    def test_a_crash_before_the_chain_learns_of_it_is_made_good(self) -> None:
        product = Product(contacts("a"))
        job = product.create(TAR, chain=Chain(CHAIN))
        for batch in product.plan(job):
            product.read(job, batch)
        product.plan_parts(job)
        product.pack(job)
        note_good = product.chains.note_good

        def crash(*_: object, **__: object) -> bool:
            raise StorageUnavailable("Not now.")

        product.chains.note_good = crash  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            product.finish(job)
        product.chains.note_good = note_good  # type: ignore[method-assign]

        assert product.finish(job).ready
        assert product.chains.good[TENANT, CHAIN].export_id == job.id
        assert product.finish(job).ready
        assert baselines(product) == {job.id}

    @pytest.mark.parametrize("by", ["stream", "sweep"])
    def test_one_that_was_never_done_leaves_nothing_when_it_has_expired(self, by: str) -> None:
        product = Product(contacts("a"))
        good = run(product)
        job = read_only(product)
        product.clock.now = job.expires_at
        product.workflow.running.clear()

        if by == "stream":
            known = product.jobs.jobs.pop((TENANT, job.id))
            ports: dict[str, Any] = {"jobs": product.jobs, "workflow": product.workflow, "archives": product.archives}
            expire_export(TENANT, job.id, known=known, clock=product.clock, metrics=product.metrics, **ports)
        else:
            sweep(product)

        assert baselines(product) == {good.id}

    def test_a_deletion_that_was_cut_short_is_completed_by_the_sweep(self) -> None:
        product = Product(contacts("a"))
        job = read_only(product)
        product.workflow.fail_on["stop"] = StorageUnavailable("Not now.")
        with pytest.raises(StorageUnavailable):
            delete(product, job)
        product.workflow.fail_on.clear()
        product.clock.advance(hours=1)

        sweep(product)

        assert baselines(product) == set()

    def test_a_late_reader_of_one_that_was_done_and_deleted_leaves_what_the_next_builds_on(self) -> None:
        product = Product(contacts("a"))
        job = product.create(TAR, chain=Chain(CHAIN))
        (batch,) = product.plan(job)
        get = product.archives.get

        def get_late(key: str) -> bytes:
            """Let the export be made, and deleted, while a reader of an earlier attempt has just begun."""
            if key == keys.catalog(job.id):
                product.archives.get = get  # type: ignore[method-assign]
                product.read(job, batch)
                product.plan_parts(job)
                product.pack(job)
                product.finish(job)
                found = get(key) if key in product.archives.objects else catalog
                delete(product, job)
                return found
            return get(key)

        catalog = get(keys.catalog(job.id))
        product.archives.get = get_late  # type: ignore[method-assign]
        product.read(job, batch)

        assert incremental(product, run(product))["full"] is False

    def test_a_forgotten_chain_leaves_nothing_and_begins_anew(self) -> None:
        product = Product(contacts("a"))
        run(product)

        forget_chain(TENANT, CHAIN, chains=product.chains, archives=product.archives)

        assert baselines(product) == set()
        assert next_in_chain(TENANT, CHAIN, chains=product.chains) == Chain(CHAIN)

    def test_the_first_run_is_full_for_every_other_tenant_and_chain(self) -> None:
        product = Product(contacts("a"))
        run(product)

        assert next_in_chain("bob", CHAIN, chains=product.chains) == Chain(CHAIN)
        assert next_in_chain(TENANT, "d" * 64, chains=product.chains) == Chain("d" * 64)

    def test_a_step_whose_export_is_gone_altogether_leaves_nothing(self) -> None:
        product = Product(contacts("a"))
        job = product.create(TAR, chain=Chain(CHAIN))
        (batch,) = product.plan(job)
        product.jobs.report = lambda *_: product.jobs.jobs.clear()  # type: ignore[method-assign]

        assert product.read(job, batch)

        assert product.archives.objects == {}

    def test_what_a_failed_run_has_left_goes_when_it_expires(self) -> None:
        product = Product(contacts("a"))
        job = product.create(TAR, chain=Chain(CHAIN))
        for batch in product.plan(job):
            product.read(job, batch)
        product.jobs.replace(job.failed(product.clock(), "It failed."))
        assert baselines(product) == {job.id}
        product.clock.now = job.expires_at

        assert expire_export(
            TENANT,
            job.id,
            jobs=product.jobs,
            workflow=product.workflow,
            archives=product.archives,
            clock=product.clock,
            metrics=product.metrics,
        )

        assert baselines(product) == set()

    def test_a_deleted_export_that_was_good_leaves_its_baseline(self) -> None:
        product = Product(contacts("a"))
        job = run(product)
        delete_export(
            TENANT, job.id, jobs=product.jobs, workflow=product.workflow, archives=product.archives, clock=product.clock
        )

        assert incremental(product, run(product))["parent_export"] == job.id
