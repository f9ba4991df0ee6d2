"""The Qiscus routes as a client of Qiscus uses them: with a key from the operator's command, or with a token."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from local import web
from local.demo_data.record import Record
from local.engine_process import ACCESS_KEY, REGION
from local.paths import ROOT
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked
from tests.qiscus_samples import CREATED, LIST, ONE, shape

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import Credentials
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.job import new_export
from waybill.domain.qiscus import qiscus_options

pytestmark = pytest.mark.e2e

_PATH = "/api/v2.1/rest/exports"
_DAYS = {"start_date": "2026-06-10", "end_date": "2026-06-12"}
_TIMES = ("2026-06-09T16:59:59Z", "2026-06-09T17:00:00Z", "2026-06-12T16:59:59Z", "2026-06-12T17:00:00Z")
"""Around the first and the last moment of those days in Jakarta."""


def operator(stack: Stack, *arguments: str) -> str:
    """Run the operator's command against the stack; return what it prints."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
    }
    command = [sys.executable, "-m", "client", "api-key", *arguments, "--table", stack.resources["jobs_table"]]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def new_key(stack: Stack, tenant: str, *options: str) -> dict[str, str]:
    """The headers of a new key."""
    lines = operator(stack, "create", "--tenant", tenant, *options).splitlines()
    return dict(line.split(": ") for line in lines)


