"""Schedules from their making to their end, on ports in memory."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fake_events import MemoryBus, MemoryWebhooks, MemoryWebhookWorkflow
from tests.fake_schedules import MemoryScheduler, MemorySchedules
from tests.fakes import FakeMetrics
from tests.unit.services.exports import CATALOG, TENANT, Product, broken, record

from waybill.domain.chain import Chain
from waybill.domain.change_event import change_of
from waybill.domain.errors import (
    CatalogError,
    InvalidOptions,
    InvalidPageCursor,
    InvalidSchedule,
    InvalidScheduleName,
    ScheduleChanged,
    ScheduleNotFound,
    StorageUnavailable,
    TooManySchedules,
)
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.quota import QuotaLimits
from waybill.domain.schedule import MOST_SCHEDULES, Firing, RunResult, Schedule, ScheduleView, Terms, schedule_key
from waybill.services.delete_schedule import delete_schedule
from waybill.services.get_schedule import get_schedule
from waybill.services.list_schedules import list_schedules
from waybill.services.note_scheduled_end import note_scheduled_end
from waybill.services.publish_change import publish_change
from waybill.services.put_schedule import put_schedule
from waybill.services.run_schedule import run_schedule

HOURLY = Terms("rate(1 hour)")
NIGHTLY = Terms("cron(0 3 * * ? *)", "Europe/Berlin", options=ExportOptions(with_doctypes=("contacts",)))


@dataclass
class Planner:
    """The use cases of schedules upon a product in memory."""

    product: Product = field(default_factory=Product)
    schedules: MemorySchedules = field(default_factory=MemorySchedules)
    scheduler: MemoryScheduler = field(default_factory=MemoryScheduler)
    least: timedelta = timedelta(minutes=60)

    def __post_init__(self) -> None:
        self.product.schedules = self.schedules

    @property
    def now(self) -> datetime:
        return self.product.clock()

    def put(self, terms: Terms = HOURLY, name: str = "nightly", tenant: str = TENANT) -> tuple[ScheduleView, bool]:
        return put_schedule(
            tenant,
            name,
            terms,
            least=self.least,
            catalog=CATALOG,
            schedules=self.schedules,
            scheduler=self.scheduler,
            jobs=self.product.jobs,
            chains=self.product.chains,
            archives=self.product.archives,
            clock=self.product.clock,
        )

    def get(self, name: str = "nightly") -> ScheduleView:
        return get_schedule(TENANT, name, schedules=self.schedules, jobs=self.product.jobs, clock=self.product.clock)

    def names(self, limit: int = 20, after: str | None = None) -> tuple[list[str], str | None]:
        page = list_schedules(
            TENANT,
            limit=limit,
            after=after,
            schedules=self.schedules,
            jobs=self.product.jobs,
            clock=self.product.clock,
        )
        return [each.schedule.name for each in page.views], page.after

    def delete(self, name: str = "nightly") -> None:
        delete_schedule(
            TENANT,
            name,
            schedules=self.schedules,
            scheduler=self.scheduler,
            chains=self.product.chains,
            archives=self.product.archives,
        )

    def fire(self, at: datetime | None = None, name: str = "nightly", options: ExportOptions | None = None) -> None:
        run_schedule(
            Firing(TENANT, "" if options else name, at or self.now, options),
            schedules=self.schedules,
            scheduler=self.scheduler,
            quota=self.product.limits,
            catalog=CATALOG,
            jobs=self.product.jobs,
            chains=self.product.chains,
            workflow=self.product.workflow,
            clock=self.product.clock,
            metrics=self.product.metrics,
        )

    def fire_when_due(self) -> ExportJob:
        """Move the clock to the next run, let it fire, and return the export that it started."""
        due = self.get().next_run
        assert due is not None
        self.product.clock.now = due
        self.fire()
        return self.product.jobs.get(TENANT, self.get().last_export)

    def make(self, job: ExportJob) -> None:
        """Let an export be made to its end."""
        for batch in self.product.plan(job):
            self.product.read(job, batch)
        self.product.plan_parts(job)
        self.product.pack(job)
        self.product.finish(job)

    def note_end(self, job: ExportJob) -> None:
        note_scheduled_end(TENANT, job.id, schedules=self.schedules, jobs=self.product.jobs)


@pytest.fixture
def planner() -> Planner:
    return Planner()


class TestPutting:
    def test_a_new_schedule_is_stored_and_fires(self, planner: Planner) -> None:
        shown, is_new = planner.put(NIGHTLY)

        assert is_new
        assert shown == planner.get()
        assert shown.next_run == datetime(2026, 3, 2, 2, tzinfo=UTC)
        assert (shown.last_run, shown.last_result, shown.last_export) == (None, RunResult.NONE, "")
        assert planner.scheduler.firing[TENANT, "nightly"] == (shown.schedule, None)

    def test_a_rate_is_told_when_it_begins_and_goes_on_when_it_is_put_again(self, planner: Planner) -> None:
        planner.put(HOURLY)
        assert planner.scheduler.firing[TENANT, "nightly"][1] == planner.now + timedelta(hours=1)

        planner.product.clock.advance(minutes=90)
        shown, is_new = planner.put(replace(HOURLY, options=ExportOptions(without_files=True)))

        assert not is_new
        assert planner.scheduler.firing[TENANT, "nightly"] == (shown.schedule, planner.now + timedelta(minutes=30))

    def test_another_rate_begins_anew(self, planner: Planner) -> None:
        planner.put(HOURLY)
        planner.product.clock.advance(minutes=90)

        shown, _ = planner.put(Terms("rate(2 hours)"))

        assert shown.next_run == planner.now + timedelta(hours=2)

    def test_what_is_switched_off_has_no_next_run_and_is_not_missed(self, planner: Planner) -> None:
        planner.put(replace(HOURLY, enabled=False))
        planner.product.clock.advance(days=2)

        assert (planner.get().next_run, planner.get().last_result) == (None, RunResult.NONE)

    def test_replacing_keeps_what_is_known_of_the_last_run(self, planner: Planner) -> None:
        planner.put(HOURLY)
        job = planner.fire_when_due()
        created = planner.get().schedule.created_at

        shown, _ = planner.put(NIGHTLY)

        assert (shown.last_export, shown.last_result) == (job.id, RunResult.STARTED)
        assert shown.schedule.created_at == created

    @pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "x" * 65, "a\n"])
    def test_a_name_that_is_none_is_refused(self, planner: Planner, name: str) -> None:
        with pytest.raises(InvalidScheduleName):
            planner.put(name=name)
        assert planner.schedules.stored == {}

    @pytest.mark.parametrize(
        ("expression", "reason"),
        [
            ("rate(59 minutes)", "59 minutes"),
            ("cron(0/30 3 * * ? *)", "30 minutes"),
            ("cron(0,59 0,23 1,31 * ? *)", "1 minute"),
            ("cron(0 3 30 2 ? *)", "never fires"),
            ("cron(0 3 * * ? 2025)", "never fires"),
        ],
    )
    def test_too_often_or_never_is_refused(self, planner: Planner, expression: str, reason: str) -> None:
        with pytest.raises(InvalidSchedule, match=reason) as refused:
            planner.put(Terms(expression))
        assert refused.value.pointer == "/data/attributes/expression"
        assert planner.schedules.stored == {}

    def test_how_often_is_the_operators_to_say(self, planner: Planner) -> None:
        planner.least = timedelta(minutes=1)
        assert planner.put(Terms("rate(1 minute)"))[1]

    def test_options_that_the_catalog_has_no_place_for_are_named_where_they_stand(self, planner: Planner) -> None:
        with pytest.raises(InvalidOptions) as refused:
            planner.put(Terms("rate(1 day)", options=ExportOptions(with_doctypes=("contacts", "recipes"))))
        assert refused.value.pointer == "/data/attributes/options/with_doctypes/1"

    def test_one_too_many_is_refused_and_not_kept(self, planner: Planner) -> None:
        for number in range(MOST_SCHEDULES):
            planner.put(name=f"number-{number}")
        planner.put(name="anothers", tenant="bob")

        with pytest.raises(TooManySchedules):
            planner.put(name="one-more")

        assert (TENANT, "one-more") not in planner.schedules.stored
        assert (TENANT, "one-more") not in planner.scheduler.firing
        planner.put(NIGHTLY, name="number-0")
        assert planner.get("number-0").schedule.terms == NIGHTLY

    def test_what_broke_off_after_the_record_heals_when_it_is_put_again(self, planner: Planner) -> None:
        planner.scheduler.fail_on["put"] = StorageUnavailable("Scheduler does not answer.")
        with pytest.raises(StorageUnavailable):
            planner.put()
        assert planner.get()

        planner.scheduler.fail_on.clear()
        planner.put()

        assert (TENANT, "nightly") in planner.scheduler.firing

    def test_what_aws_does_not_take_leaves_everything_as_it_was(self, planner: Planner) -> None:
        planner.scheduler.fail_on["put"] = InvalidSchedule("expression: no.", "/data/attributes/expression")
        with pytest.raises(InvalidSchedule):
            planner.put()
        assert planner.schedules.stored == {}

        planner.scheduler.fail_on.clear()
        planner.put(HOURLY)
        planner.scheduler.fail_on["put"] = InvalidSchedule("expression: no.", "/data/attributes/expression")
        with pytest.raises(InvalidSchedule):
            planner.put(NIGHTLY)
        assert planner.get().schedule.terms == HOURLY

    def test_a_change_that_comes_between_is_not_lost(self, planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
        planner.put(HOURLY)
        stock = planner.schedules.put

        def interrupted(schedule: Schedule) -> None:
            monkeypatch.setattr(planner.schedules, "put", stock)
            planner.fire(planner.now)
            stock(schedule)

        monkeypatch.setattr(planner.schedules, "put", interrupted)
        shown, _ = planner.put(NIGHTLY)

        assert (shown.schedule.terms, shown.last_result) == (NIGHTLY, RunResult.STARTED)

    def test_who_is_always_interrupted_is_told_to_repeat(self, planner: Planner) -> None:
        planner.schedules.fail_on["put"] = ScheduleChanged("It was changed.")
        with pytest.raises(ScheduleChanged, match="Repeat"):
            planner.put()


class TestRunning:
    def test_a_firing_starts_one_export_with_the_options(self, planner: Planner) -> None:
        planner.put(NIGHTLY)

        job = planner.fire_when_due()

        assert job.options == NIGHTLY.options
        assert planner.product.workflow.started == [job.id]
        assert planner.get().last_run == datetime(2026, 3, 2, 2, tzinfo=UTC)
        assert planner.product.metrics.values["ScheduledRuns"] == 1

    def test_a_firing_that_is_delivered_twice_is_one_export(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()

        planner.fire()
        planner.fire(planner.now - timedelta(hours=1))

        assert planner.product.workflow.started == [job.id]

    def test_a_firing_that_died_before_it_was_noted_is_the_same_export(self, planner: Planner) -> None:
        planner.put()
        planner.schedules.fail_on["put"] = StorageUnavailable("DynamoDB does not answer.")
        with pytest.raises(StorageUnavailable):
            planner.fire()
        (job,) = planner.product.jobs.jobs.values()

        planner.schedules.fail_on.clear()
        planner.fire()

        assert planner.product.workflow.started == [job.id]
        assert planner.get().last_export == job.id

    @pytest.mark.parametrize(
        ("meanwhile", "result"),
        [("other options", RunResult.STARTED), ("done", RunResult.DONE), ("deleted", RunResult.ERROR)],
    )
    def test_it_is_that_export_whatever_was_changed_meanwhile(
        self, planner: Planner, meanwhile: str, result: RunResult
    ) -> None:
        planner.put()
        planner.schedules.fail_on["put"] = StorageUnavailable("DynamoDB does not answer.")
        with pytest.raises(StorageUnavailable):
            planner.fire()
        (job,) = planner.product.jobs.jobs.values()
        planner.schedules.fail_on.clear()
        if meanwhile == "other options":
            planner.put(replace(HOURLY, options=ExportOptions(without_files=True)))
        if meanwhile == "done":
            planner.make(job)
        if meanwhile == "deleted":
            planner.product.jobs.replace(job.deleted(planner.now))

        planner.fire()

        shown = planner.get()
        assert planner.product.workflow.started == [job.id]
        assert (shown.last_export, shown.last_result) == (job.id, result)
        assert "deployment" not in shown.last_error

    def test_a_quota_that_is_used_up_refuses_the_run_and_the_next_one_is_free(self, planner: Planner) -> None:
        planner.put()
        planner.product.limits = QuotaLimits(running=1, per_day=10)
        running = planner.product.create()

        planner.fire()
        assert (planner.get().last_result, planner.get().last_export) == (RunResult.REFUSED, "")
        assert planner.get().last_error

        planner.product.jobs.replace(running.failed(planner.now, "It failed."))
        assert planner.fire_when_due().options == ExportOptions()

    def test_a_schedule_that_was_switched_off_meanwhile_starts_nothing(self, planner: Planner) -> None:
        planner.put(replace(HOURLY, enabled=False))
        planner.fire()
        assert planner.product.jobs.jobs == {}

    def test_what_fires_without_a_record_is_removed(self, planner: Planner) -> None:
        planner.put()
        planner.schedules.delete(TENANT, "nightly")

        planner.fire()

        assert planner.scheduler.firing == {}
        assert planner.product.jobs.jobs == {}

    def test_what_refuses_an_export_stands_with_the_schedule(self, planner: Planner) -> None:
        planner.put()
        terms = Terms(HOURLY.expression, options=ExportOptions(with_doctypes=("recipes",)))
        stored = planner.schedules.stored[TENANT, "nightly"]
        planner.schedules.stored[TENANT, "nightly"] = replace(stored, terms=terms)

        planner.fire()

        shown = planner.get()
        assert (shown.last_result, shown.last_run, shown.last_export) == (RunResult.REFUSED, planner.now, "")
        assert "'recipes' is not exported here" in shown.last_error
        assert planner.product.metrics.values["ScheduledRunsRefused"] == 1

    def test_a_fault_of_the_deployment_is_told_without_its_inside(self, planner: Planner) -> None:
        planner.put()
        planner.product.jobs.fail_on["create"] = CatalogError("catalog.yaml names the variable SECRET.")

        planner.fire()

        assert planner.get().last_result is RunResult.ERROR
        assert "SECRET" not in planner.get().last_error

    def test_what_passes_by_itself_is_raised_and_nothing_is_noted(self, planner: Planner) -> None:
        planner.put()
        planner.product.jobs.fail_on["create"] = StorageUnavailable("DynamoDB does not answer.")

        with pytest.raises(StorageUnavailable):
            planner.fire()

        assert planner.get().last_result is RunResult.NONE

    def test_a_schedule_deleted_while_it_runs_stays_deleted(
        self, planner: Planner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planner.put()
        stock = planner.product.workflow.start

        def start(job: ExportJob) -> None:
            stock(job)
            planner.delete()

        monkeypatch.setattr(planner.product.workflow, "start", start)
        planner.fire()

        assert planner.schedules.stored == {}

    def test_the_operators_own_schedule_needs_no_record(self, planner: Planner) -> None:
        planner.fire(options=ExportOptions(without_files=True))

        (job,) = planner.product.jobs.jobs.values()
        assert job.options.without_files
        assert planner.schedules.stored == {}

    def test_what_refuses_the_operators_schedule_goes_to_the_operator(self, planner: Planner) -> None:
        with pytest.raises(InvalidOptions):
            planner.fire(options=ExportOptions(with_doctypes=("recipes",)))


class TestWhatBecameOfTheLastRun:
    def test_it_is_read_from_the_export_while_that_is_there(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        assert planner.get().last_result is RunResult.STARTED

        planner.make(job)

        assert (planner.get().last_result, planner.get().has_export) == (RunResult.DONE, True)

    def test_gaps_are_told(self, planner: Planner) -> None:
        planner.product.contacts = [record("ada"), broken("bob")]
        planner.put()
        planner.make(planner.fire_when_due())
        assert planner.get().last_result is RunResult.DONE_WITH_GAPS

    def test_a_failure_is_told_in_the_words_of_the_export(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        planner.product.jobs.replace(job.failed(planner.now, "The table is gone."))
        assert (planner.get().last_result, planner.get().last_error) == (RunResult.ERROR, "The table is gone.")

    def test_an_export_that_is_retried_counts_as_it_is_then(self, planner: Planner) -> None:
        planner.put(Terms("cron(0 3 1 * ? *)"))
        job = planner.fire_when_due()
        failed = job.failed(planner.now, "The table is gone.")
        planner.product.jobs.replace(failed)
        planner.note_end(job)
        assert planner.get().last_result is RunResult.ERROR

        retried = failed.retried(planner.now)
        planner.product.jobs.replace(retried)
        planner.note_end(job)
        assert (planner.get().last_result, planner.get().last_error) == (RunResult.STARTED, "")

        planner.make(retried)
        planner.note_end(job)
        del planner.product.jobs.jobs[TENANT, job.id]
        assert (planner.get().last_result, planner.get().last_error) == (RunResult.DONE, "")

    @pytest.mark.parametrize("removed", ["deleted", "expired and removed"])
    def test_what_was_noted_at_its_end_outlives_the_export(self, planner: Planner, removed: str) -> None:
        planner.put(Terms("cron(0 3 1 * ? *)"))
        job = planner.fire_when_due()
        planner.make(job)
        planner.note_end(job)
        planner.note_end(job)

        if removed == "deleted":
            planner.product.jobs.replace(planner.product.jobs.get(TENANT, job.id).deleted(planner.product.clock()))
        else:
            del planner.product.jobs.jobs[TENANT, job.id]

        shown = planner.get()
        assert (shown.last_result, shown.last_export, shown.has_export) == (RunResult.DONE, job.id, False)

    def test_the_end_is_noted_when_the_change_is_told(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        planner.make(job)
        change = change_of(job, planner.product.jobs.get(TENANT, job.id), planner.now)
        assert change is not None

        publish_change(
            TENANT,
            change,
            bus=MemoryBus(),
            webhooks=MemoryWebhooks(),
            workflow=MemoryWebhookWorkflow(),
            schedules=planner.schedules,
            jobs=planner.product.jobs,
            metrics=FakeMetrics(),
        )

        run = planner.schedules.stored[TENANT, "nightly"].run
        assert run is not None
        assert run.result is RunResult.DONE

    def test_an_export_that_failed_and_was_retried_is_told_as_what_it_is_now(self, planner: Planner) -> None:
        planner.put()
        failed = planner.fire_when_due().failed(planner.now, "The bucket refused.")
        planner.product.jobs.replace(failed)
        planner.note_end(failed)
        told = []

        retried = failed.retried(planner.now)
        for state in (retried, retried.finished(planner.now, parts=1, total_size=1, gaps=0)):
            planner.product.jobs.replace(state)
            shown = planner.get()
            planner.note_end(state)
            told += [(shown.last_result, shown.last_error), (planner.get().last_result, planner.get().last_error)]

        assert told == [(RunResult.STARTED, "")] * 2 + [(RunResult.DONE, "")] * 2

    def test_what_became_of_an_export_is_known_from_its_tombstone_too(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        planner.make(job)
        planner.product.jobs.replace(planner.product.jobs.get(TENANT, job.id).deleted(planner.now))

        assert planner.get().last_result is RunResult.DONE

    def test_an_export_that_is_deleted_while_it_runs_did_not_get_done(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        planner.product.jobs.replace(job.deleted(planner.product.clock()))
        planner.note_end(job)
        assert planner.get().last_result is RunResult.ERROR
        assert planner.schedules.stored[TENANT, "nightly"].run == planner.get().schedule.run

    def test_an_export_that_ends_before_it_is_noted_is_noted_as_ended(
        self, planner: Planner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planner.put()
        stock = planner.product.workflow.start

        def start_and_end(job: ExportJob) -> None:
            stock(job)
            planner.product.jobs.replace(job.failed(planner.now, "At once."))
            planner.note_end(job)

        monkeypatch.setattr(planner.product.workflow, "start", start_and_end)
        planner.fire()

        run = planner.schedules.stored[TENANT, "nightly"].run
        assert run is not None
        assert (run.result, run.error) == (RunResult.ERROR, "At once.")

    def test_the_end_of_any_other_export_changes_no_schedule(self, planner: Planner) -> None:
        planner.put()
        before = dict(planner.schedules.stored)
        planner.note_end(planner.product.create())
        assert planner.schedules.stored == before

    def test_a_run_that_is_15_minutes_late_is_missed_until_one_takes_place(self, planner: Planner) -> None:
        planner.put()
        due = planner.get().next_run
        assert due is not None
        planner.product.clock.now = due + timedelta(minutes=14, seconds=59)
        assert planner.get().last_result is RunResult.NONE

        planner.product.clock.advance(seconds=1)
        assert planner.get().last_result is RunResult.MISSED
        assert due.isoformat() in planner.get().last_error

        planner.fire(due)
        assert planner.get().last_result is RunResult.STARTED

    @pytest.mark.parametrize(("minutes", "fine"), [("30", 74), ("0/15", 44)])
    def test_a_run_of_an_hour_that_comes_twice_is_not_missed_before_the_second(
        self, planner: Planner, minutes: str, fine: int
    ) -> None:
        """AWS does not say in which of the two it fires."""
        planner.least = timedelta(minutes=15)
        planner.product.clock.now = datetime(2026, 10, 24, 12, tzinfo=UTC)
        planner.put(Terms(f"cron({minutes} 2 * * ? *)", "Europe/Berlin"))
        first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

        planner.product.clock.now = first + timedelta(minutes=fine)
        assert planner.get().last_result is RunResult.NONE
        planner.product.clock.now = first + timedelta(minutes=76)
        assert planner.get().last_result is RunResult.MISSED
        planner.fire(first + timedelta(hours=1))
        assert planner.get().last_result is RunResult.STARTED

    def test_a_missed_run_does_not_hide_which_export_was_the_last(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()
        planner.product.clock.advance(hours=1, minutes=16)
        assert (planner.get().last_result, planner.get().last_export) == (RunResult.MISSED, job.id)

    def test_nothing_is_missed_that_was_due_before_the_schedule_was_changed(self, planner: Planner) -> None:
        planner.put(Terms("cron(0 3 * * ? *)"))
        planner.product.clock.advance(days=2)
        assert planner.get().last_result is RunResult.MISSED

        planner.put(Terms("cron(0 11 * * ? *)"))

        assert planner.get().last_result is RunResult.NONE


class TestListingAndDeleting:
    def test_pages_go_by_name(self, planner: Planner) -> None:
        for name in ("b", "a", "C", "d"):
            planner.put(name=name)
        assert planner.names() == (["C", "a", "b", "d"], None)
        assert planner.names(2) == (["C", "a"], "a")
        assert planner.names(2, "a") == (["b", "d"], None)
        with pytest.raises(InvalidPageCursor):
            planner.names(2, "a b")

    def test_a_deleted_schedule_fires_no_more_and_its_exports_stay(self, planner: Planner) -> None:
        planner.put()
        job = planner.fire_when_due()

        planner.delete()

        assert (planner.schedules.stored, planner.scheduler.firing) == ({}, {})
        assert planner.product.jobs.get(TENANT, job.id).state is ExportState.EXPORTING
        with pytest.raises(ScheduleNotFound, match="of this name"):
            planner.delete()
        with pytest.raises(ScheduleNotFound):
            planner.get()

    def test_what_broke_off_in_between_is_deleted_when_it_is_repeated(self, planner: Planner) -> None:
        planner.put()
        planner.schedules.fail_on["delete"] = StorageUnavailable("DynamoDB does not answer.")
        with pytest.raises(StorageUnavailable):
            planner.delete()

        planner.schedules.fail_on.clear()
        planner.delete()

        assert (planner.schedules.stored, planner.scheduler.firing) == ({}, {})

    @pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 5_000])
    def test_what_cannot_be_a_name_is_not_found_and_not_looked_for(self, planner: Planner, name: str) -> None:
        planner.schedules.fail_on["get"] = StorageUnavailable("The key is too long.")
        with pytest.raises(ScheduleNotFound):
            planner.get(name)
        with pytest.raises(ScheduleNotFound):
            planner.delete(name)


def test_the_digest_of_a_schedule_tells_tenant_and_name_apart() -> None:
    assert schedule_key("a", "bc") != schedule_key("ab", "c")
    assert schedule_key("1:a", "b") != schedule_key("1", "a:b")
    assert len(schedule_key("a", "b")) == 64


def test_a_firing_has_a_key_of_its_own_among_all_reasons_to_export() -> None:
    moment = datetime(2026, 3, 1, 3, tzinfo=UTC)
    assert Firing("alice", "nightly", moment).idempotency_key == "schedule:nightly:2026-03-01T03:00:00+00:00"


class TestIncremental:
    """Runs of an incremental schedule build on each other, until it is deleted."""

    TERMS = Terms("rate(1 hour)", incremental=True)

    def test_each_run_builds_on_the_last_good_one(self, planner: Planner) -> None:
        planner.put(self.TERMS)
        first = planner.fire_when_due()
        planner.make(first)
        failed = planner.fire_when_due()
        planner.product.jobs.replace(failed.failed(planner.now, "It failed."))
        third = planner.fire_when_due()

        assert first.chain == Chain(planner.get().schedule.chain_key)
        assert failed.chain is not None
        assert third.chain == failed.chain
        assert failed.chain.parent_export == first.id

    def test_a_schedule_that_is_not_incremental_makes_exports_for_themselves(self, planner: Planner) -> None:
        planner.put()
        assert planner.fire_when_due().chain is None

    def test_deleting_it_removes_what_the_runs_left_for_the_next(self, planner: Planner) -> None:
        planner.put(self.TERMS)
        planner.make(planner.fire_when_due())
        assert [key for key in planner.product.archives.objects if key.startswith("chains/")]

        planner.delete()

        assert not [key for key in planner.product.archives.objects if key.startswith("chains/")]
        planner.put(self.TERMS)
        assert planner.fire_when_due().chain == Chain(planner.get().schedule.chain_key)

    def test_made_again_it_begins_anew_though_a_run_was_going_on_when_it_was_deleted(self, planner: Planner) -> None:
        planner.put(self.TERMS)
        running = planner.fire_when_due()
        planner.delete()
        planner.put(self.TERMS)
        planner.make(running)

        chain = planner.fire_when_due().chain

        assert chain is not None
        assert chain.parent_export == ""

    def test_a_layout_without_a_place_for_deletions_is_refused(self, planner: Planner) -> None:
        options = ExportOptions(layout="plain", format="json", without_files=True)
        with pytest.raises(InvalidOptions) as refused:
            planner.put(replace(self.TERMS, options=options))
        assert refused.value.pointer == "/data/attributes/options/layout"
        assert planner.schedules.stored == {}
