"""A chain of exports, run by the real state machine on the real adapters."""

import io
import json
import tarfile
import time
from datetime import UTC, datetime

import pytest
from tests.workflow.conftest import Stack
from tests.workflow.test_export_workflow import POLL, contact, keys_of, manifest, put_file, put_records

from waybill.domain.errors import LedgerMismatch
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Terms, new_schedule
from waybill.entry.bootstrap import wiring
from waybill.services.chains import forget_chain, next_in_chain
from waybill.services.create_export import create_export

TENANT = "alice"
SCHEDULE = new_schedule(TENANT, "nightly", Terms("rate(1 day)", incremental=True), datetime(2026, 3, 1, tzinfo=UTC))
CHAIN = SCHEDULE.chain_key


@pytest.fixture(autouse=True)
def schedule(stack: Stack) -> None:
    """Whose runs make the chain."""
    wiring().schedules.put(SCHEDULE)


def run(stack: Stack) -> ExportJob:
    """Make the next export of the chain, as a schedule does."""
    parts = wiring()
    job = create_export(
        TENANT,
        ExportOptions(format="tar"),
        quota=parts.settings.quota,
        catalog=parts.catalog,
        jobs=parts.jobs,
        workflow=parts.workflow,
        clock=parts.clock,
        metrics=parts.metrics,
        chain=next_in_chain(TENANT, CHAIN, chains=parts.chains),
    )
    deadline = time.monotonic() + 60
    execution = stack.state_machine.replace(":stateMachine:", ":execution:") + f":{job.execution}"
    while stack.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline, stack.steps.calls
        POLL.wait(0.02)
    return parts.jobs.get(TENANT, job.id)


def payload(stack: Stack, job: ExportJob) -> dict[str, bytes]:
    """What an export holds, by path in the bag."""
    found = {}
    for key in keys_of(stack, job):
        if "/parts/" in key:
            part = stack.client("s3").get_object(Bucket=stack.archives, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(part)) as archive:
                for member in archive.getmembers():
                    content = archive.extractfile(member)
                    if content is not None:
                        found[member.name.partition("/")[2]] = content.read()
    return found


def left_for_the_next(stack: Stack) -> set[str]:
    """The exports that have left something under the chain."""
    listed = stack.client("s3").list_objects_v2(Bucket=stack.archives, Prefix="chains/")
    return {each["Key"].split("/")[2] for each in listed.get("Contents", [])}


@pytest.fixture
def first(stack: Stack) -> ExportJob:
    """A full export of three contacts and two files."""
    put_records(stack, "io.cozy.contacts", {name: contact(name) for name in ("ada", "bob", "cyd")})
    put_file(stack, "f1", b"first")
    put_file(stack, "f2", b"second")
    return run(stack)


def test_the_second_export_has_what_has_changed_and_names_the_first(stack: Stack, first: ExportJob) -> None:
    put_records(stack, "io.cozy.contacts", {"bob": contact("robert"), "dan": contact("dan")})
    stack.client("dynamodb").delete_item(
        TableName=stack.documents, Key={"pk": {"S": f"{TENANT}#io.cozy.contacts"}, "sk": {"S": "ada"}}
    )
    stack.client("s3").put_object(Bucket=stack.files, Key=f"{TENANT}/f2", Body=b"another")

    job = run(stack)

    told = manifest(stack, job)
    assert (job.state, job.error) == (ExportState.DONE, "")
    assert (told["incremental"]["full"], told["incremental"]["parent_export"]) == (False, first.id)
    assert told["doctypes"]["io.cozy.contacts"] == {
        "expected": 3, "written": 2, "unchanged": 1, "skipped": 0, "failed": 0,
    }  # fmt: skip
    assert told["files"] == {"expected": 2, "written": 1, "unchanged": 1, "skipped": 0, "failed": 0}
    found = payload(stack, job)
    (deleted,) = (content for path, content in found.items() if "/deleted-" in path)
    assert [json.loads(line) for line in deleted.splitlines()] == [{"key": "ada"}]
    assert [content for path, content in found.items() if path.startswith("data/files/")] == [b"another"]
    assert left_for_the_next(stack) == {job.id}


def test_a_run_whose_step_dies_is_made_again_and_the_next_builds_on_it(stack: Stack, first: ExportJob) -> None:
    put_records(stack, "io.cozy.contacts", {"dan": contact("dan")})
    stack.steps.faults["FinishExport"] = lambda _, number: RuntimeError("It died.") if number == 2 else None
    stack.steps.late.add("FinishExport")

    second = run(stack)
    stack.steps.faults.clear()
    third = run(stack)

    assert second.state is ExportState.DONE
    assert manifest(stack, second)["incremental"]["parent_export"] == first.id
    assert manifest(stack, third)["incremental"]["parent_export"] == second.id
    assert manifest(stack, third)["doctypes"]["io.cozy.contacts"]["unchanged"] == 4
    assert left_for_the_next(stack) == {third.id}


def test_a_run_that_fails_is_as_if_it_never_was(stack: Stack, first: ExportJob) -> None:
    put_records(stack, "io.cozy.contacts", {"dan": contact("dan")})
    stack.steps.faults["PlanParts"] = lambda *_: LedgerMismatch("It does not add up.")

    failed = run(stack)
    stack.steps.faults.clear()
    job = run(stack)

    assert failed.state is ExportState.ERROR
    assert manifest(stack, job)["incremental"]["parent_export"] == first.id
    assert manifest(stack, job)["doctypes"]["io.cozy.contacts"]["written"] == 1


def test_a_forgotten_chain_leaves_nothing(stack: Stack, first: ExportJob) -> None:
    forget_chain(TENANT, CHAIN, chains=wiring().chains, archives=wiring().archives)

    assert left_for_the_next(stack) == set()
    assert manifest(stack, run(stack))["incremental"]["reason"] == "first_run"
    assert first.state is ExportState.DONE


def test_a_run_that_is_done_when_its_schedule_is_gone_leaves_nothing(stack: Stack) -> None:
    wiring().schedules.delete(TENANT, SCHEDULE.name)

    assert run(stack).state is ExportState.DONE
    assert left_for_the_next(stack) == set()
    assert wiring().chains.last_good(TENANT, CHAIN) is None
