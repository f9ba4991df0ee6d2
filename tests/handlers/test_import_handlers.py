"""The routes and steps of imports with their sample events: what a caller and the state machine get to see."""

import io
import json
import traceback
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.fake_sink import MemorySink
from tests.handlers.conftest import EVENTS, Invoke, sample
from tests.unit.services.exports import TENANT, Product
from tests.unit.services.import_jobs import Importing

from waybill.domain import import_keys
from waybill.domain.errors import ImportGone, InputRefused, StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportState, RowCounts, UndoCounts
from waybill.domain.import_limits import MOST_INPUTS
from waybill.domain.receipt import Reason, Receipt
from waybill.domain.webhook import new_webhook
from waybill.entry.import_task import import_step
from waybill.entry.task import UnforeseenError
from waybill.intake.staged_inputs import InputRole, Refusal, Remark, RemarkCode, StagedInput, StagedInputs
from waybill.services.import_report import DoctypeReport, ImportReport
from waybill.services.import_tally import ShownFault
from waybill.services.work_files import save

WITH_ID = ["get_import", "get_import_failures", "undo_import", "delete_import"]
STEPS = sorted(path.stem for path in (EVENTS / "import_task").glob("*.json"))


def document(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/vnd.api+json"
    return dict(json.loads(answer["body"]))


def error(answer: dict[str, Any]) -> dict[str, Any]:
    (only,) = document(answer)["errors"]
    assert only["status"] == str(answer["statusCode"])
    return dict(only)


def of(job: ImportJob, **query: str) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = job.id
        event.pop("queryStringParameters", None)
        if query:
            event["queryStringParameters"] = query

    return change


def asking(attributes: dict[str, Any], **headers: str) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["body"] = json.dumps({"data": {"attributes": attributes}})
        event["headers"].update(headers)

    return change


REPORT = ImportReport(
    dry_run=False,
    doctypes={
        "pictures": DoctypeReport(1, 1, 0, 0, 1, {}, {}),
        "contacts": DoctypeReport(3, 2, 0, 1, 2, {"missing": 1}, {}, "contacts-failures.json"),
        "todos": DoctypeReport(2, 1, 0, 1, 1, {"wrong": 1}, {"odd": 1}, "todos-failures.csv"),
    },
    faults=(ShownFault("contacts", 2, "rows.json", "missing", "/name", "It has no name."),),
    inputs=(StagedInput("rows.json", InputRole.ROWS, 120, "json", "contacts", (), 3),),
    remarks=(Remark(RemarkCode.GAPS_OF_EXPORT, "", "Two files were not in the export."),),
    remark_count=1,
    signed=False,
)


def reported(world: Importing, job: ImportJob) -> ImportJob:
    """Finish an import with a report."""
    world.archives.objects[import_keys.report(job.id)] = msgspec.json.encode(REPORT)
    return world.finish(job)


class TestCreateImport:
    def test_it_answers_202_with_the_import_and_where_to_watch_it(self, invoke: Invoke, world: Importing) -> None:
        answer = invoke("api", "create_import")

        data = document(answer)["data"]
        assert answer["statusCode"] == 202
        assert answer["headers"]["location"] == f"/move/imports/{data['id']}" == data["links"]["self"]
        assert int(answer["headers"]["retry-after"]) > 0
        assert data["type"] == "io.cozy.imports"
        assert data["links"] == {"self": f"/move/imports/{data['id']}"}
        assert data["meta"] == {
            "rev": f"1-{data['id'][-8:]}",
            "progress": {"phase": "stage", "percentage": 0},
        }
        assert data["attributes"] == {
            "inputs": [{"url_host": "files.example.org"}],
            "doctype": "contacts",
            "dry_run": False,
            "on_conflict": "fail",
            "allow_partial": False,
            "max_age": 604_800_000_000_000,
            "state": "importing",
            "phase": "stage",
            "partial": False,
            "counts": {
                "rows": 0,
                "accepted": 0,
                "skipped": 0,
                "failed": 0,
                "written": 0,
                "files": 0,
                "file_bytes": 0,
            },
            "undo": None,
            "created_at": "2026-03-01T12:00:00+00:00",
            "expires_at": "2026-03-08T12:00:00+00:00",
            "creation_duration": 0,
            "error": "",
            "error_code": "",
        }
        assert world.workflow.started == [data["id"]]

    def test_all_inputs_are_taken_uploads_before_urls_and_no_address_is_shown(
        self, invoke: Invoke, world: Importing
    ) -> None:
        more = [world.uploaded().id for _ in range(2)]
        urls = ["https://files.example.org/b?X-Amz-Signature=secret"]
        asked: dict[str, Any] = {
            "upload": world.upload.id,
            "uploads": more,
            "url": "https://cozy.example.org/#/exports/c2VjcmV0LWxpbms=",
            "urls": urls,
            "dry_run": True,
            "on_conflict": "replace",
            "allow_partial": True,
            "max_age": 86_400_000_000_000,
        }

        answer = invoke("api", "create_import", asking(asked))

        attributes = document(answer)["data"]["attributes"]
        assert attributes["inputs"] == [
            *({"upload": each} for each in (world.upload.id, *more)),
            {"url_host": "cozy.example.org"},
            {"url_host": "files.example.org"},
        ]
        assert {name: attributes[name] for name in ("doctype", "dry_run", "on_conflict", "allow_partial")} == {
            "doctype": None,
            "dry_run": True,
            "on_conflict": "replace",
            "allow_partial": True,
        }
        assert attributes["expires_at"] == "2026-03-02T12:00:00+00:00"
        assert "c2VjcmV0" not in answer["body"]
        (job,) = world.imports.jobs.values()
        assert job.options.inputs[-1].reference == urls[0]

    @pytest.mark.parametrize(
        ("attributes", "pointer"),
        [
            ({}, ""),
            ({"uploads": [], "urls": []}, ""),
            ({"upload": None}, ""),
            ({"upload": ""}, "/upload"),
            ({"upload": 7}, "/upload"),
            ({"url": "http://example.org/"}, "/url"),
            ({"url": "file:///etc/passwd"}, "/url"),
            ({"url": "https://user:secret@example.org/"}, "/url"),
            ({"url": "https://127.0.0.1/"}, "/url"),
            ({"url": "https://169.254.169.254/latest/meta-data/"}, "/url"),
            ({"url": "https://[::1]/"}, "/url"),
            ({"url": "https://localhost/"}, "/url"),
            ({"url": "https://example.org/#fragment"}, "/url"),
            ({"url": "https://example.org/" + "x" * 9_000}, "/url"),
            ({"url": "https://exa mple.org/"}, "/url"),
            ({"url": "https://[/"}, "/url"),
            ({"urls": ["https://example.org/", "ftp://example.org/"]}, "/urls/1"),
            ({"urls": ["https://example.org/a", "https://example.org/a"]}, "/urls/1"),
            ({"urls": "https://example.org/"}, "/urls"),
            ({"url": "https://example.org/", "on_conflict": "merge"}, "/on_conflict"),
            ({"url": "https://example.org/", "on_conflict": None}, "/on_conflict"),
            ({"url": "https://example.org/", "dry_run": "yes"}, "/dry_run"),
            ({"url": "https://example.org/", "dry_run": 1}, "/dry_run"),
            ({"url": "https://example.org/", "max_age": 86_399_999_999_999}, "/max_age"),
            ({"url": "https://example.org/", "max_age": 604_800_000_000_001}, "/max_age"),
            ({"url": "https://example.org/", "doctype": ["contacts"]}, "/doctype"),
            ({"uploads": [f"{number:032x}" for number in range(MOST_INPUTS + 1)]}, f"/uploads/{MOST_INPUTS}"),
        ],
    )
    def test_what_cannot_be_asked_for_is_refused_with_its_place(
        self, invoke: Invoke, world: Importing, attributes: dict[str, Any], pointer: str
    ) -> None:
        answer = invoke("api", "create_import", asking(attributes))

        assert (answer["statusCode"], error(answer)["code"]) == (422, "invalid_attribute")
        assert error(answer)["source"] == {"pointer": f"/data/attributes{pointer}"}
        assert "secret" not in answer["body"]
        assert world.imports.jobs == {}

    def test_all_that_is_wrong_is_told_at_once(self, invoke: Invoke) -> None:
        answer = invoke("api", "create_import", asking({"file": "a", "url": "http://example.org", "dry_run": 1}))

        told = {each["source"]["pointer"]: each["code"] for each in document(answer)["errors"]}
        assert told == {
            "/data/attributes/file": "unknown_attribute",
            "/data/attributes/url": "invalid_attribute",
            "/data/attributes/dry_run": "invalid_attribute",
        }

    @pytest.mark.parametrize(
        ("attributes", "pointer"),
        [
            ({"url": "https://example.org/", "doctype": "recipes"}, "/data/attributes/doctype"),
            ({"upload": "0" * 32}, "/data/attributes/upload"),
            ({"url": "https://example.org/", "uploads": ["nobody's"]}, "/data/attributes/uploads/0"),
        ],
    )
    def test_what_is_not_there_is_refused_with_its_place(
        self, invoke: Invoke, attributes: dict[str, Any], pointer: str
    ) -> None:
        answer = invoke("api", "create_import", asking(attributes))

        assert (answer["statusCode"], error(answer)["code"]) == (422, "invalid_options")
        assert error(answer)["source"] == {"pointer": pointer}

    def test_a_resource_of_another_type_is_refused(self, invoke: Invoke) -> None:
        body = json.dumps({"data": {"type": "io.cozy.exports", "attributes": {"url": "https://example.org/"}}})

        answer = invoke("api", "create_import", lambda event: event.update(body=body))

        assert error(answer)["code"] == "wrong_type"

    def test_a_body_over_64_kib_is_refused(self, invoke: Invoke) -> None:
        answer = invoke("api", "create_import", lambda event: event.update(body="x" * 65_537))

        assert (answer["statusCode"], error(answer)["code"]) == (413, "body_too_large")

    def test_a_repeated_request_gets_the_same_document_and_is_told_so(self, invoke: Invoke, world: Importing) -> None:
        asked = asking({"upload": world.upload.id}, **{"idempotency-key": "k1"})

        first, again = (invoke("api", "create_import", asked) for _ in range(2))

        assert again["body"] == first["body"]
        assert again["headers"]["idempotent-replayed"] == "true"
        other = invoke("api", "create_import", asking({"url": "https://a.example.org/"}, **{"idempotency-key": "k1"}))
        assert (other["statusCode"], error(other)["code"]) == (422, "idempotency_key_reused")

    def test_an_import_and_an_export_may_have_the_same_key(self, invoke: Invoke, product: Product) -> None:
        def with_key(event: dict[str, Any]) -> None:
            event["headers"]["idempotency-key"] = "k1"

        answers = [invoke("api", name, with_key) for name in ("create_export", "create_import")]

        assert [answer["statusCode"] for answer in answers] == [202, 202]

    def test_over_the_quota_it_is_429_with_when_to_come_again(self, invoke: Invoke) -> None:
        answers = [invoke("api", "create_import") for _ in range(3)]

        assert [answer["statusCode"] for answer in answers] == [202, 202, 429]
        assert answers[2]["headers"]["retry-after"] == "30"

    def test_a_fault_of_the_workflow_is_a_503_that_says_when_to_come_back(
        self, invoke: Invoke, world: Importing
    ) -> None:
        world.workflow.fail_on["start"] = StorageUnavailable("Step Functions does not answer.")

        answer = invoke("api", "create_import")

        assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5")


class TestGetImport:
    def test_while_it_runs_it_says_how_far_it_is(self, invoke: Invoke, world: Importing) -> None:
        job = world.load(world.create())

        answer = invoke("api", "get_import", of(job))

        data = document(answer)["data"]
        assert (answer["statusCode"], answer["headers"]["retry-after"]) == (200, "2")
        assert data["meta"]["progress"] == {"phase": "load", "percentage": 99}
        assert data["attributes"]["counts"]["written"] == 2
        assert "report" not in data["attributes"]

    def test_when_it_is_done_it_tells_what_became_of_the_rows(self, invoke: Invoke, world: Importing) -> None:
        job = reported(world, world.create())

        answer = invoke("api", "get_import", of(job))

        data = document(answer)["data"]
        path = f"/move/imports/{job.id}"
        assert "retry-after" not in answer["headers"]
        assert "progress" not in data["meta"]
        assert data["links"] == {"self": path, "failures": f"{path}/failures", "undo": f"{path}/undo"}
        report = data["attributes"]["report"]
        assert report["doctypes"]["todos"] == {
            "rows": 2,
            "accepted": 1,
            "skipped": 0,
            "failed": 1,
            "written": 1,
            "reasons": {"wrong": 1},
            "notices": {"odd": 1},
            "failures": f"{path}/failures?doctype=todos",
        }
        assert report["doctypes"]["pictures"]["failures"] is None
        assert [each["pointer"] for each in report["faults"]] == ["/name"]
        assert [(each["name"], each["role"], each["whole"]) for each in report["inputs"]] == [
            ("rows.json", "rows", True)
        ]
        assert (report["signed"], report["remark_count"], report["remarks"][0]["code"]) == (False, 1, "gaps_of_export")

    def test_what_failed_says_why_and_has_nothing_to_undo(self, invoke: Invoke, world: Importing) -> None:
        job = world.fail(world.create())

        data = document(invoke("api", "get_import", of(job)))["data"]

        assert (data["attributes"]["state"], data["attributes"]["error_code"]) == ("error", "import_failed")
        assert "States.Timeout" in data["attributes"]["error"]
        assert data["links"] == {"self": f"/move/imports/{job.id}"}

    def test_a_dry_run_cannot_be_undone(self, invoke: Invoke, world: Importing) -> None:
        job = reported(world, world.create(dry_run=True))

        assert "undo" not in document(invoke("api", "get_import", of(job)))["data"]["links"]

    def test_what_is_undone_says_what_was_taken_back(self, invoke: Invoke, world: Importing) -> None:
        undoing = world.undo(reported(world, world.create()))
        world.imports.replace(undoing.undone(UndoCounts(removed=1, changed_since=1)))

        data = document(invoke("api", "get_import", of(undoing)))["data"]

        assert data["attributes"]["undo"] == {"removed": 1, "restored": 0, "changed_since": 1}
        assert data["attributes"]["state"] == "undone"
        assert "undo" not in data["links"]


class TestListImports:
    def test_it_is_newest_first_and_goes_on_page_by_page(self, invoke: Invoke, world: Importing) -> None:
        jobs = []
        for _ in range(3):
            jobs.append(world.create().id)
            world.clock.advance(seconds=1)

        def page(event: dict[str, Any]) -> None:
            event["queryStringParameters"] = {"page[size]": "2"}

        first = document(invoke("api", "list_imports", page))
        following = dict(part.split("=") for part in first["links"]["next"].partition("?")[2].split("&"))
        rest = document(
            invoke(
                "api",
                "list_imports",
                lambda event: event.update(
                    queryStringParameters={"page[size]": "2", "page[cursor]": following["page%5Bcursor%5D"]}
                ),
            )
        )

        assert first["links"]["next"].startswith("/move/imports?")
        assert [each["id"] for each in first["data"] + rest["data"]] == jobs[::-1]
        assert rest["links"]["next"] is None

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"page[size]": "0"}, "invalid_parameter"),
            ({"page[cursor]": "x"}, "invalid_page_cursor"),
            ({"state": "done"}, "unknown_parameter"),
        ],
    )
    def test_what_no_list_has_given_out_is_refused(self, invoke: Invoke, query: dict[str, str], code: str) -> None:
        answer = invoke("api", "list_imports", lambda event: event.update(queryStringParameters=query))

        assert (answer["statusCode"], error(answer)["code"]) == (400, code)

    def test_others_imports_are_not_in_it(self, invoke: Invoke, world: Importing) -> None:
        world.create()

        def as_stranger(event: dict[str, Any]) -> None:
            event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

        assert document(invoke("api", "list_imports", as_stranger))["data"] == []


