"""An export from its job record to its manifest, run by the real state machine."""

import hashlib
import io
import json
import tarfile
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.workflow.conftest import Stack

from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.entry.bootstrap import wiring
from waybill.services.create_export import create_export
from waybill.services.delete_export import delete_export
from waybill.services.estimate_export import estimate_export
from waybill.services.retry_export import retry_export

TENANT = "alice"
POLL = threading.Event()


def put_records(stack: Stack, doctype: str, bodies: dict[str, str]) -> None:
    items = [
        {"pk": {"S": f"{TENANT}#{doctype}"}, "sk": {"S": name}, "body": {"S": body}} for name, body in bodies.items()
    ]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        stack.client("dynamodb").batch_write_item(RequestItems={stack.documents: puts})


def contact(name: str) -> str:
    return json.dumps({"_id": name, "fullname": name.title()})


def run(stack: Stack, options: ExportOptions | None = None) -> ExportJob:
    parts = wiring()
    job = create_export(
        TENANT,
        options or ExportOptions(),
        quota=parts.settings.quota,
        catalog=parts.catalog,
        jobs=parts.jobs,
        workflow=parts.workflow,
        clock=parts.clock,
        metrics=parts.metrics,
    )
    return ended(stack, job)


def ended(stack: Stack, job: ExportJob) -> ExportJob:
    """Wait for the execution of the job's latest attempt; return the job then."""
    deadline = time.monotonic() + 60
    execution = stack.state_machine.replace(":stateMachine:", ":execution:") + f":{job.execution}"
    while stack.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline, stack.steps.calls
        POLL.wait(0.02)
    return wiring().jobs.get(TENANT, job.id)


def retry(stack: Stack, job: ExportJob) -> ExportJob:
    """Retry a failed export and wait for its end."""
    parts = wiring()
    retried = retry_export(
        TENANT,
        job.id,
        quota=parts.settings.quota,
        jobs=parts.jobs,
        workflow=parts.workflow,
        clock=parts.clock,
        metrics=parts.metrics,
    )
    return ended(stack, retried)


def history(stack: Stack, job: ExportJob) -> list[str]:
    execution = stack.state_machine.replace(":stateMachine:", ":execution:") + f":{job.execution}"
    events = stack.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def manifest(stack: Stack, job: ExportJob) -> dict[str, Any]:
    body = stack.client("s3").get_object(Bucket=stack.archives, Key=f"exports/{job.id}/manifest.json")["Body"].read()
    return dict(json.loads(body))


def part_digests(stack: Stack, job: ExportJob) -> list[str]:
    return [part["sha256"] for part in manifest(stack, job)["parts"]]


def keys_of(stack: Stack, job: ExportJob) -> list[str]:
    listed = stack.client("s3").list_objects_v2(Bucket=stack.archives, Prefix=f"exports/{job.id}/")
    return [each["Key"] for each in listed.get("Contents", [])]


def record_ids(stack: Stack, job: ExportJob, doctype: str) -> list[str]:
    ids = []
    for key in keys_of(stack, job):
        if "/parts/" in key:
            part = stack.client("s3").get_object(Bucket=stack.archives, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(part)) as archive:
                for member in archive.getmembers():
                    content = archive.extractfile(member) if f"/data/{doctype}/" in member.name else None
                    ids += [json.loads(line)["_id"] for line in content or ()]
    return ids


def put_file(stack: Stack, name: str, content: bytes | None, directory: str = "root") -> None:
    record = {"_id": name, "type": "file", "name": f"{name}.txt", "dir_id": directory, "mime": "text/plain"}
    put_records(stack, "io.cozy.files", {name: json.dumps(record)})
    if content is not None:
        stack.client("s3").put_object(Bucket=stack.files, Key=f"{TENANT}/{name}", Body=content)


SMALL_PARTS = ExportOptions(parts_size=10_240)


