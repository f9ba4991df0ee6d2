"""An import from its request to its report, run by the real state machine, and back."""

import json
import threading
import time
from typing import Any

import pytest
from tests.workflow.conftest import Stack

from waybill.domain import import_keys
from waybill.domain.errors import StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportState, UndoCounts
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind, OnConflict
from waybill.domain.upload import new_upload
from waybill.domain.upload_keys import upload_object
from waybill.entry.bootstrap import wiring
from waybill.services.create_import import create_import
from waybill.services.delete_import import delete_import
from waybill.services.import_report import report_of
from waybill.services.undo_import import undo_import

TENANT = "alice"
DOCTYPE = "io.cozy.contacts"
POLL = threading.Event()
MINUTE_MS = 60_000


def contacts(*names: str) -> list[dict[str, Any]]:
    return [{"_id": name, "fullname": name.title()} for name in names]


def upload(stack: Stack, content: bytes) -> ImportInput:
    """Store a complete upload."""
    parts = wiring()
    made = new_upload(TENANT, "rows.json", len(content), parts.clock(), most=1 << 30).completed()
    parts.uploads.put(made)
    stack.client("s3").put_object(Bucket=stack.archives, Key=upload_object(made.id), Body=content)
    return ImportInput(InputKind.UPLOAD, made.id)


def run(stack: Stack, content: bytes, **options: Any) -> ImportJob:
    """Create an import and wait for its end."""
    return ended(stack, start(stack, content, **options))


def start(stack: Stack, content: bytes, **options: Any) -> ImportJob:
    parts = wiring()
    asked = ImportOptions((upload(stack, content),), **{"doctype": DOCTYPE, **options})
    return create_import(
        TENANT,
        asked,
        pointers=("/data/attributes/upload",),
        most_running=parts.settings.max_running_imports,
        catalog=parts.catalog,
        imports=parts.imports,
        uploads=parts.uploads,
        archives=parts.archives,
        workflow=parts.import_workflow,
        clock=parts.clock,
        metrics=parts.metrics,
    ).job


def undo(stack: Stack, job: ImportJob) -> ImportJob:
    """Undo an import and wait for the end of that."""
    parts = wiring()
    undoing = undo_import(
        TENANT,
        job.id,
        most_running=parts.settings.max_running_imports,
        imports=parts.imports,
        workflow=parts.import_workflow,
        clock=parts.clock,
        metrics=parts.metrics,
    )
    return ended(stack, undoing)


def execution(stack: Stack, job: ImportJob) -> str:
    return stack.import_machine.replace(":stateMachine:", ":execution:") + f":{job.execution}"


def ended(stack: Stack, job: ImportJob) -> ImportJob:
    """Wait for the execution of an import; return it then."""
    deadline = time.monotonic() + 60
    arn = execution(stack, job)
    while stack.client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline, stack.steps.calls
        POLL.wait(0.02)
    return wiring().imports.get(TENANT, job.id)


def history(stack: Stack, job: ImportJob) -> list[str]:
    arn = execution(stack, job)
    events = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def stored(stack: Stack) -> dict[str, Any]:
    """The contacts in the target, by id."""
    items = stack.client("dynamodb").scan(TableName=stack.documents)["Items"]
    found = [item for item in items if item["pk"]["S"] == f"{TENANT}#{DOCTYPE}"]
    return {item["sk"]["S"]: json.loads(item["body"]["S"]) for item in found}


def kept(stack: Stack, job: ImportJob) -> set[str]:
    listed = stack.client("s3").list_objects_v2(Bucket=stack.archives, Prefix=import_keys.prefix(job.id))
    return {each["Key"].removeprefix(import_keys.prefix(job.id)) for each in listed.get("Contents", [])}


GOOD = json.dumps(contacts("ada", "bob", "cyd")).encode()
MIXED = json.dumps([*contacts("ada", "bob"), {"_id": 7}, *contacts("ada")]).encode()


def test_the_rows_are_in_the_target_and_nothing_staged_is_left(stack: Stack) -> None:
    job = run(stack, GOOD)

    assert (job.state, job.error) == (ImportState.DONE, "")
    assert stored(stack) == {row["_id"]: row for row in contacts("ada", "bob", "cyd")}
    assert (job.counts.rows, job.counts.accepted, job.counts.written) == (3, 3, 3)
    assert not {key for key in kept(stack, job) if key.startswith("work/")}
    assert "report.json" in kept(stack, job)


def test_an_import_that_fits_one_worker_enters_at_most_ten_states(stack: Stack) -> None:
    job = run(stack, GOOD)

    entered = history(stack, job)
    assert entered[-1] == "ImportDone"
    assert len(entered) <= 10


def test_bad_rows_are_told_and_keep_no_others_from_being_written(stack: Stack) -> None:
    job = run(stack, MIXED)

    report = report_of(job.id, wiring().archives)
    assert job.state is ImportState.DONE
    assert set(stored(stack)) == {"ada", "bob"}
    assert report is not None
    assert (report.doctypes[DOCTYPE].accepted, report.doctypes[DOCTYPE].failed) == (2, 2)
    assert [fault.row for fault in report.faults] == [3, 4]
    failures = f"failures/{report.doctypes[DOCTYPE].failures}"
    assert failures in kept(stack, job)