class TestGetImportFailures:
    def test_it_leads_to_the_rejected_rows_of_a_doctype(self, invoke: Invoke, world: Importing) -> None:
        job = reported(world, world.create())

        answer = invoke("api", "get_import_failures", of(job, doctype="todos"))

        assert answer["statusCode"] == 302
        assert answer["headers"]["location"].startswith(
            f"https://objects.invalid/imports/{job.id}/failures/todos-failures.csv?"
        )
        assert answer["headers"]["referrer-policy"] == "no-referrer"

    def test_without_a_doctype_it_is_the_first(self, invoke: Invoke, world: Importing) -> None:
        job = reported(world, world.create())

        assert "/contacts-failures.json" in invoke("api", "get_import_failures", of(job))["headers"]["location"]

    def test_where_nothing_was_rejected_there_is_none(self, invoke: Invoke, world: Importing) -> None:
        clean, failed = world.finish(world.create()), world.fail(world.create())
        job = reported(world, world.create())

        for answer in (
            invoke("api", "get_import_failures", of(clean)),
            invoke("api", "get_import_failures", of(failed)),
            invoke("api", "get_import_failures", of(job, doctype="pictures")),
        ):
            assert (answer["statusCode"], error(answer)["code"]) == (404, "failures_not_found")

    def test_while_it_runs_it_is_too_early(self, invoke: Invoke, world: Importing) -> None:
        answer = invoke("api", "get_import_failures", of(world.create()))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "import_not_ready")