@pytest.fixture
def many(stack: Stack) -> Stack:
    """A tenant with enough for many parts of 10,240 bytes."""
    put_records(stack, "io.cozy.contacts", {f"c{number:03}": contact(f"name {number}" * 40) for number in range(25)})
    put_records(
        stack, "io.cozy.todos", {f"t{number:03}": json.dumps({"title": f"{number}" * 99}) for number in range(25)}
    )
    for number in range(3):
        put_file(stack, f"f{number}", bytes(range(256)) * 30)
    return stack


@pytest.fixture
def undisturbed(many: Stack, digests: dict[str, list[str]]) -> list[str]:
    """The digests of the parts that an undisturbed export of ``many`` has; made once."""
    if not digests:
        digests["parts"] = part_digests(many, run(many, SMALL_PARTS))
        many.steps.calls.clear()
    return digests["parts"]


@pytest.fixture(scope="module")
def digests() -> dict[str, list[str]]:
    """What ``undisturbed`` keeps between tests."""
    return {}


def test_an_export_that_fits_one_worker_takes_at_most_ten_transitions(stack: Stack) -> None:
    put_records(stack, "io.cozy.contacts", {name: contact(name) for name in ("ada", "bob", "cyd")})

    job = run(stack)

    assert (job.state, job.error, job.gaps, job.parts) == (ExportState.DONE, "", 0, 1)
    assert manifest(stack, job)["doctypes"]["io.cozy.contacts"] == {
        "expected": 3,
        "written": 3,
        "skipped": 0,
        "failed": 0,
    }
    entered = [*history(stack, job), "ReadChunk", "PackPart"]
    assert len(entered) <= 10, entered


def test_the_number_of_transitions_does_not_grow_with_records(many: Stack) -> None:
    few = run(many, ExportOptions(with_doctypes=("io.cozy.todos",)))
    all_of_them = run(many)

    assert history(many, few) == history(many, all_of_them)


def test_an_estimate_knows_the_parts_and_the_states_that_are_entered(many: Stack) -> None:
    parts = wiring()
    for options in (SMALL_PARTS, ExportOptions(format="tar"), ExportOptions(layout="cozy", format="zip")):
        estimate = estimate_export(
            TENANT,
            options,
            quota=parts.settings.quota,
            catalog=parts.catalog,
            sources=parts.sources,
            jobs=parts.jobs,
            clock=parts.clock,
        )

        job = run(many, options)

        children = many.steps.calls.count("ReadChunk") + many.steps.calls.count("PackPart")
        many.steps.calls.clear()
        assert (estimate.exact, estimate.plan.parts) == (True, job.parts)
        assert estimate.forecast.usage.transitions == len(history(many, job)) + children
        assert estimate.amount.records == sum(count["written"] for count in manifest(many, job)["doctypes"].values())


def test_only_the_parts_and_what_they_are_checked_with_stay(many: Stack) -> None:
    job = run(many, SMALL_PARTS)

    prefix = f"exports/{job.id}/"
    manifest = many.client("s3").get_object(Bucket=many.archives, Key=f"{prefix}manifest.json")["Body"].read()
    checked_with = ["manifest.json", f"manifest.json.{hashlib.sha256(manifest).hexdigest()}.sig"]
    parts = [f"parts/part-{number:05}.tar.gz" for number in range(1, job.parts + 1)]
    assert keys_of(many, job) == [prefix + name for name in [*checked_with, *parts, "pieces.json"]]
    assert job.parts > 3


def test_the_same_data_gives_the_same_bytes(many: Stack) -> None:
    assert part_digests(many, run(many, SMALL_PARTS)) == part_digests(many, run(many, SMALL_PARTS))


def test_steps_that_have_no_time_come_back_until_all_is_done_with_the_same_bytes(
    many: Stack, undisturbed: list[str]
) -> None:
    many.steps.milliseconds = lambda name: 0
    job = run(many, SMALL_PARTS)

    assert job.state is ExportState.DONE
    assert part_digests(many, job) == undisturbed
    assert many.steps.calls.count("ReadChunk") >= 3
    assert many.steps.calls.count("PackPart") >= job.parts


