"""docs/imports.md and the description of its routes say what the code does; its table of states is walked."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from tests.docs.test_docs import NOW, calls, domain_errors, listed, missing, page, rows, section, texts, words
from tests.unit.services.exports import TENANT
from tests.unit.services.import_jobs import Importing

from waybill.domain.errors import StorageUnavailable, WaybillError
from waybill.domain.import_job import (
    ImportJob,
    ImportPhase,
    ImportState,
    RowCounts,
    UndoCounts,
    lost_import,
    new_import,
)
from waybill.domain.import_limits import MOST_INPUTS
from waybill.domain.import_options import MIN_MAX_AGE, ImportInput, ImportOptions, InputKind
from waybill.domain.options import MAX_MAX_AGE
from waybill.domain.receipt import Reason
from waybill.entry import import_request, problem
from waybill.entry.import_document import import_document, import_list
from waybill.entry.import_receipt import receipt_document
from waybill.intake.staged_inputs import InputRole, Remark, RemarkCode, StagedInput
from waybill.ports import ImportPage
from waybill.services.expire_import import expire_import
from waybill.services.find_import import find_import
from waybill.services.finish_undo import finish_undo
from waybill.services.import_report import DoctypeReport, ImportReport
from waybill.services.import_tally import ShownFault

PAGE = page("imports.md")
INPUTS = (ImportInput(InputKind.UPLOAD, "1"), ImportInput(InputKind.URL, "https://example.org/"))


def a_report() -> ImportReport:
    return ImportReport(
        dry_run=False,
        doctypes={
            "users": DoctypeReport(2, 1, 0, 1, 1, {"missing": 1}, {"odd": 1}, "users-failures.json"),
            "rooms": DoctypeReport(1, 1, 0, 0, 1, {}, {}),
        },
        faults=(ShownFault("users", 2, "users.json", "missing", "/Email", "It is missing."),),
        inputs=(StagedInput("users.json", InputRole.ROWS, 9, "json", "users", ("Email",), 2),),
        remarks=tuple(Remark(code, "", "So it is.") for code in RemarkCode),
        remark_count=len(RemarkCode),
        signed=True,
    )


def documents() -> list[dict[str, Any]]:
    """An import in every shape that it is shown in."""
    job = new_import("ada", ImportOptions(INPUTS), NOW)
    counts = RowCounts(rows=3, accepted=2, failed=1, written=2)
    done = job.changed(phase=ImportPhase.LOAD, counts=counts).finished(NOW, counts)
    undone = done.undoing().undone(UndoCounts(removed=1))
    return [
        import_document(job),
        import_document(done, a_report()),
        import_document(job.failed(NOW, "No.", "upload_missing")),
        import_document(done.undoing(), a_report()),
        import_document(undone, a_report()),
    ]


def test_every_attribute_of_a_request_is_in_the_page_and_no_other() -> None:
    assert listed(section(PAGE, "Creating an import")) == set(import_request._Attributes.model_fields)


def test_limits_of_a_request_are_in_the_page() -> None:
    text = section(PAGE, "Creating an import")

    for number in (MOST_INPUTS, import_request.MOST_URL, MAX_MAX_AGE):
        assert f"{number:,}" in text
    assert timedelta(days=1) / timedelta(microseconds=1) * 1000 == MIN_MAX_AGE


def test_every_field_of_an_import_is_in_the_page() -> None:
    text = section(PAGE, "The import document")
    for document in documents():
        resource = document["data"]
        assert not missing(resource["attributes"], listed(text))
        assert not missing({f"meta.{name}" for name in resource["meta"]}, listed(text))
        assert not missing({f"links.{name}" for name in resource["links"]}, listed(text))
    assert not missing({each.name for each in (*fields(RowCounts), *fields(UndoCounts))}, words(text))
    assert not missing({phase.value for phase in ImportPhase}, words(text))


def test_every_state_that_is_shown_is_in_the_page() -> None:
    shown = {state.value for state in ImportState if state is not ImportState.DELETED}
    assert not missing(shown, listed(section(PAGE, "The import document")))


def test_every_field_of_a_report_is_in_the_page() -> None:
    text = section(PAGE, "The report")
    report = documents()[1]["data"]["attributes"]["report"]

    assert not missing(report, listed(text))
    inner = [report["faults"][0], report["inputs"][0], report["remarks"][0]]
    assert not missing({name for each in inner for name in each}, words(text))
    assert not missing({"reasons", "notices", "failures"}, words(text))


def test_every_code_that_an_import_ends_with_is_in_the_page_and_others_are_codes_of_errors() -> None:
    described = listed(section(PAGE, "Why an import ends in error"))
    calls_ = [each for name in ("ImportFailure", "failed") for each in calls(name, "services")]
    ours = {text for call in calls_ for text in texts(call.args) if re.fullmatch(r"[a-z]+_[a-z_]+", text)}

    assert ours == {"not_started", "import_failed", "import_stopped", "undo_failed"}
    assert not missing(ours, described)
    assert described - ours <= set(domain_errors().values())


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return dict(yaml.safe_load(page("openapi.yaml")))


@pytest.fixture(scope="module")
def checker(openapi: dict[str, Any]) -> Callable[[str, object], list[str]]:
    def check(name: str, document: object) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    return check


def test_imports_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    for document in documents():
        assert checker("ImportDocument", document) == []
    job = new_import("ada", ImportOptions(INPUTS), NOW)
    assert checker("ImportList", import_list(ImportPage([job], job.id), 20)) == []
    for tombstone in (job.deleted(NOW), job.undoing().deleted(NOW), lost_import("ada", job.id, NOW)):
        assert checker("ImportReceiptDocument", receipt_document(tombstone)) == []


def test_an_import_with_another_field_is_not_as_described(checker: Callable[[str, object], list[str]]) -> None:
    for place in ("attributes", "links", "meta"):
        document = documents()[1]
        document["data"][place]["made_up"] = 1
        assert checker("ImportDocument", document), place


def test_the_openapi_description_has_the_attributes_of_a_request(openapi: dict[str, Any]) -> None:
    described = openapi["components"]["schemas"]["ImportOptions"]["properties"]
    model = import_request._Attributes.model_json_schema()

    assert set(described) == set(model["properties"])
    for name in ("dry_run", "on_conflict", "allow_partial", "max_age"):
        assert described[name]["default"] == model["properties"][name]["default"]
    for bound in ("minimum", "maximum"):
        assert described["max_age"][bound] == model["properties"]["max_age"][bound]


KEY = "the-key"


class Walk:
    """One import on its way through the table. ``answer`` is what the last request was answered with."""

    def __init__(self) -> None:
        self.world = Importing()
        self.answer = ""

    @property
    def job(self) -> ImportJob:
        (job,) = self.world.imports.jobs.values()
        return job

    @property
    def state(self) -> str:
        """What the API shows of the import."""
        if not self.world.imports.jobs:
            return "nothing"
        if self.job.receipt is not None:
            return "deleted" if self.job.receipt.reason is Reason.DELETED else "expired, and removed"
        if self.world.clock() >= self.job.expires_at:
            return "expired"
        find_import(TENANT, self.job.id, imports=self.world.imports, clock=self.world.clock)
        return str(self.job.state)

    def ask(self, status: int, request: Callable[[], object]) -> None:
        """Send a request; what comes back is the answer that its error is, or ``status``."""
        try:
            request()
        except WaybillError as error:
            refused = problem.of_error(error)
            self.answer = f"{int(refused.status)} {refused.code}"
        else:
            self.answer = str(status)

    def post(self) -> None:
        self.ask(202, lambda: self.world.create(key=KEY))

    def load(self) -> None:
        self.world.load(self.job)

    def in_vain(self, request: Callable[[], None]) -> None:
        self.world.workflow.fail_on["start"] = StorageUnavailable("Not now.")
        request()

    def undo(self) -> None:
        self.ask(202, lambda: self.world.undo(self.job))

    def fail_early_and_undo(self) -> None:
        self.world.imports.jobs.clear()
        self.world.imports.keys.clear()
        self.post()
        self.failing_step()
        self.undo()

    def delete(self) -> None:
        self.ask(200, lambda: self.world.delete(self.job))

    def delete_while_it_writes(self) -> None:
        self.load()
        self.delete()

    def cancel(self) -> None:
        self.ask(200, lambda: self.world.delete(self.job, only_running=True))

    def sweep(self) -> None:
        self.world.sweep()

    def sweep_later(self, *, has_started: bool) -> None:
        """Sweep when the execution is gone: it was never started, or has ended."""
        self.world.workflow.running.clear()
        if not has_started:
            self.world.workflow.started.clear()
        self.world.clock.advance(minutes=15, seconds=1)
        self.sweep()

    def last_step(self) -> None:
        if self.job.state is ImportState.IMPORTING:
            self.world.finish(self.job)
            return
        world = self.world
        finish_undo(
            TENANT,
            self.job.id,
            imports=world.imports,
            archives=world.archives,
            clock=world.clock,
            metrics=world.metrics,
        )

    def failing_step(self) -> None:
        self.world.fail(self.job, undo=self.job.undos)

    def ttl(self) -> None:
        world, known = self.world, self.job
        world.imports.jobs.clear()
        expire_import(
            TENANT,
            known.id,
            known=known,
            imports=world.imports,
            workflow=world.workflow,
            archives=world.archives,
            clock=world.clock,
            metrics=world.metrics,
        )

    def expire(self) -> None:
        self.world.clock.now = self.job.expires_at

    def keep_key(self) -> None:
        """Let the import's key be as fresh as if ``max_age`` had been shorter than the key's life."""
        keys = self.world.imports.keys
        for name, known in keys.items():
            keys[name] = replace(known, expires_at=self.world.clock() + timedelta(hours=1))


Move = Callable[[Walk], None]

INTO: dict[str, tuple[Move, ...]] = {
    "nothing": (),
    "importing": (Walk.post,),
    "done": (Walk.post, Walk.last_step),
    "error": (Walk.post, Walk.load, Walk.failing_step),
    "undoing": (Walk.post, Walk.last_step, Walk.undo),
    "undone": (Walk.post, Walk.last_step, Walk.undo, Walk.last_step),
    "deleted": (Walk.post, Walk.delete),
    "expired": (Walk.post, Walk.expire, Walk.keep_key),
}
"""How an import gets into each state that the table has."""

BY: dict[str, Move] = {
    "POST /move/imports": Walk.post,
    "POST /move/imports whose execution cannot be started": lambda walk: walk.in_vain(walk.post),
    "the last step": Walk.last_step,
    "a step that fails for good": Walk.failing_step,
    "the same Idempotency-Key": Walk.post,
    "undo": Walk.undo,
    "undo, whose execution cannot be started": lambda walk: walk.in_vain(walk.undo),
    "undo, when it had written nothing": Walk.fail_early_and_undo,
    "DELETE": Walk.delete,
    "DELETE, while it writes": Walk.delete_while_it_writes,
    "DELETE ?state=importing": Walk.cancel,
    "the sweep": Walk.sweep,
    "the sweep, when its execution is missing after 15 minutes": lambda walk: walk.sweep_later(has_started=False),
    "the sweep, when its execution has ended after 15 minutes": lambda walk: walk.sweep_later(has_started=True),
    "the TTL of its record": Walk.ttl,
    "its expires_at": Walk.expire,
}
"""What the table has leading out of states."""

ALWAYS = {"the same Idempotency-Key", "undo", "DELETE", "DELETE ?state=importing", "the sweep", "its expires_at"}
"""What may come in every state, so that every state needs a row for it."""


def table() -> list[tuple[str, str, str, str]]:
    """The rows of the page without markup: from, by, to, answer."""
    cells = [[cell.replace("`", "").strip() for cell in row if cell] for row in rows(section(PAGE, "States"))]
    return [(row[0], row[1], row[2], row[3]) for row in cells[2:]]


ROWS = table()


@pytest.mark.parametrize(("start", "by", "end", "answer"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_what_the_row_says_comes_true(start: str, by: str, end: str, answer: str) -> None:
    walk = Walk()
    for move in INTO[start]:
        move(walk)
    assert walk.state == start
    walk.answer = ""

    BY[by](walk)

    assert (walk.state, walk.answer) == (end, answer)


def test_every_state_has_a_row_for_whatever_may_come() -> None:
    states = {start for start, *_ in ROWS} - {"nothing"}
    assert states == set(INTO) - {"nothing"}
    assert {str(state) for state in ImportState} <= states
    described = {(start, by) for start, by, *_ in ROWS}
    assert {(start, by) for start in states for by in ALWAYS} <= described | {("expired", "its expires_at")}


def test_no_row_stands_twice_and_every_state_can_be_left_but_those_of_what_is_gone() -> None:
    assert len({(start, by) for start, by, *_ in ROWS}) == len(ROWS)
    left = {start for start, _, end, _ in ROWS if end.partition(",")[0] != start}
    assert left == set(INTO) - {"deleted", "expired"}


def test_a_row_that_is_not_true_is_noticed() -> None:
    with pytest.raises(AssertionError):
        test_what_the_row_says_comes_true("done", "DELETE ?state=importing", "deleted", "200")