@dataclass(frozen=True)
class Client:
    """A client of Qiscus."""

    url: str
    headers: Mapping[str, str]

    def call(
        self, method: str, path: str = "", *, body: str | None = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Status and document of an answer."""
        sent = {**self.headers, **({} if body is None else {"Content-Type": kind})}
        answer = web.request(method, f"{self.url}{_PATH}{path}", headers=sent, body=body)
        assert answer.headers["content-type"] == "application/json"
        assert answer.document["status"] == answer.status
        return answer.status, answer.document

    def create(self, **fields: str) -> dict[str, Any]:
        status, document = self.call("POST", body=json.dumps(fields))
        assert status == 200, document
        assert shape(document) == shape(CREATED)
        return dict(document["results"])

    def get(self, unique_id: str) -> dict[str, Any]:
        status, document = self.call("GET", f"/{unique_id}")
        assert status == 200, document
        assert shape(document) == shape(ONE)
        return dict(document["results"]["backup_history"])

    def finished(self, unique_id: str) -> dict[str, Any]:
        """Poll as a client does, until it no longer runs."""
        deadline = time.monotonic() + 120
        while (shown := self.get(unique_id))["status"] == "started":
            assert (shown["download_url"], shown["size"], shown["total_rows"]) == ("", 0, 0)
            assert shown["percentage"] < 100
            assert time.monotonic() < deadline
            time.sleep(0.5)
        return shown


def download(url: str) -> tuple[bytes, str]:
    """Content and Content-Disposition of what is had without any header of ours."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), answer.headers["content-disposition"]


def comment(number: int, created_at: str) -> Record:
    body = {"UniqueId": f"c{number}", "Message": f"Halo {number}", "CreatedAt": created_at}
    return Record("comments", f"c{number}", created_at, body)


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    users = [
        Record("users", "a@example.org", _TIMES[0], {"Email": "a@example.org", "Password": "x", "CreateAt": _TIMES[0]})
    ]
    return new_tenant("chat", [comment(number, moment) for number, moment in enumerate(_TIMES)] + users)


@pytest.fixture(scope="module")
def client(stack: Stack, tenant: Tenant) -> Client:
    return Client(stack.api_url, new_key(stack, tenant.id, "--time-zone", "Asia/Jakarta"))


@pytest.fixture(scope="module")
def finished(client: Client) -> dict[str, Any]:
    """An export of three days, finished."""
    return client.finished(client.create(type="comments", **_DAYS)["unique_id"])


def test_a_client_gets_the_comments_of_the_days_without_sending_a_header(finished: dict[str, Any]) -> None:
    content, disposition = download(finished["download_url"])

    assert [each["UniqueId"] for each in json.loads(content)] == ["c1", "c2"]
    assert (finished["status"], finished["percentage"], finished["error_message"]) == ("finished", 100, "")
    assert (finished["total_rows"], finished["size"]) == (2, len(content))
    assert finished["created_at"].endswith("+07:00")
    assert finished["original_filename"] == f"{finished['created_at']}_exported_comments.json"
    assert finished["original_filename"] in disposition or finished["created_at"][:10] in disposition
    assert download(finished["download_url"])[0] == content


def test_the_same_url_leads_to_a_fresh_link_each_time(finished: dict[str, Any]) -> None:
    url = finished["download_url"]
    links = []
    for _ in range(2):
        answer = web.request("GET", url)
        assert answer.status == 302
        links.append(answer.headers["location"])
        time.sleep(1.1)  # a link names the second in which it was made

    assert links[0] != links[1]
    assert len({dict(parse_qsl(urlsplit(link).query))["X-Amz-Signature"] for link in links}) == 2
    assert download(links[0])[0] == download(links[1])[0] == download(url)[0]


def test_it_is_the_same_export_at_the_other_door(finished: dict[str, Any], tenant: Tenant) -> None:
    export_id = finished["unique_id"].replace("-", "")
    attributes = tenant.api.get(export_id)["attributes"]

    assert (attributes["format"], attributes["with_doctypes"], attributes["state"]) == ("json", ["comments"], "done")
    assert {name: attributes[name] for name in _DAYS} == _DAYS
    assert tenant.api.manifest(export_id)["outside_dates"] == {"comments": 2}


def test_an_archive_of_the_same_days_holds_the_same_records(tenant: Tenant, fetch: Callable[..., Unpacked]) -> None:
    export = fetch(tenant, tenant.api.create(with_doctypes=["comments"], time_zone="Asia/Jakarta", **_DAYS)["id"])

    assert [json.loads(line)["UniqueId"] for line in export.records("comments")] == ["c1", "c2"]
    assert export.faults == []


_FORM = "application/x-www-form-urlencoded"
_PARTS = "".join(
    f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in ({"type": "users"} | _DAYS).items()
)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("", urlencode({"type": "users"} | _DAYS), _FORM),
        ("", f"{_PARTS}--x--\r\n", "multipart/form-data; boundary=x"),
        (f"?{urlencode({'type': 'users'} | _DAYS)}", None, ""),
    ],
    ids=["form", "multipart", "query"],
)
def test_fields_are_taken_however_they_are_sent(
    client: Client, tenant: Tenant, path: str, body: str | None, kind: str
) -> None:
    status, document = client.call("POST", path, body=body, kind=kind)

    assert (status, shape(document)) == (200, shape(CREATED))
    attributes = tenant.api.get(document["results"]["unique_id"].replace("-", ""))["attributes"]
    assert attributes["with_doctypes"] == ["users"]
    assert {name: attributes[name] for name in _DAYS} == _DAYS


def test_a_token_opens_the_same_exports_and_secrets_stay_out_of_the_file(stack: Stack, tenant: Tenant) -> None:
    with_token = Client(stack.api_url, {"Authorization": f"Bearer {tenant.api.token}"})

    shown = with_token.finished(with_token.create(type="users")["unique_id"])

    assert shown["created_at"].endswith("+00:00")
    assert json.loads(download(shown["download_url"])[0]) == [{"Email": "a@example.org", "CreateAt": _TIMES[0]}]


def test_the_headers_of_a_key_may_have_underscores(stack: Stack, client: Client) -> None:
    old = Client(stack.api_url, {name.replace("-", "_"): text for name, text in client.headers.items()})

    assert old.call("GET")[0] == 200


def test_strangers_are_refused_in_the_envelope_and_others_see_nothing(
    stack: Stack, client: Client, finished: dict[str, Any], stranger: Tenant
) -> None:
    forged = stranger.api.token[:-8] + "AAAAAAAA"
    unknown = [
        {},
        {"QISCUS-SDK-APP-ID": client.headers["QISCUS-SDK-APP-ID"], "QISCUS-SDK-SECRET": "wrong"},
        {"Authorization": f"Bearer {forged}"},
    ]
    for headers in unknown:
        status, document = Client(stack.api_url, headers).call("GET")
        assert (status, document["error"]["message"]) == (401, "unauthorized")
    other = Client(stack.api_url, {"Authorization": f"Bearer {stranger.api.token}"})
    assert other.call("GET", f"/{finished['unique_id']}")[0] == 404