@pytest.mark.parametrize("step", ["PlanExport", "ReadChunk", "PlanParts", "PackPart", "FinishExport"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_step_that_dies_is_tried_again_and_the_bytes_are_the_same(
    many: Stack, undisturbed: list[str], step: str, moment: str
) -> None:
    many.steps.faults[step] = lambda payload, call: RuntimeError("killed") if call == 1 else None
    many.steps.late = {step} if moment == "after" else set()
    job = run(many, SMALL_PARTS)

    assert many.steps.calls.count(step) == 2
    assert (job.state, job.gaps) == (ExportState.DONE, 0)
    assert part_digests(many, job) == undisturbed


def test_a_broken_record_and_a_missing_file_are_named_and_stop_nothing(stack: Stack) -> None:
    put_records(stack, "io.cozy.contacts", {"ada": contact("ada"), "bob": "{not json"})
    put_file(stack, "there", b"content")
    put_file(stack, "lost", None)

    job = run(stack)

    made = manifest(stack, job)
    assert (job.state, job.gaps) == (ExportState.DONE, 2)
    assert made["doctypes"]["io.cozy.contacts"] == {"expected": 2, "written": 1, "skipped": 0, "failed": 1}
    assert made["doctypes"]["io.cozy.files"] == {"expected": 2, "written": 2, "skipped": 0, "failed": 0}
    assert made["files"] == {"expected": 2, "written": 1, "skipped": 0, "failed": 1}
    assert {(gap["kind"], gap["id"], gap["code"]) for gap in made["gaps"]} == {
        ("record", "bob", "invalid_json"),
        ("file", "lost", "file_missing"),
    }


def test_a_file_that_vanishes_between_reading_and_packing_is_named(stack: Stack) -> None:
    put_file(stack, "there", b"content")
    put_file(stack, "going", b"content")

    def remove(payload: dict[str, Any], call: int) -> None:
        stack.client("s3").delete_object(Bucket=stack.files, Key=f"{TENANT}/going")

    stack.steps.faults["PackPart"] = remove
    job = run(stack)

    assert (job.state, job.gaps) == (ExportState.DONE, 1)
    assert [(gap["id"], gap["code"]) for gap in manifest(stack, job)["gaps"]] == [("going", "file_missing")]


def test_a_step_that_keeps_dying_leaves_a_sentence_that_a_person_can_act_on(stack: Stack) -> None:
    stack.steps.faults["PlanParts"] = lambda payload, call: RuntimeError("killed")

    job = run(stack)

    assert job.state is ExportState.ERROR
    assert "Retry the export" in job.error
    assert "killed" not in job.error
    assert history(stack, job)[-2:] == ["FailExport", "ExportFailed"]


def stored_at(stack: Stack, job: ExportJob, folder: str) -> dict[str, tuple[str, Any]]:
    """What lies in one of an export's folders, with version and time: what is written again has another time."""
    listed = stack.client("s3").list_objects_v2(Bucket=stack.archives, Prefix=f"exports/{job.id}/{folder}/")
    return {each["Key"]: (each["ETag"], each["LastModified"]) for each in listed.get("Contents", [])}


@pytest.mark.parametrize(("step", "first_killed"), [("PlanExport", 1), ("PlanParts", 3), ("FinishExport", 3)])
def test_an_export_that_failed_goes_on_when_it_is_retried(
    many: Stack, undisturbed: list[str], step: str, first_killed: int
) -> None:
    many.steps.milliseconds = lambda name: 0  # a call does one entry, or one part
    many.steps.faults[step] = lambda payload, call: RuntimeError("killed") if call >= first_killed else None
    failed = run(many, SMALL_PARTS)
    assert failed.state is ExportState.ERROR
    staged = stored_at(many, failed, "work/staged")
    packed = stored_at(many, failed, "parts")
    if step != "PlanExport":
        assert staged
    assert len(packed) == (0 if step != "FinishExport" else first_killed)

    many.steps.faults.clear()
    done = retry(many, failed)

    assert (done.state, done.attempt, done.gaps) == (ExportState.DONE, 1, 0)
    assert part_digests(many, done) == undisturbed
    assert packed.items() <= stored_at(many, done, "parts").items()
    assert [name for name in many.steps.calls if name == "FailExport"] == ["FailExport"]


def test_an_attempt_is_told_from_the_one_before(many: Stack) -> None:
    many.steps.faults["PlanParts"] = lambda payload, call: RuntimeError("killed")
    first = run(many, SMALL_PARTS)
    second = retry(many, first)
    many.steps.faults.clear()
    third = retry(many, second)

    assert [job.execution.removeprefix(first.id) for job in (first, second, third)] == ["", "-1", "-2"]
    assert [job.state for job in (first, second, third)] == [ExportState.ERROR, ExportState.ERROR, ExportState.DONE]
    assert history(many, second)[-2:] == ["FailExport", "ExportFailed"]


def test_a_hopeless_error_is_not_tried_again_and_says_what_to_do(many: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.plan_parts.MOST_PARTS", 2)

    job = run(many, SMALL_PARTS)

    assert many.steps.calls.count("PlanParts") == 1
    assert job.state is ExportState.ERROR
    assert "parts_size of" in job.error


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        ("PackPart", "before"),
        *((step, "meanwhile") for step in ("PlanExport", "ReadChunk", "PlanParts", "PackPart", "FinishExport")),
    ],
)
def test_cancelling_at_every_step_leaves_no_object_and_no_upload(
    many: Stack, step: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[ExportJob] = []

    def cancel(export_id: str) -> None:
        parts = wiring()
        stores = {"jobs": parts.jobs, "workflow": parts.workflow, "archives": parts.archives, "clock": parts.clock}
        cancelled.append(delete_export(TENANT, export_id, only_running=True, **stores))  # type: ignore[arg-type]

    def before(payload: dict[str, Any], call: int) -> None:
        cancel(payload["export_id"])

    def meanwhile(payload: dict[str, Any], call: int) -> None:
        """Cancel when the step has just looked at the job, so that all it writes comes too late."""
        check = ExportJob.check_running

        def check_and_cancel(job: ExportJob, now: datetime) -> None:
            check(job, now)
            monkeypatch.setattr(ExportJob, "check_running", check)
            cancel(job.id)

        monkeypatch.setattr(ExportJob, "check_running", check_and_cancel)

    many.steps.faults[step] = lambda payload, call: (
        {"before": before, "meanwhile": meanwhile}[moment](payload, call) if not cancelled else None
    )
    job = run(many, SMALL_PARTS)

    assert cancelled
    assert (job.state, job.receipt) == (ExportState.DELETED, cancelled[0].receipt)
    assert keys_of(many, job) == []
    assert "Uploads" not in many.client("s3").list_multipart_uploads(Bucket=many.archives)


def test_a_large_doctype_is_read_in_shards_and_every_record_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.services.plan_export.FIRST_ROUND_SECONDS", 0)
    names = [f"{number * 997:08x}" for number in range(150)]
    text = "x" * 20_000
    put_records(stack, "io.cozy.bank.operations", {name: json.dumps({"_id": name, "label": text}) for name in names})

    job = run(stack)

    assert stack.steps.calls.count("ReadChunk") > 2
    assert manifest(stack, job)["doctypes"]["io.cozy.bank.operations"]["written"] == len(names)
    assert sorted(record_ids(stack, job, "io.cozy.bank.operations")) == sorted(names)


def test_two_tenants_get_their_own(stack: Stack) -> None:
    put_records(stack, "io.cozy.contacts", {"ada": contact("ada")})
    other = {"pk": {"S": "mallory#io.cozy.contacts"}, "sk": {"S": "eve"}, "body": {"S": contact("eve")}}
    stack.client("dynamodb").put_item(TableName=stack.documents, Item=other)

    assert manifest(stack, run(stack))["doctypes"]["io.cozy.contacts"]["written"] == 1


def test_an_export_of_nothing_is_one_part(stack: Stack) -> None:
    job = run(stack)

    assert (job.state, job.parts, job.gaps) == (ExportState.DONE, 1, 0)


def test_the_time_is_that_of_the_request(stack: Stack) -> None:
    job = run(stack)

    assert job.created_at <= datetime.now(UTC)
    assert job.creation_duration > 0
