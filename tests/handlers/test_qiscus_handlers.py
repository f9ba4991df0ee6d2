"""The routes of the Qiscus dialect with their sample events, held against the samples of seed 003 key by key."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from tests.fakes import MemorySource
from tests.handlers.conftest import Invoke
from tests.qiscus_samples import CREATED, LIST, ONE, shape
from tests.unit.services.exports import TABLE, TENANT, Product

from waybill.adapters.credentials import Credentials
from waybill.adapters.s3_objects import S3Objects
from waybill.domain.api_key import new_key
from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.domain.qiscus import qiscus_options, unique_id
from waybill.domain.quota import QuotaLimits
from waybill.ports import SourceItem

ROUTES = ["create_qiscus_export", "list_qiscus_exports", "get_qiscus_export", "delete_qiscus_export"]
WITH_ID = ROUTES[2:]
SCOPE = {
    "create_qiscus_export": "exports.create",
    "list_qiscus_exports": "exports.read",
    "get_qiscus_export": "exports.read",
    "delete_qiscus_export": "exports.delete",
}
ZONE = "Asia/Jakarta"
CHAT = Catalog({name: Doctype(name, TABLE, "{}", date_field="CreatedAt") for name in ("users", "rooms", "comments")})

Change = Callable[[dict[str, Any]], None]


def comment(key: str, created_at: object) -> SourceItem:
    return SourceItem(key, line=json.dumps({"UniqueId": key, "CreatedAt": created_at}).encode())


class Chat:
    """A chat in memory with a key to it."""

    def __init__(self, invoke: Invoke, product: Product) -> None:
        self._invoke = invoke
        self.product = product
        product.catalog = CHAT
        product.clock.now = datetime(2017, 7, 17, 3, 19, 44, 500_000, UTC)
        self.has(comment("1", "2017-07-16T18:00:00Z"), comment("2", "2017-07-17T01:00:00Z"))
        self.key, self.secret = new_key(TENANT, app_id="waybill-demo", time_zone=ZONE, now=product.clock())
        product.wiring.api_keys.add(self.key)

    def has(self, *comments: SourceItem) -> None:
        """Put in these comments and no others."""
        empty = [MemorySource(name, (), TENANT) for name in ("users", "rooms")]
        self.product.more_sources = [MemorySource("comments", comments, TENANT), *empty]

    def raw(self, route: str, change: Change | None = None, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The whole answer to a sample event, with the key unless there are other headers."""

        def prepare(event: dict[str, Any]) -> None:
            given = {"qiscus-sdk-app-id": self.key.app_id, "qiscus-sdk-secret": self.secret}
            kept = {name: text for name, text in event["headers"].items() if not name.startswith("qiscus")}
            event["headers"] = kept | (given if headers is None else headers)
            if change is not None:
                change(event)

        return self._invoke("api", route, prepare)

    def ask(self, route: str, change: Change | None = None, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The document of a good answer."""
        answer = self.raw(route, change, headers=headers)
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json"), answer["body"]
        return dict(json.loads(answer["body"]))

    def refused(self, route: str, change: Change | None = None, *, headers: dict[str, str] | None = None) -> Any:
        """The status of a refusal and its error, in the envelope of the dialect."""
        answer = self.raw(route, change, headers=headers)
        document = json.loads(answer["body"])
        assert document["status"] == answer["statusCode"] >= 400
        assert set(document) == {"error", "status"}
        assert set(document["error"]) == {"message", "detailed_messages"}
        return answer["statusCode"], document["error"]["message"], document["error"]["detailed_messages"]

    def create(self, **fields: Any) -> dict[str, Any]:
        """The fields of a new export."""
        return dict(self.ask("create_qiscus_export", body(fields))["results"])

    def get(self, job: ExportJob) -> dict[str, Any]:
        """The fields of an export."""
        return dict(self.ask("get_qiscus_export", of(job))["results"]["backup_history"])

    def stored(self, fields: dict[str, Any]) -> ExportJob:
        """The record of an export that was answered."""
        return self.product.jobs.get(TENANT, fields["unique_id"].replace("-", ""))

    def made(self, job: ExportJob) -> ExportJob:
        """Take an export through all its steps."""
        for batch in self.product.plan(job):
            assert self.product.read(job, batch)
        for number in json.loads(self.product.archives.get(self.product.plan_parts(job).key)):
            assert self.product.pack(job, number)
        assert self.product.finish(job).ready
        return self.product.jobs.get(TENANT, job.id)


@pytest.fixture
def chat(invoke: Invoke, product: Product) -> Chat:
    return Chat(invoke, product)


def body(fields: dict[str, Any]) -> Change:
    return lambda event: event.update(body=json.dumps(fields))


def of(job: ExportJob) -> Change:
    return by_id(unique_id(job.id))


def by_id(written: str) -> Change:
    return lambda event: event["pathParameters"].update(unique_id=written)


def page(text: str) -> Change:
    return lambda event: event.update(queryStringParameters={"page": text})


def form(content_type: str, text: str) -> Change:
    def change(event: dict[str, Any]) -> None:
        event["headers"]["content-type"] = content_type
        event["body"] = text

    return change


class TestTheSamples:
    def test_a_new_export_is_as_the_sample_but_for_its_id(self, chat: Chat) -> None:
        answer = chat.ask("create_qiscus_export", body({"type": "comments"}))

        unlike = {"unique_id": answer["results"]["unique_id"]}
        assert answer == CREATED | {"results": CREATED["results"] | unlike}

    @pytest.mark.parametrize("route", WITH_ID)
    def test_one_export_has_the_keys_and_types_of_the_sample(self, chat: Chat, route: str) -> None:
        job = chat.made(chat.stored(chat.create(type="comments")))

        assert shape(chat.ask(route, of(job))) == shape(ONE)

    def test_the_list_has_the_keys_and_types_of_the_sample(self, chat: Chat) -> None:
        chat.made(chat.stored(chat.create(type="comments")))

        assert shape(chat.ask("list_qiscus_exports")) == shape(LIST)


class TestTheFieldsAreTrue:
    def test_at_the_end(self, chat: Chat) -> None:
        created = chat.create(type="comments")
        job = chat.made(chat.stored(created))
        (file,) = chat.product.parts(job)

        assert chat.get(job) == created | {
            "download_url": f"https://links.invalid/move/exports/data/{job.link}",
            "percentage": 100,
            "size": len(file),
            "status": "finished",
            "total_rows": 2,
        }
        assert [each["UniqueId"] for each in json.loads(file)] == ["1", "2"]

    def test_the_file_is_downloaded_under_the_name_that_is_shown(self, chat: Chat) -> None:
        created = chat.create(type="comments")
        chat.made(chat.stored(created))

        (download,) = chat.product.archives.downloads.values()
        assert download.filename == created["original_filename"] == "2017-07-17T10:19:44+07:00_exported_comments.json"

    def test_it_is_that_name_also_for_a_caller_in_another_time_zone(self, chat: Chat) -> None:
        job = chat.made(chat.stored(chat.create(type="comments")))
        key, secret = new_key(TENANT, app_id="other", time_zone="UTC", now=chat.product.clock())
        chat.product.wiring.api_keys.add(key)
        headers = {"qiscus-sdk-app-id": "other", "qiscus-sdk-secret": secret}

        shown = chat.ask("get_qiscus_export", of(job), headers=headers)["results"]["backup_history"]

        (download,) = chat.product.archives.downloads.values()
        assert (shown["created_at"], shown["original_filename"]) == ("2017-07-17T03:19:44+00:00", download.filename)

    def test_in_the_middle(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="comments"))
        for batch in chat.product.plan(job):
            chat.product.read(job, batch)

        shown = chat.get(job)

        (listed,) = chat.ask("list_qiscus_exports")["results"]["backup_histories"]
        assert (shown["percentage"], shown["status"], shown["size"], shown["total_rows"]) == (50, "started", 0, 0)
        assert (shown["download_url"], listed) == ("", shown)

    def test_after_a_failure(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="comments"))
        chat.product.jobs.replace(job.failed(chat.product.clock(), "The table is gone."))

        shown = chat.get(job)

        assert (shown["status"], shown["error_message"], shown["percentage"]) == ("failed", "The table is gone.", 0)
        assert shown["download_url"] == ""

    @pytest.mark.parametrize(("broken", "said"), [(1, "1 record is missing"), (2, "2 records are missing")])
    def test_with_gaps_they_say_how_much_is_missing(self, chat: Chat, broken: int, said: str) -> None:
        chat.has(comment("1", "2017-07-17T00:00:00Z"), *(comment(f"b{each}", "yesterday") for each in range(broken)))
        job = chat.made(chat.stored(chat.create(type="comments", start_date="2017-07-01", end_date="2017-07-30")))

        shown = chat.get(job)

        assert (shown["status"], shown["total_rows"]) == ("finished", 1)
        assert shown["error_message"].startswith(said)

    def test_an_export_of_several_files_says_which_is_linked(self, chat: Chat) -> None:
        options = ExportOptions(with_doctypes=("comments",), format="json", layout="plain")
        job = chat.product.create(options)
        chat.product.jobs.replace(job.finished(chat.product.clock(), parts=3, total_size=9, gaps=0))

        assert "3 files" in chat.get(job)["error_message"]

    def test_an_export_of_the_other_door_is_downloaded_there(self, chat: Chat) -> None:
        options = ExportOptions(with_doctypes=("comments",), format="json", layout="plain")
        job = chat.product.export(options)

        host = "abc123.execute-api.eu-west-1.amazonaws.com"
        assert chat.get(job)["download_url"] == f"https://{host}/move/exports/data/{job.id}"


class TestDates:
    def test_days_are_those_of_the_keys_time_zone_and_both_are_included(self, chat: Chat) -> None:
        chat.has(
            comment("a", "2017-07-15T16:59:59Z"),
            comment("b", "2017-07-15T17:00:00Z"),
            comment("c", "2017-07-17T16:59:59.999Z"),
            comment("d", "2017-07-17T17:00:00Z"),
        )
        job = chat.made(chat.stored(chat.create(type="comments", start_date="2017-07-16", end_date="2017-07-17")))

        assert [each["UniqueId"] for each in json.loads(chat.product.parts(job)[0])] == ["b", "c"]
        assert job.options.time_zone == ZONE
        assert chat.product.manifest(job)["outside_dates"] == {"comments": 2}

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"start_date": "2017-07-02", "end_date": "2017-07-01"}, "end_date"),
            ({"start_date": "2017-07-01", "end_date": "2017-07-31"}, "end_date"),
            ({"start_date": "2017-07-01"}, "end_date"),
            ({"end_date": "2017-07-01"}, "start_date"),
            ({"start_date": "01-07-2017"}, "start_date"),
            ({"start_date": "2017-02-30"}, "start_date"),
            ({"end_date": "٢٠١٧-07-01"}, "end_date"),
            ({"end_date": 20170701}, "end_date"),
            ({"type": "messages"}, "type"),
            ({"type": None}, "type"),
            ({"type": ["comments"]}, "type"),
            ({"begin": "2017-07-01"}, "begin"),
        ],
    )
    def test_what_cannot_be_is_422_and_names_the_field(self, chat: Chat, fields: dict[str, Any], named: str) -> None:
        status, _, (message,) = chat.refused("create_qiscus_export", body({"type": "comments"} | fields))

        assert status == 422
        assert message.startswith(f"{named}: ")
        assert chat.product.jobs.jobs == {}

    def test_everything_wrong_is_told_at_once(self, chat: Chat) -> None:
        _, _, messages = chat.refused("create_qiscus_export", body({"start_date": "x", "end_date": "y"}))

        assert [message.partition(":")[0] for message in messages] == ["type", "start_date", "end_date"]

    def test_thirty_days_are_not_too_many(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="comments", start_date="2017-07-01", end_date="2017-07-30"))

        assert (job.options.start_date, job.options.end_date) == (date(2017, 7, 1), date(2017, 7, 30))

    def test_without_a_limit_any_range_is_taken(self, chat: Chat) -> None:
        chat.product.wiring.settings.qiscus_max_range_days = 0

        assert chat.create(type="comments", start_date="2001-01-01")["status"] == "started"

    def test_a_type_that_the_catalog_does_not_have_is_422(self, chat: Chat) -> None:
        chat.product.catalog = Catalog()

        assert chat.refused("create_qiscus_export", body({"type": "rooms"}))[0] == 422


MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="type"\r\n\r\ncomments\r\n'
    '--x\r\nContent-Disposition: form-data; name="start_date"\r\n\r\n2017-07-01\r\n'
    '--x\r\nContent-Disposition: form-data; name="end_date"\r\n\r\n2017-07-02\r\n--x--\r\n'
)
FIELDS = {"type": "comments", "start_date": "2017-07-01", "end_date": "2017-07-02"}


class TestHowFieldsAreSent:
    @pytest.mark.parametrize(
        "send",
        [
            form("application/json", json.dumps(FIELDS)),
            form("application/json; charset=utf-8", json.dumps(FIELDS)),
            form("application/x-www-form-urlencoded", urlencode(FIELDS)),
            form("multipart/form-data; boundary=x", MULTIPART),
            lambda event: event.update(body="", queryStringParameters=FIELDS),
            lambda event: event.update(body='{"type": "comments"}', queryStringParameters=FIELDS),
        ],
        ids=["json", "json with a charset", "form", "multipart", "query", "some twice but alike"],
    )
    def test_each_way_is_taken(self, chat: Chat, send: Change) -> None:
        job = chat.stored(chat.ask("create_qiscus_export", send)["results"])

        assert job.options == qiscus_options("comments", date(2017, 7, 1), date(2017, 7, 2), ZONE)

    def test_an_empty_field_is_as_one_that_is_not_there(self, chat: Chat) -> None:
        fields = {"type": "users", "start_date": "", "end_date": ""}
        send = form("application/x-www-form-urlencoded", urlencode(fields))

        assert chat.stored(chat.ask("create_qiscus_export", send)["results"]).options.dates is None

    @pytest.mark.parametrize(
        ("send", "status"),
        [
            (form("application/json", "{"), 400),
            (form("application/json", "[]"), 400),
            (form("application/json", "[" * 60_000), 400),
            (form("application/json", '{"type": "users", "type": "rooms"}'), 400),
            (form("application/x-www-form-urlencoded", "&".join("a=b" for _ in range(40))), 400),
            (form("application/x-www-form-urlencoded", "type=%ff"), 400),
            (form("multipart/form-data", MULTIPART), 400),
            (form("multipart/form-data; boundary=x", MULTIPART[:-8]), 400),
            (form("multipart/form-data; boundary=x", MULTIPART.partition("--x--")[0] * 20 + "--x--\r\n"), 400),
            (form("multipart/form-data; boundary=\ud800", MULTIPART), 400),
            (form("multipart/form-data; boundary=x", MULTIPART.replace("\r\n\r\n", "; filename=a\r\n\r\n", 1)), 422),
            (form("text/csv", "type"), 415),
            (lambda event: event.update(body='{"type": "users"}', queryStringParameters={"type": "rooms"}), 422),
            (lambda event: event.update(queryStringParameters={"fields": "a"}), 400),
            (lambda event: event.update(body="x" * 65_537), 413),
            (lambda event: event.update(body="%%%", isBase64Encoded=True), 400),
        ],
    )
    def test_what_is_not_what_it_says_is_refused(self, chat: Chat, send: Change, status: int) -> None:
        assert chat.raw("create_qiscus_export", send)["statusCode"] == status


class TestTheList:
    def test_pages_hold_twenty_newest_first_and_end_with_empty_ones(self, chat: Chat) -> None:
        made = []
        for number in range(45):
            chat.product.clock.advance(seconds=1)
            if number % 9 == 0:
                chat.product.create(ExportOptions())
            made.append(chat.create(type="comments")["unique_id"])

        pages = []
        for text in ("1", "2", "3", "4", "99999999999999999999"):
            found = chat.ask("list_qiscus_exports", page(text))["results"]["backup_histories"]
            pages.append([each["unique_id"] for each in found])

        assert [len(each) for each in pages] == [20, 20, 5, 0, 0]
        assert [each for one in pages for each in one] == made[::-1]

    def test_it_shows_what_has_a_form_here_whichever_door_it_came_through(self, chat: Chat) -> None:
        shown = chat.product.create(ExportOptions(with_doctypes=("rooms",), format="json", layout="plain"))
        chat.product.create(ExportOptions(with_doctypes=("rooms",), format="csv", layout="plain"))
        chat.product.create(ExportOptions(with_doctypes=("rooms", "users"), format="json", layout="plain"))
        other = chat.product.create(ExportOptions(with_doctypes=("rooms",)))

        found = chat.ask("list_qiscus_exports")["results"]["backup_histories"]

        assert [each["unique_id"] for each in found] == [unique_id(shown.id)]
        assert chat.refused("get_qiscus_export", of(other))[:2] == (404, "export_not_found")
        assert chat.refused("delete_qiscus_export", of(other))[0] == 404
        assert chat.product.jobs.get(TENANT, other.id) == other

    @pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", " 1", "٣", "000", "1,2", "9" * 5_000 + "x"])
    def test_a_page_that_cannot_be_is_refused(self, chat: Chat, text: str) -> None:
        status, message, (detail,) = chat.refused("list_qiscus_exports", page(text))

        assert (status, message, detail.partition(":")[0]) == (400, "invalid_parameter", "page")


class TestById:
    def test_the_id_may_be_written_without_dashes_and_in_capitals(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="users"))

        for written in (job.id, job.id.upper(), unique_id(job.id).upper()):
            answer = chat.ask("get_qiscus_export", by_id(written))
            assert answer["results"]["backup_history"]["unique_id"] == unique_id(job.id)

    @pytest.mark.parametrize("route", WITH_ID)
    @pytest.mark.parametrize("odd", ["", "0" * 32, "dd2c46a8-0921-4b75-837c", "x" * 5_000, "\0", "ü" * 32])
    def test_an_unknown_id_is_404(self, chat: Chat, route: str, odd: str) -> None:
        answer = chat.refused(route, lambda event: event["pathParameters"].update(unique_id=odd))

        assert answer[:2] == (404, "export_not_found")

    def test_deleting_answers_what_it_was_and_then_it_is_gone(self, chat: Chat) -> None:
        job = chat.made(chat.stored(chat.create(type="comments")))
        before = chat.get(job)

        answer = chat.ask("delete_qiscus_export", of(job))

        assert answer == {"results": {"backup_history": before}, "status": 200}
        assert chat.product.archives.objects == {}
        assert [chat.refused(route, of(job))[:2] for route in WITH_ID] == [(410, "export_gone")] * 2
        assert chat.ask("list_qiscus_exports")["results"]["backup_histories"] == []

    def test_an_expired_one_is_410(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="comments"))
        chat.product.clock.advance(days=7)

        assert chat.refused("get_qiscus_export", of(job))[0] == 410


class TestWhoMayAsk:
    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Basic YTpi"},
            {"authorization": "Bearer "},
            {"authorization": "Bearer forged"},
            {"qiscus-sdk-app-id": "waybill-demo"},
            {"qiscus-sdk-app-id": "waybill-demo", "qiscus-sdk-secret": "wrong"},
            {"qiscus-sdk-app-id": "waybill-demo", "qiscus-sdk-secret": "\ud800"},
            {"qiscus-sdk-app-id": "nobody", "qiscus-sdk-secret": "wrong"},
            {"qiscus-sdk-app-id": "no#id" * 1000, "qiscus-sdk-secret": "wrong"},
        ],
    )
    def test_a_stranger_is_401(self, chat: Chat, route: str, headers: dict[str, str]) -> None:
        assert chat.refused(route, headers=headers)[:2] == (401, "unauthorized")
        assert chat.raw(route, headers=headers)["headers"]["www-authenticate"] == "Bearer"
        assert chat.product.jobs.jobs == {}

    @pytest.mark.parametrize("route", ROUTES)
    def test_who_is_not_known_is_not_told_what_the_route_takes(self, chat: Chat, route: str) -> None:
        def unknown(event: dict[str, Any]) -> None:
            event["queryStringParameters"] = {"made_up": "1"}

        assert chat.refused(route, unknown, headers={})[:2] == (401, "unauthorized")
        assert chat.refused(route, unknown)[:2] == (400, "unknown_parameter")

    def test_an_unknown_app_id_and_a_wrong_secret_are_told_the_same(self, chat: Chat) -> None:
        wrong = [{"qiscus-sdk-app-id": name, "qiscus-sdk-secret": "x"} for name in ("waybill-demo", "nobody", "#")]

        assert len({str(chat.refused("list_qiscus_exports", headers=each)) for each in wrong}) == 1

    @pytest.mark.parametrize(
        "names",
        [
            ("QISCUS_SDK_APP_ID", "QISCUS_SDK_SECRET"),
            ("Qiscus-Sdk-App-Id", "Qiscus-Sdk-Secret"),
            ("qiscus_sdk_app_id", "qiscus-sdk-secret"),
        ],
    )
    def test_the_headers_may_be_written_either_way(self, chat: Chat, names: tuple[str, str]) -> None:
        headers = dict(zip(names, (chat.key.app_id, chat.secret), strict=True))

        assert chat.raw("list_qiscus_exports", headers=headers)["statusCode"] == 200

    @pytest.mark.parametrize("route", ROUTES)
    def test_a_revoked_key_is_401_at_once(self, chat: Chat, route: str) -> None:
        chat.product.wiring.api_keys.revoke(chat.key.app_id)

        assert chat.refused(route)[0] == 401

    @pytest.mark.parametrize("route", ROUTES)
    def test_a_key_does_what_it_was_made_for(self, chat: Chat, route: str) -> None:
        others = tuple({*SCOPE.values()} - {SCOPE[route]})
        key, secret = new_key(TENANT, app_id="narrow", scopes=others, time_zone="UTC", now=chat.product.clock())
        chat.product.wiring.api_keys.add(key)

        headers = {"qiscus-sdk-app-id": "narrow", "qiscus-sdk-secret": secret}
        status, message, (detail,) = chat.refused(route, headers=headers)

        assert (status, message) == (403, "scope_missing")
        assert SCOPE[route] in detail

    def test_a_key_opens_one_tenant(self, chat: Chat) -> None:
        job = chat.stored(chat.create(type="comments"))
        key, secret = new_key("mallory", app_id="other", time_zone="UTC", now=chat.product.clock())
        chat.product.wiring.api_keys.add(key)
        headers = {"qiscus-sdk-app-id": "other", "qiscus-sdk-secret": secret}

        assert [chat.refused(route, of(job), headers=headers)[0] for route in WITH_ID] == [404, 404]
        assert chat.ask("list_qiscus_exports", headers=headers)["results"]["backup_histories"] == []

    def test_a_bearer_token_is_taken_too_with_the_deployments_time_zone(self, chat: Chat) -> None:
        scope = " ".join(f"waybill/{each}" for each in SCOPE.values())
        chat.product.wiring.tokens.tokens["good"] = {"sub": TENANT, "scope": scope}
        headers = {"authorization": "bearer good"}

        created = chat.ask("create_qiscus_export", body({"type": "users"}), headers=headers)["results"]

        assert created["created_at"] == "2017-07-17T05:19:44+02:00"
        assert chat.ask("get_qiscus_export", of(chat.stored(created)), headers=headers)["status"] == 200

    @pytest.mark.parametrize(
        ("claims", "message"),
        [({"sub": TENANT, "scope": "openid"}, "scope_missing"), ({"scope": "waybill/exports.read"}, "tenant_missing")],
    )
    def test_a_token_that_grants_nothing_is_403(self, chat: Chat, claims: dict[str, str], message: str) -> None:
        chat.product.wiring.tokens.tokens["weak"] = claims

        answer = chat.refused("list_qiscus_exports", headers={"authorization": "Bearer weak"})

        assert answer[:2] == (403, message)


class TestRepeatingAndQuota:
    def test_over_the_quota_it_is_429_and_says_when_to_come_back(self, chat: Chat) -> None:
        chat.product.wiring.settings.quota = QuotaLimits(running=1, per_day=10)
        chat.create(type="users")

        answer = chat.raw("create_qiscus_export", body({"type": "users"}))

        assert (answer["statusCode"], json.loads(answer["body"])["error"]["message"]) == (429, "quota_exceeded")
        assert int(answer["headers"]["retry-after"]) > 0
        assert len(chat.product.jobs.jobs) == 1

    def test_a_request_with_the_same_key_makes_one_export_and_shows_it_as_it_is(self, chat: Chat) -> None:
        def again(event: dict[str, Any]) -> None:
            event["headers"]["idempotency-key"] = "7"
            event["body"] = '{"type": "comments"}'

        answer = chat.raw("create_qiscus_export", again)
        assert "idempotent-replayed" not in answer["headers"]
        first = json.loads(answer["body"])["results"]
        chat.made(chat.stored(first))
        answer = chat.raw("create_qiscus_export", again)
        assert (answer["statusCode"], answer["headers"]["idempotent-replayed"]) == (200, "true")
        second = json.loads(answer["body"])["results"]

        assert (second["unique_id"], second["status"]) == (first["unique_id"], "finished")
        assert len(chat.product.jobs.jobs) == 1

    def test_with_other_fields_it_is_refused(self, chat: Chat) -> None:
        def keyed(resource: str) -> Change:
            def change(event: dict[str, Any]) -> None:
                event["headers"]["idempotency-key"] = "7"
                event["body"] = json.dumps({"type": resource})

            return change

        chat.ask("create_qiscus_export", keyed("users"))

        assert chat.refused("create_qiscus_export", keyed("rooms"))[:2] == (422, "idempotency_key_reused")


class TestFaults:
    @pytest.mark.parametrize("route", ROUTES)
    def test_a_store_that_does_not_answer_is_a_503_with_when_to_come_back(self, chat: Chat, route: str) -> None:
        chat.product.wiring.api_keys.fail_on["find"] = StorageUnavailable("No.")

        assert chat.refused(route)[0] == 503
        assert chat.raw(route)["headers"]["retry-after"] == "5"

    def test_a_fault_of_ours_tells_nothing(self, chat: Chat, log: io.StringIO) -> None:
        chat.product.jobs.fail_on["list"] = RuntimeError("alice@example.org")

        assert chat.refused("list_qiscus_exports")[:2] == (500, "internal")
        assert "alice@example.org" not in log.getvalue()

    def test_secrets_links_and_tenants_stay_out_of_the_log(self, chat: Chat, log: io.StringIO) -> None:
        job = chat.made(chat.stored(chat.create(type="comments")))
        for route in ROUTES:
            chat.raw(route, of(job) if route in WITH_ID else None)
            chat.refused(route, headers={"qiscus-sdk-app-id": "nobody", "qiscus-sdk-secret": "hunter2"})

        assert "unauthorized" in log.getvalue()
        assert not any(word in log.getvalue() for word in (chat.secret, "hunter2", str(job.link), TENANT))


def following(url: str) -> Change:
    """Open a ``download_url`` as its clients do, without a header."""

    def follow(event: dict[str, Any]) -> None:
        event["headers"] = {}
        event["pathParameters"]["link"] = url.rpartition("/")[2]
        event.pop("queryStringParameters", None)

    return follow


def test_each_download_by_the_same_url_leads_to_a_link_of_its_own(chat: Chat, invoke: Invoke) -> None:
    """Signed as for S3, and good for five minutes from that second on."""
    job = chat.made(chat.stored(chat.create(type="comments")))
    url = chat.get(job)["download_url"]
    chat.product.wiring.archives = S3Objects(
        "archives", region="eu-west-1", credentials=lambda: Credentials("key", "secret", None), clock=chat.product.clock
    )
    answers = []
    for _ in range(2):
        chat.product.clock.advance(hours=1)
        answers.append(invoke("api", "download_linked_part", following(url)))

    signed = [dict(parse_qsl(urlsplit(answer["headers"]["location"]).query)) for answer in answers]
    assert [answer["statusCode"] for answer in answers] == [302, 302]
    assert [each["X-Amz-Date"] for each in signed] == ["20170717T041944Z", "20170717T051944Z"]
    assert {each["X-Amz-Expires"] for each in signed} == {"300"}
    assert len({each["X-Amz-Signature"] for each in signed}) == 2
    assert chat.get(job)["download_url"] == url


def test_the_link_leads_whoever_has_it_to_the_file(chat: Chat, invoke: Invoke) -> None:
    job = chat.made(chat.stored(chat.create(type="comments")))
    follow = following(chat.get(job)["download_url"])

    answer = invoke("api", "download_linked_part", follow)
    assert answer["statusCode"] == 302
    assert f"exports/{job.id}/parts/part-00001.json" in answer["headers"]["location"]
    chat.product.clock.advance(seconds=int(timedelta(days=7).total_seconds()))
    assert invoke("api", "download_linked_part", follow)["statusCode"] == 410