def test_a_key_is_taken_until_it_is_revoked(stack: Stack, tenant: Tenant) -> None:
    narrow = Client(stack.api_url, new_key(stack, tenant.id, "--scope", "exports.read"))
    assert narrow.call("GET")[0] == 200
    assert narrow.call("POST", body='{"type": "users"}')[0] == 403
    app_id = narrow.headers["QISCUS-SDK-APP-ID"]
    assert f"{app_id} {tenant.id} enabled UTC exports.read" in operator(stack, "list")

    operator(stack, "revoke", app_id)

    assert narrow.call("GET")[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "fields", "refusal"),
    [
        ("POST", "", {"start_date": "2026-06-02", "end_date": "2026-06-01"}, (422, "end_date")),
        ("POST", "", {"start_date": "2026-01-01", "end_date": "2026-06-01"}, (422, "end_date")),
        ("POST", "", {"start_date": "yesterday"}, (422, "start_date")),
        ("POST", "", {"type": "messages"}, (422, "type")),
        ("GET", "?page=0", None, (400, "page")),
        ("GET", "?page=-1", None, (400, "page")),
        ("GET", "?page=two", None, (400, "page")),
        ("GET", "?size=5", None, (400, "size")),
    ],
)
def test_what_cannot_be_is_refused_with_the_fields_name(
    client: Client, method: str, path: str, fields: dict[str, str] | None, refusal: tuple[int, str]
) -> None:
    body = None if fields is None else json.dumps({"type": "comments"} | fields)

    status, document = client.call(method, path, body=body)

    assert (status, document["error"]["detailed_messages"][0].partition(":")[0]) == refusal


def test_pages_of_twenty_newest_first(stack: Stack, new_tenant: Callable[..., Tenant]) -> None:
    tenant = new_tenant("chatty")
    store = DynamoDbJobs(
        AwsJsonClient(
            "dynamodb",
            "DynamoDB_20120810",
            endpoint=stack.endpoint_url,
            region=REGION,
            credentials=lambda: Credentials(ACCESS_KEY, ACCESS_KEY),
        ),
        stack.resources["jobs_table"],
        clock=system_clock,
    )
    began, made = datetime.now(UTC) - timedelta(hours=1), []
    for number in range(45):
        moment = began + timedelta(seconds=number)
        job = new_export(tenant.id, qiscus_options("rooms", None, None, "UTC"), moment, with_link=True)
        store.create(job)
        made.append(job.id)
    client = Client(stack.api_url, new_key(stack, tenant.id))

    pages = []
    for number in range(1, 5):
        _, document = client.call("GET", f"?page={number}")
        assert number == 4 or shape({**document, "results": {"backup_histories": one(document)}}) == shape(LIST)
        pages.append([each["unique_id"].replace("-", "") for each in document["results"]["backup_histories"]])

    assert [len(page) for page in pages] == [20, 20, 5, 0]
    assert [each for page in pages for each in page] == made[::-1]
    assert client.call("GET")[1] == client.call("GET", "?page=1")[1]


def one(document: Mapping[str, Any]) -> list[Any]:
    return list(document["results"]["backup_histories"][:1])


def test_deleting_answers_what_it_was_and_kills_its_link(client: Client) -> None:
    shown = client.finished(client.create(type="rooms")["unique_id"])
    assert json.loads(download(shown["download_url"])[0]) == []

    status, document = client.call("DELETE", f"/{shown['unique_id']}")

    assert (status, document) == (200, {"results": {"backup_history": shown}, "status": 200})
    assert web.request("GET", shown["download_url"]).status == 404
    for method in ("GET", "DELETE"):
        gone, refusal = client.call(method, f"/{shown['unique_id']}")
        assert (gone, refusal["error"]["message"]) == (410, "export_gone")