def test_a_dry_run_tells_the_same_and_writes_nothing(stack: Stack) -> None:
    dry = run(stack, MIXED, dry_run=True)
    assert stored(stack) == {}
    real = run(stack, MIXED)

    reports = [report_of(job.id, wiring().archives) for job in (dry, real)]
    assert dry.counts.accepted == real.counts.accepted == 2
    assert reports[0] is not None
    assert reports[1] is not None
    assert reports[0].faults == reports[1].faults


def test_workers_that_run_out_of_time_are_called_again(stack: Stack) -> None:
    stack.steps.milliseconds = lambda _: MINUTE_MS  # the reserve: each call does the least it can

    job = run(stack, GOOD)

    assert job.state is ImportState.DONE
    assert set(stored(stack)) == {"ada", "bob", "cyd"}


def test_a_step_that_dies_behind_its_work_is_repeated_without_harm(stack: Stack) -> None:
    stack.steps.late = {"StageImport", "ValidateRows", "LoadRows", "FinishImport"}
    stack.steps.faults = {
        name: lambda _, call: StorageUnavailable("The answer was lost.") if call == 1 else None
        for name in stack.steps.late
    }

    job = run(stack, MIXED)

    assert (job.state, job.counts.written) == (ImportState.DONE, 2)
    assert set(stored(stack)) == {"ada", "bob"}


def test_an_input_that_cannot_be_taken_ends_the_import_with_its_reason_at_once(stack: Stack) -> None:
    job = run(stack, b"\x00\x01\x02 no rows")

    assert job.state is ImportState.ERROR
    assert job.error_code not in {"", "import_failed", "input_refused"}
    assert stack.steps.calls == ["StageImport", "FailImport"]
    assert not {key for key in kept(stack, job) if key.startswith("work/")}


def test_a_step_that_fails_for_good_ends_the_import_with_a_report_of_what_was_judged(stack: Stack) -> None:
    stack.steps.faults = {"LoadRows": lambda _, call: StorageUnavailable("The table does not answer.")}

    job = run(stack, MIXED)

    report = report_of(job.id, wiring().archives)
    assert (job.state, stored(stack)) == (ImportState.ERROR, {})
    assert stack.steps.calls.count("LoadRows") == 5
    assert report is not None
    assert report.doctypes[DOCTYPE].failed == 2


def test_undoing_takes_back_what_was_written_and_nothing_else(stack: Stack) -> None:
    run(stack, json.dumps(contacts("ada")).encode())
    newer = [{"_id": "ada", "fullname": "Ada Lovelace"}, *contacts("bob", "cyd")]
    job = run(stack, json.dumps(newer).encode(), on_conflict=OnConflict.REPLACE)
    assert stored(stack)["ada"]["fullname"] == "Ada Lovelace"
    changed = {"S": json.dumps({"_id": "cyd", "fullname": "Cyd Charisse"})}
    stack.client("dynamodb").update_item(
        TableName=stack.documents,
        Key={"pk": {"S": f"{TENANT}#{DOCTYPE}"}, "sk": {"S": "cyd"}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": changed},
    )

    undone = undo(stack, job)

    assert (undone.state, undone.undo) == (ImportState.UNDONE, UndoCounts(removed=1, restored=1, changed_since=1))
    assert {name: each["fullname"] for name, each in stored(stack).items()} == {"ada": "Ada", "cyd": "Cyd Charisse"}
    assert stack.steps.calls[-2:] == ["UndoRows", "FinishUndo"]


def test_an_undoing_that_fails_can_be_begun_again(stack: Stack) -> None:
    job = run(stack, GOOD)
    stack.steps.faults = {"UndoRows": lambda _, call: StorageUnavailable("Not now.")}
    failed = undo(stack, job)
    assert (failed.state, len(stored(stack))) == (ImportState.ERROR, 3)
    stack.steps.faults.clear()

    undone = undo(stack, failed)

    assert (undone.state, stored(stack)) == (ImportState.UNDONE, {})


@pytest.mark.parametrize("step", ["StageImport", "ValidateRows", "FinishImport"])
def test_an_import_that_is_deleted_under_a_step_leaves_nothing(stack: Stack, step: str) -> None:
    parts = wiring()

    def delete(payload: dict[str, Any], _: int) -> None:
        if step == "FinishImport":
            tombstone = parts.imports.get(TENANT, payload["import_id"]).deleted(parts.clock())
            parts.imports.replace(tombstone)
            return
        delete_import(
            TENANT,
            payload["import_id"],
            imports=parts.imports,
            workflow=parts.import_workflow,
            archives=parts.archives,
            clock=parts.clock,
        )

    stack.steps.faults = {step: delete}

    job = run(stack, GOOD)

    assert job.state is ImportState.DELETED
    if step != "FinishImport":
        assert kept(stack, job) == set()
        assert stored(stack) == {}
