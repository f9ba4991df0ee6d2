"""Each step with its sample event: what the state machine gets back."""

import json
import traceback
from typing import Any

import pytest
from tests.handlers.conftest import EVENTS, Invoke, sample
from tests.unit.services.exports import TENANT, Product, record

from waybill.domain.errors import ExportGone, ObjectMissing, StorageUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.entry.task import UnforeseenError

STEPS = sorted(path.stem for path in (EVENTS / "task").glob("*.json"))


def of(job: ExportJob, **changes: object) -> Any:
    def change(event: dict[str, Any]) -> None:
        event.update(export_id=job.id, **changes)

    return change


def test_the_steps_make_an_export_of_what_they_hand_to_each_other(invoke: Invoke, product: Product) -> None:
    product.contacts = [record("ada"), record("bob")]
    job = product.create()

    planned = invoke("task", "plan_export", of(job))
    (batch,) = json.loads(product.archives.objects[planned["key"]])
    assert invoke("task", "read_chunk", of(job, batch=batch)) == {"done": True}
    packing = invoke("task", "plan_parts", of(job))
    assert (packing["ready"], json.loads(product.archives.objects[packing["key"]])) == (True, [0])
    assert invoke("task", "pack_part", of(job, batch=0)) == {"done": True}
    assert invoke("task", "finish_export", of(job))["ready"] is True

    assert product.jobs.get(TENANT, job.id).state is ExportState.DONE


def test_what_failed_is_told_in_the_words_of_the_step(invoke: Invoke, product: Product) -> None:
    job = product.create()
    product.archives.fail_on[f"exports/{job.id}/work/read-batches.json"] = StorageUnavailable("S3 does not answer.")
    with pytest.raises(StorageUnavailable):
        invoke("task", "plan_export", of(job))

    invoke("task", "fail_export", of(job))

    failed = product.jobs.get(TENANT, job.id)
    assert failed.state is ExportState.ERROR
    assert failed.error.startswith("S3 does not answer. Retry the export")
    assert product.metrics.values["ExportsFailed"] == 1
    assert product.jobs.failure(TENANT, job.id) is None


def test_a_fault_of_ours_is_told_by_kind_and_place_alone(invoke: Invoke, product: Product) -> None:
    job = product.create()
    product.jobs.fail_on["get"] = RuntimeError("alice@example.org")

    with pytest.raises(UnforeseenError) as caught:
        invoke("task", "plan_export", of(job))

    assert "RuntimeError" in str(caught.value)
    assert "alice@example.org" not in "".join(traceback.format_exception(caught.value))


def test_a_step_that_left_no_words_is_named_by_its_error(invoke: Invoke, product: Product) -> None:
    job = product.create()

    invoke("task", "fail_export", of(job))

    assert "States.Timeout" in product.jobs.get(TENANT, job.id).error


def test_a_failure_of_the_attempt_before_changes_nothing(invoke: Invoke, product: Product) -> None:
    job = product.create().failed(product.clock(), "No.")
    product.jobs.replace(job)
    product.jobs.replace(job.retried(product.clock()))
    product.jobs.note_failure(TENANT, job.id, "This attempt's own words.")

    invoke("task", "fail_export", of(job))
    assert product.jobs.get(TENANT, job.id) == job.retried(product.clock())

    invoke("task", "fail_export", lambda event: event.update(export_id=job.id, attempt=1))
    assert product.jobs.get(TENANT, job.id).error == "This attempt's own words."


@pytest.mark.parametrize(
    ("attempt", "noted"), [({"attempt": 0}, False), ({"attempt": 1}, True), ({}, True)], ids=["late", "present", "old"]
)
def test_a_step_of_the_attempt_before_does_not_explain_the_next_one(
    invoke: Invoke, product: Product, attempt: dict[str, int], noted: bool
) -> None:
    job = product.create().failed(product.clock(), "No.")
    product.jobs.replace(job)
    product.jobs.replace(job.retried(product.clock()))

    def late(event: dict[str, Any]) -> None:
        del event["attempt"]
        event.update(export_id=job.id, **attempt)

    with pytest.raises(ObjectMissing):
        invoke("task", "plan_parts", late)
    assert bool(product.jobs.failures) == noted


def test_a_step_that_fails_when_its_export_has_ended_leaves_no_note(
    invoke: Invoke, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = product.create()
    put = product.archives.put

    def put_late(key: str, data: bytes, **named: Any) -> None:
        product.jobs.replace(job.failed(product.clock(), "No."))
        monkeypatch.setattr(product.archives, "put", put)
        raise StorageUnavailable("S3 does not answer.")

    monkeypatch.setattr(product.archives, "put", put_late)
    with pytest.raises(StorageUnavailable):
        invoke("task", "plan_export", of(job))
    assert product.jobs.failures == {}


def test_an_execution_of_an_older_release_is_the_first_attempt(invoke: Invoke, product: Product) -> None:
    job = product.create()

    invoke("task", "fail_export", lambda event: (event.update(export_id=job.id), event.pop("attempt")))

    assert product.jobs.get(TENANT, job.id).state is ExportState.ERROR


def test_failing_an_export_that_has_ended_changes_nothing(invoke: Invoke, product: Product) -> None:
    job = product.export()

    invoke("task", "fail_export", of(job))

    assert product.jobs.get(TENANT, job.id) == job


@pytest.mark.parametrize("step", [step for step in STEPS if step != "fail_export"])
def test_a_step_of_a_deleted_export_stops_and_leaves_no_note(invoke: Invoke, product: Product, step: str) -> None:
    job = product.create()
    product.jobs.replace(job.deleted(product.clock()))

    with pytest.raises(ExportGone):
        invoke("task", step, of(job))
    assert product.jobs.failures == {}
    assert product.archives.objects == {}


@pytest.mark.parametrize("step", STEPS)
def test_samples_name_the_export_that_they_are_about(step: str) -> None:
    assert {"tenant", "export_id"} <= set(sample("task", step))