class TestUndoImport:
    def test_it_answers_202_and_the_import_is_being_undone(self, invoke: Invoke, world: Importing) -> None:
        job = world.finish(world.create())

        answer = invoke("api", "undo_import", of(job))

        data = document(answer)["data"]
        assert (answer["statusCode"], answer["headers"]["location"]) == (202, f"/move/imports/{job.id}")
        assert (data["attributes"]["state"], data["meta"]["progress"]["phase"]) == ("undoing", "undo")
        assert world.workflow.started[-1] == f"{job.id}-undo"

    def test_what_has_written_nothing_is_409(self, invoke: Invoke, world: Importing) -> None:
        for job in (world.create(), world.finish(world.create(dry_run=True)), world.fail(world.create())):
            answer = invoke("api", "undo_import", of(job))
            assert (answer["statusCode"], error(answer)["code"]) == (409, "import_not_undoable")


class TestDeleteImport:
    def test_it_answers_with_the_receipt_and_is_410_from_then_on(self, invoke: Invoke, world: Importing) -> None:
        job = reported(world, world.create())

        answer = invoke("api", "delete_import", of(job))

        receipt = {
            "deleted_at": "2026-03-01T12:00:00+00:00",
            "reason": "deleted",
            "state": "done",
            "objects": 1,
            "bytes": len(msgspec.json.encode(REPORT)),
            "reports": 0,
            "complete": True,
        }
        assert document(answer)["meta"] == {"id": job.id, **receipt, "written": 2}
        for route in WITH_ID[:-1]:
            gone = invoke("api", route, of(job))
            assert (gone["statusCode"], error(gone)["code"]) == (410, "import_gone")
            assert error(gone)["meta"] == receipt
        assert document(invoke("api", "delete_import", of(job))) == document(answer)

    def test_what_is_writing_is_409(self, invoke: Invoke, world: Importing) -> None:
        answer = invoke("api", "delete_import", of(world.load(world.create())))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "import_writing")

    def test_only_to_cancel_leaves_what_has_ended(self, invoke: Invoke, world: Importing) -> None:
        answer = invoke("api", "delete_import", of(world.finish(world.create()), state="importing"))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "import_ended")
        assert error(answer)["source"] == {"parameter": "state"}

    @pytest.mark.parametrize("state", ["", "done"])
    def test_no_other_state_can_be_asked_for(self, invoke: Invoke, world: Importing, state: str) -> None:
        answer = invoke("api", "delete_import", of(world.create(), state=state))

        assert (answer["statusCode"], error(answer)["code"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("route", WITH_ID)
@pytest.mark.parametrize("odd", ["0192f0c1a2b3c4d5e6f708192a3b4c5d", "x" * 5_000, "..%2F", "", "\0", "ü" * 32])
def test_an_unknown_id_and_what_cannot_be_one_are_404(invoke: Invoke, route: str, odd: str) -> None:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = odd

    answer = invoke("api", route, change)

    assert (answer["statusCode"], error(answer)["code"]) == (404, "import_not_found")


@pytest.mark.parametrize("route", WITH_ID)
def test_another_tenants_import_is_404(invoke: Invoke, world: Importing, route: str) -> None:
    job = world.finish(world.create())

    def as_stranger(event: dict[str, Any]) -> None:
        of(job)(event)
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

    assert invoke("api", route, as_stranger)["statusCode"] == 404
    assert world.stored(job) == job


@pytest.mark.parametrize("route", WITH_ID[:-1])
def test_an_expired_import_is_410(invoke: Invoke, world: Importing, route: str) -> None:
    job = world.finish(world.create())
    world.clock.advance(days=7)

    assert invoke("api", route, of(job))["statusCode"] == 410


@pytest.mark.parametrize("route", ["list_imports", "get_import", "get_import_failures"])
def test_who_may_only_read_imports_may_not_write_them(invoke: Invoke, route: str) -> None:
    def other(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = "waybill/imports.create"

    answer = invoke("api", route, other)

    assert (answer["statusCode"], error(answer)["code"]) == (403, "scope_missing")


class TestSteps:
    @pytest.mark.parametrize("step", STEPS)
    def test_samples_name_the_import_that_they_are_about(self, step: str) -> None:
        assert {"tenant", "import_id"} <= set(sample("import_task", step))

    def test_what_failed_is_told_in_the_words_of_the_step(
        self, invoke: Invoke, world: Importing, log: io.StringIO
    ) -> None:
        job = world.create()

        @import_step
        def refusing(_: object) -> object:
            raise InputRefused("Input 1 'alice.txt' is no archive.", "unknown_format")

        with pytest.raises(InputRefused):
            refusing({"tenant": TENANT, "import_id": job.id}, _Context())
        invoke("import_task", "fail_import", lambda event: event.update(import_id=job.id))

        failed = world.stored(job)
        assert (failed.state, failed.error_code) == (ImportState.ERROR, "unknown_format")
        assert failed.error == "Input 1 'alice.txt' is no archive."
        assert "unknown_format" in log.getvalue()
        assert "alice" not in log.getvalue()

    def test_an_input_that_breaks_off_ends_in_error_with_its_reason_and_a_report(
        self, invoke: Invoke, product: Product, world: Importing, log: io.StringIO
    ) -> None:
        job = world.create()
        refusal = Refusal("truncated", "“alice.json”: The file ends within row 2. None of its rows is written.")
        save(world.archives, import_keys.inputs(job.id), StagedInputs((), 0, 0, 0, refusal=refusal))
        product.wiring.sink = MemorySink(world.catalog, world.archives)
        product.wiring.rules_of = None

        with pytest.raises(InputRefused):
            invoke("import_task", "validate_rows", lambda event: event.update(import_id=job.id))
        invoke("import_task", "fail_import", lambda event: event.update(import_id=job.id))

        attributes = document(invoke("api", "get_import", of(job)))["data"]["attributes"]
        assert (attributes["state"], attributes["phase"]) == ("error", "validate")
        assert (attributes["error_code"], attributes["error"]) == ("truncated", refusal.sentence)
        assert import_keys.report(job.id) in world.archives.objects
        assert "alice.json" not in log.getvalue()

    def test_a_store_that_fails_is_told_with_what_to_do(self, invoke: Invoke, world: Importing) -> None:
        job = world.create()

        @import_step
        def failing(_: object) -> object:
            raise StorageUnavailable("S3 does not answer.")

        with pytest.raises(StorageUnavailable):
            failing({"tenant": TENANT, "import_id": job.id}, _Context())
        invoke("import_task", "fail_import", lambda event: event.update(import_id=job.id))

        assert world.stored(job).error.startswith("S3 does not answer. If that stays so")
        assert world.stored(job).error_code == "storage_unavailable"

    def test_a_fault_of_ours_is_told_by_kind_and_place_alone(self, world: Importing) -> None:
        @import_step
        def breaking(_: object) -> object:
            raise RuntimeError("alice@example.org")

        with pytest.raises(UnforeseenError) as caught:
            breaking({"tenant": TENANT, "import_id": world.create().id}, _Context())

        assert "RuntimeError" in str(caught.value)
        assert "alice@example.org" not in "".join(traceback.format_exception(caught.value))

    def test_a_step_of_a_deleted_import_leaves_no_note(self, world: Importing) -> None:
        job = world.delete(world.create())

        @import_step
        def late(_: object) -> object:
            job.check_running(world.clock())
            return None

        with pytest.raises(ImportGone):
            late({"tenant": TENANT, "import_id": job.id}, _Context())
        assert world.imports.failures == {}

    def test_the_last_step_of_an_undoing_sets_it_undone(self, invoke: Invoke, world: Importing) -> None:
        job = world.undo(world.finish(world.create()))

        assert invoke("import_task", "finish_undo", lambda event: event.update(import_id=job.id)) == {}
        assert world.stored(job).state is ImportState.UNDONE


class TestSweepImports:
    def test_it_puts_in_order_and_tells_and_logs_numbers_alone(
        self, invoke: Invoke, world: Importing, log: io.StringIO
    ) -> None:
        world.create()
        world.clock.advance(days=7)

        swept = invoke("schedule", "sweep_imports")

        assert swept == {"fine": 0, "removed": 1, "cleared": 0, "healed": 0, "failed": 0, "whole": True}
        assert json.loads(log.getvalue().splitlines()[-1])["removed"] == 1
        assert TENANT not in log.getvalue()


IMPORT_ID = "0192f0c1a2b3c4d5e6f708192a3b4c5d"


class TestStream:
    def records(self, name: str) -> Any:
        return lambda event: event.update(Records=sample("stream", name)["Records"])

    def test_every_change_of_state_is_told_on_the_bus_and_to_the_webhooks(
        self, invoke: Invoke, product: Product, log: io.StringIO
    ) -> None:
        hook = new_webhook(
            TENANT, "shop", url="https://hooks.example.org/", events=(), enabled=True, now=product.clock()
        )
        product.webhooks.put(hook)

        answer = invoke("stream", "publish_change", self.records("publish_import_change"))

        assert answer == {"batchItemFailures": []}
        assert [(each["type"], each["id"]) for each in product.bus.told] == [
            ("waybill.import.started", f"{IMPORT_ID}/1"),
            ("waybill.import.done", f"{IMPORT_ID}/5"),
        ]
        sent = [message.document() for message in product.webhook_workflow.started.values()]
        assert [each["data"]["written"] for each in sent] == [0, 2]
        assert not any(TENANT in text for text in (json.dumps(product.bus.told), json.dumps(sent), log.getvalue()))

    def test_what_the_ttl_removes_becomes_a_tombstone_and_its_objects_go(
        self, invoke: Invoke, product: Product, world: Importing
    ) -> None:
        product.archives.objects[import_keys.report(IMPORT_ID)] = b"12345"

        answer = invoke("stream", "expire_export", self.records("expire_import"))

        assert answer == {"batchItemFailures": []}
        tombstone = world.imports.get(TENANT, IMPORT_ID)
        assert tombstone.receipt == Receipt(product.clock(), Reason.EXPIRED, "done", 1, 5, 0, complete=True)
        assert (tombstone.salt, tombstone.options.inputs, tombstone.counts.written) == (b"", (), 2)
        assert product.archives.objects == {}


class _Context:
    """An invocation with all its time."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def test_counts_of_a_large_import_are_whole_numbers(invoke: Invoke, world: Importing) -> None:
    job = world.create()
    world.imports.replace(replace(job, counts=RowCounts(rows=2**53 + 1), rev=2))

    assert '"rows": 9007199254740993' in invoke("api", "get_import", of(job))["body"]
