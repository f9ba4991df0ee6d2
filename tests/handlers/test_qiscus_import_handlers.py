"""The import routes of the Qiscus dialect with their sample events, held against the samples of seed 003 key by key."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.handlers.conftest import Invoke
from tests.handlers.test_qiscus_handlers import CHAT, ZONE
from tests.qiscus_samples import IMPORT_CREATED, IMPORT_LIST, shape
from tests.unit.services.exports import TENANT, Product
from tests.unit.services.import_jobs import Importing

from waybill.domain import import_keys
from waybill.domain.api_key import new_key
from waybill.domain.catalog import Catalog
from waybill.domain.import_job import ImportJob, RowCounts
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.qiscus import MOST_FILE, unique_id
from waybill.services.import_report import ImportReport
from waybill.services.import_tally import ShownFault

ROWS = b'[{"UniqueId": "c-1"}]'
Change = Callable[[dict[str, Any]], None]


def form(*parts: tuple[str, bytes], boundary: str = "b0", name: str = "comment_single.json") -> Change:
    """The request with these parts; the one called ``file`` is a file."""
    body = b""
    for field, content in parts:
        filename = f'; filename="{name}"' if field == "file" and name else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{filename}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return raw(f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode())


def raw(content_type: str, body: bytes) -> Change:
    def change(event: dict[str, Any]) -> None:
        event["headers"]["content-type"] = content_type
        event.update(body=base64.b64encode(body).decode(), isBase64Encoded=True)

    return change


def keyed(key: str, change: Change) -> Change:
    def both(event: dict[str, Any]) -> None:
        change(event)
        event["headers"]["idempotency-key"] = key

    return both


NO_TEXT = b'--b0\r\nContent-Disposition: form-data; name="type"\r\n\r\n\xff\r\n--b0--\r\n'
GOOD = form(("type", b"comments"), ("file", ROWS))


class Chat:
    """A chat in memory with a key to it."""

    def __init__(self, invoke: Invoke, product: Product, world: Importing) -> None:
        self._invoke = invoke
        self.product = product
        self.world = world
        product.catalog = CHAT
        product.clock.now = datetime(2017, 7, 24, 9, 38, 14, 500_000, UTC)
        self.key, self.secret = new_key(TENANT, app_id="waybill-demo", time_zone=ZONE, now=product.clock())
        product.wiring.api_keys.add(self.key)

    def raw(self, route: str, change: Change | None = None, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        def prepare(event: dict[str, Any]) -> None:
            given = {"qiscus-sdk-app-id": self.key.app_id, "qiscus-sdk-secret": self.secret}
            kept = {name: text for name, text in event["headers"].items() if not name.startswith("qiscus")}
            event["headers"] = kept | (given if headers is None else headers)
            if change is not None:
                change(event)

        return self._invoke("api", route, prepare)

    def ask(self, route: str, change: Change | None = None) -> dict[str, Any]:
        answer = self.raw(route, change)
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json"), answer["body"]
        return dict(json.loads(answer["body"]))

    def refused(self, change: Change, *, headers: dict[str, str] | None = None) -> tuple[int, str, list[str]]:
        answer = self.raw("create_qiscus_import", change, headers=headers)
        document = json.loads(answer["body"])
        assert document["status"] == answer["statusCode"] >= 400
        assert not self.world.imports.list(TENANT, now=self.product.clock(), limit=9).imports
        assert not self.world.archives.objects
        return answer["statusCode"], document["error"]["message"], document["error"]["detailed_messages"]

    def create(self, change: Change = GOOD) -> dict[str, Any]:
        return dict(self.ask("create_qiscus_import", change)["results"]["backup_history"])

    def list(self, page: str = "1") -> list[dict[str, Any]]:
        answer = self.ask("list_qiscus_imports", lambda event: event.update(queryStringParameters={"page": page}))
        return list(answer["results"]["backup_histories"])

    def stored(self, fields: dict[str, Any]) -> ImportJob:
        return self.world.imports.get(TENANT, fields["unique_id"].replace("-", ""))

    def ended(self, job: ImportJob, counts: RowCounts, *faults: ShownFault, error: str = "") -> None:
        """Let an import end with these counts, and with an error if there is one."""
        self.world.archives.objects[import_keys.report(job.id)] = msgspec.json.encode(
            ImportReport(False, {}, faults, (), (), 0, False)
        )
        now = self.product.clock()
        ended = job.failed(now, error) if error else job.finished(now, counts)
        self.world.imports.replace(replace(ended, counts=counts))


@pytest.fixture
def chat(invoke: Invoke, product: Product, world: Importing) -> Chat:
    return Chat(invoke, product, world)


class TestTheSamples:
    def test_a_new_import_is_as_the_sample_but_for_its_id(self, chat: Chat) -> None:
        answer = chat.ask("create_qiscus_import", form(("type", b"comments"), ("file", b" " * 924 + b"[]")))

        sample = IMPORT_CREATED["results"]["backup_history"]
        made = answer["results"]["backup_history"]
        assert answer == {
            "results": {"backup_history": sample | {"unique_id": made["unique_id"]}},
            "status": 200,
        }

    def test_the_list_is_as_the_sample(self, chat: Chat) -> None:
        chat.product.clock.now = datetime(2017, 7, 24, 9, 34, 57, tzinfo=UTC)
        made = chat.create(form(("type", b"comments"), ("file", b" " * 924 + b"[]")))
        chat.ended(chat.stored(made), RowCounts(rows=1, accepted=1, written=1))

        answer = chat.ask("list_qiscus_imports")

        (sample,) = IMPORT_LIST["results"]["backup_histories"]
        assert answer == {
            "results": {"backup_histories": [sample | {"unique_id": made["unique_id"]}]},
            "status": 200,
        }
        assert shape(answer) == shape(IMPORT_LIST)


class TestWhatIsMade:
    def test_the_file_waits_for_the_import_among_what_goes_with_it(self, chat: Chat) -> None:
        job = chat.stored(chat.create())

        assert chat.world.archives.objects == {import_keys.request_file(job.id): ROWS}
        assert import_keys.request_file(job.id).startswith(import_keys.work(job.id))
        assert chat.world.workflow.started == [job.id]

    def test_it_is_an_import_of_that_type_which_overwrites_nothing(self, chat: Chat) -> None:
        job = chat.stored(chat.create())

        (sent,) = job.options.inputs
        assert (sent.kind, sent.name, sent.size) == (InputKind.REQUEST, "comment_single.json", len(ROWS))
        assert (job.options.doctype, job.options.on_conflict, job.options.dry_run) == ("comments", "fail", False)

    def test_the_same_key_and_file_are_the_same_import(self, chat: Chat) -> None:
        first = chat.create(keyed("k-1", GOOD))
        again = chat.create(keyed("k-1", GOOD))

        assert again["unique_id"] == first["unique_id"]
        assert len(chat.world.archives.objects) == 1

    def test_the_same_key_with_another_file_is_refused(self, chat: Chat) -> None:
        chat.create(keyed("k-1", GOOD))

        answer = chat.raw("create_qiscus_import", keyed("k-1", form(("type", b"comments"), ("file", b"[]"))))

        assert answer["statusCode"] == 422
        assert json.loads(answer["body"])["error"]["message"] == "idempotency_key_reused"

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [("C:\\Users\\ada\\rows.json", "rows.json"), ("../../etc/rows.json", "rows.json"), ("", "comments.json")],
    )
    def test_a_name_is_shown_without_folders_and_one_is_made_up_where_there_is_none(
        self, chat: Chat, sent: str, shown: str
    ) -> None:
        assert chat.create(form(("type", b"comments"), ("file", ROWS), name=sent))["original_filename"] == shown

    def test_a_file_of_exactly_4_000_000_bytes_is_taken(self, chat: Chat) -> None:
        made = chat.create(form(("type", b"comments"), ("file", b" " * (MOST_FILE - 2) + b"[]")))

        assert made["size"] == MOST_FILE


class TestWhatIsRefused:
    def test_a_file_that_is_one_byte_larger(self, chat: Chat) -> None:
        status, code, (sentence,) = chat.refused(form(("type", b"comments"), ("file", b"x" * (MOST_FILE + 1))))

        assert (status, code) == (413, "body_too_large")
        assert "4,000,001" in sentence
        assert "/move/imports" in sentence

    def test_a_request_that_is_larger_than_any_file(self, chat: Chat) -> None:
        status, code, _ = chat.refused(form(("type", b"comments"), ("file", b"x" * 5_000_000)))

        assert (status, code) == (413, "body_too_large")

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ([("file", ROWS)], "type"),
            ([("type", b"messages"), ("file", ROWS)], "type"),
            ([("type", b"comments"), ("type", b"users"), ("file", ROWS)], "type"),
            ([("type", b"comments")], "file"),
            ([("type", b"comments"), ("file", b"")], "file"),
            ([("type", b"comments"), ("file", ROWS), ("file", ROWS)], "file"),
            ([("type", b"comments"), ("file", ROWS), ("start_date", b"2017-01-01")], "start_date"),
        ],
    )
    def test_a_field_that_is_missing_wrong_twice_or_unknown_is_named(
        self, chat: Chat, parts: list[tuple[str, bytes]], field: str
    ) -> None:
        status, code, sentences = chat.refused(form(*parts))

        assert (status, code) == (422, "invalid_attribute")
        assert [sentence.partition(":")[0] for sentence in sentences] == [field]

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"[]", "application/json", 415),
            (b"type=comments", "application/x-www-form-urlencoded", 415),
            (b"[]", "multipart/form-data", 400),
            (b"--b0\r\nnothing", "multipart/form-data; boundary=b0", 400),
            (b"", "multipart/form-data; boundary=b0", 400),
            (NO_TEXT, "multipart/form-data; boundary=b0", 400),
            (b"[]", "multipart/form-data; boundary=\u00fc\u20ac", 400),
        ],
    )
    def test_what_is_no_such_form(self, chat: Chat, body: bytes, content_type: str, status: int) -> None:
        assert chat.refused(raw(content_type, body))[0] == status

    def test_a_type_that_this_deployment_does_not_have(self, chat: Chat) -> None:
        chat.product.catalog = Catalog({name: CHAT.doctypes[name] for name in ("users", "rooms")})

        assert chat.refused(GOOD) == (422, "invalid_options", ["type: comments are not imported here."])

    def test_strangers_and_keys_that_may_only_read(self, chat: Chat) -> None:
        now = chat.product.clock()
        reader, secret = new_key(TENANT, app_id="reader", scopes=("imports.read",), time_zone=ZONE, now=now)
        chat.product.wiring.api_keys.add(reader)

        assert chat.refused(GOOD, headers={})[:2] == (401, "unauthorized")
        headers = {"qiscus-sdk-app-id": "reader", "qiscus-sdk-secret": secret}
        assert chat.refused(GOOD, headers=headers)[:2] == (403, "scope_missing")

    def test_one_more_than_may_run_at_once_leaves_no_file_behind(self, chat: Chat) -> None:
        for name in ("a", "b"):
            chat.create(form(("type", b"comments"), ("file", name.encode())))

        answer = chat.raw("create_qiscus_import", GOOD)

        assert answer["statusCode"] == 429
        assert int(answer["headers"]["retry-after"]) > 0
        assert len(chat.world.archives.objects) == 2


class TestTheList:
    def test_pages_have_20_newest_first_and_end_empty(self, chat: Chat) -> None:
        chat.product.wiring.settings.max_running_imports = 100
        made = []
        for number in range(23):
            chat.product.clock.now += timedelta(seconds=1)
            made.append(chat.create(form(("type", b"users"), ("file", b"%d" % number)))["unique_id"])

        pages = [[each["unique_id"] for each in chat.list(page)] for page in ("1", "2", "3")]

        assert pages == [made[:2:-1], made[2::-1], []]

    def test_page_0_is_refused(self, chat: Chat) -> None:
        answer = chat.raw("list_qiscus_imports", lambda event: event.update(queryStringParameters={"page": "0"}))

        assert answer["statusCode"] == 400

    def test_imports_that_came_through_the_other_door_have_no_form_here(self, chat: Chat) -> None:
        upload = ImportInput(InputKind.UPLOAD, chat.world.upload.id)
        chat.world.catalog = CHAT
        chat.world.ask(ImportOptions((upload,), doctype="comments"))

        assert chat.list() == []

    def test_while_it_runs_errors_are_as_at_the_start(self, chat: Chat) -> None:
        chat.create()

        assert chat.list()[0]["errors"] == {"Message": "", "Data": None}

    def test_rejected_rows_are_told_with_place_code_and_sentence_and_no_value(self, chat: Chat) -> None:
        made = chat.create()
        fault = ShownFault("comments", 2, "comment_single.json", "required", "/Message", "There is no Message.")
        chat.ended(chat.stored(made), RowCounts(rows=2, accepted=1, failed=1, written=1), fault)

        (shown,) = chat.list()

        assert (shown["status"], shown["total_rows"]) == ("finished", 2)
        assert shown["errors"] == {
            "Message": "1 of 2 rows was rejected.",
            "Data": [{"row": 2, "code": "required", "pointer": "/Message", "detail": "There is no Message."}],
        }

    def test_a_failed_import_says_why(self, chat: Chat) -> None:
        made = chat.create()
        chat.ended(chat.stored(made), RowCounts(), error="There is nothing in the file.")

        (shown,) = chat.list()

        assert (shown["status"], shown["errors"]) == (
            "failed",
            {"Message": "There is nothing in the file.", "Data": None},
        )

    def test_an_undone_import_says_so(self, chat: Chat) -> None:
        job = chat.stored(chat.create())
        chat.world.finish(job)
        chat.world.undo(chat.world.stored(job))

        (shown,) = chat.list()

        assert (shown["status"], shown["unique_id"]) == ("undoing", unique_id(job.id))
