"""A capability link, followed as Cozy's importer follows it: no token, redirects followed, the parts in order."""

import base64
import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from local import web
from local.aws import Aws
from local.demo_data import people
from local.demo_data.library import Library, LibrarySize
from local.stack_file import Stack
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

_FILES = "io.cozy.files"
_DATA = "My Cozy/Data/"
_SIZE = LibrarySize(albums=1, photos=2, documents=30, largest=())
_PARTS_SIZE = 100_000


def manifest_url(pasted: str) -> str:
    """What Cozy makes of an address that a person pastes: its fragment becomes the path (reference cozy-move, 4)."""
    address = urlsplit(pasted)
    assert address.fragment.startswith("/exports/")
    return address._replace(path=f"/move{address.fragment}", fragment="", query="").geturl()


def get(url: str) -> tuple[int, bytes]:
    """Ask as Cozy does: no header of ours, redirects followed."""
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-Agent", "Go-http-client/1.1")]
    try:
        with opener.open(url, timeout=60) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@dataclass(frozen=True)
class Linked:
    """An export in the layout of Cozy, as its owner sees it, and the ids of its tenant's files and folders."""

    tenant: Tenant
    export: dict[str, Any]
    files: list[str]
    folders: list[str]

    @property
    def status_url(self) -> str:
        return manifest_url(self.export["links"]["share"])

    def part_url(self, cursor: str | None = None) -> str:
        """Where Cozy asks for a part."""
        url = self.status_url.replace("/move/exports/", "/move/exports/data/", 1)
        return url if cursor is None else f"{url}?cursor={quote(cursor, safe='')}"


@pytest.fixture(scope="module")
def linked(new_tenant: Callable[..., Tenant]) -> Linked:
    items = list(Library("links", _SIZE).items())
    records = [*people.contacts("links", 20), *(item.record for item in items)]
    tenant = new_tenant("links", records, [item.file for item in items if item.file])
    export = tenant.api.finished(tenant.api.create(layout="cozy", parts_size=_PARTS_SIZE)["id"])
    assert export["attributes"]["state"] == "done", export["attributes"]["error"]
    files = [item.record.id for item in items if item.file]
    return Linked(tenant, export, files, [item.record.id for item in items if item.file is None])


def test_the_owner_sees_the_link_where_the_export_is_seen(linked: Linked, stack: Stack) -> None:
    listed = {each["id"]: each for each in linked.tenant.api.call("GET", "/move/exports").document["data"]}
    assert listed[linked.export["id"]]["links"] == linked.export["links"]
    assert linked.export["links"]["share"].startswith(f"{stack.link_api_url}/#/exports/")
    assert linked.status_url == linked.export["links"]["share_status"]
    assert (linked.export["attributes"]["format"], linked.export["attributes"]["layout"]) == ("zip", "cozy")


def test_the_link_shows_the_state_without_a_token(linked: Linked) -> None:
    status, body = get(linked.status_url)
    assert status == 200
    data = json.loads(body)["data"]
    assert (data["type"], data["id"]) == ("io.cozy.exports", linked.export["id"])
    assert data["attributes"] == linked.export["attributes"]
    assert data["links"] == {"self": urlsplit(linked.status_url).path}


def test_cozy_gets_every_part_and_in_them_every_file_beside_its_content(linked: Linked) -> None:
    cursors = linked.export["attributes"]["parts_cursors"]
    assert len(cursors) == linked.export["attributes"]["parts_length"] - 1 > 1
    found: list[str] = []
    for cursor in [None, *cursors]:
        status, body = get(linked.part_url(cursor))
        assert status == 200
        files = files_beside_their_content(body)
        assert cursor in {None, f"{_FILES}/{files[0]}"}
        found += files
    assert found == sorted(linked.files)


def files_beside_their_content(part: bytes) -> list[str]:
    """The ids of the files of a part, in order. The entry behind a file's record is its content, as Cozy expects."""
    found = []
    with zipfile.ZipFile(io.BytesIO(part)) as archive:
        assert archive.testzip() is None
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for position, entry in enumerate(entries):
            if entry.filename.startswith(f"{_DATA}{_FILES}/"):
                record = json.loads(archive.read(entry))
                if record["type"] == "file":
                    content = archive.read(entries[position + 1])
                    assert not entries[position + 1].filename.startswith(_DATA)
                    assert base64.b64encode(hashlib.md5(content).digest()).decode() == record["md5sum"]
                    assert str(len(content)) == record["size"]
                    found.append(record["_id"])
    return found


def test_a_cursor_may_be_sent_as_it_is(linked: Linked) -> None:
    cursor = linked.export["attributes"]["parts_cursors"][-1]
    assert get(f"{linked.part_url()}?cursor={cursor}") == get(linked.part_url(cursor))


def test_the_owner_downloads_the_same_parts_with_a_token(linked: Linked) -> None:
    for cursor in (None, *linked.export["attributes"]["parts_cursors"]):
        with_token = web.request("GET", linked.tenant.api.link(linked.export["id"], cursor)).body
        assert hashlib.sha256(with_token).digest() == hashlib.sha256(get(linked.part_url(cursor))[1]).digest()


@pytest.mark.parametrize("cursor", ["io.cozy.files/0", "io.cozy.files%2F0", "x", "\0", "é", "A" * 4000])
def test_an_unknown_cursor_is_refused(linked: Linked, cursor: str) -> None:
    status, body = get(linked.part_url(cursor))
    assert status == 400
    assert json.loads(body)["errors"][0]["source"] == {"parameter": "cursor"}


def test_a_link_that_was_changed_anywhere_leads_nowhere(linked: Linked) -> None:
    base, _, link = linked.status_url.rpartition("/")
    answers = set()
    for position in range(0, len(link), 6):
        other = "A" if link[position] != "A" else "B"
        for path in (base, f"{base}/data"):
            answers.add(get(f"{path}/{link[:position]}{other}{link[position + 1 :]}"))
    answers.add(get(f"{base}/{link[:-1]}"))
    answers.add(get(f"{base}/{linked.export['id']}"))
    ((status, body),) = answers
    assert (status, json.loads(body)["errors"][0]["code"]) == (404, "export_not_found")


def test_the_link_opens_nothing_else(linked: Linked, stack: Stack) -> None:
    path = urlsplit(linked.status_url).path
    for method, target in (
        ("DELETE", path),
        ("POST", "/move/exports"),
        ("GET", "/move/exports"),
        ("GET", f"{path}/manifest"),
        ("GET", f"{path}/metalink"),
    ):
        assert web.request(method, f"{stack.link_api_url}{target}").status in {404, 405}, target
    for target in (path, path.replace("/exports/", "/exports/data/")):
        assert web.request("GET", f"{stack.api_url}{target}").status == 401
        assert linked.tenant.api.call("GET", target).status == 404
    assert get(linked.status_url)[0] == 200


def test_an_export_in_another_layout_has_no_link(linked: Linked, stack: Stack) -> None:
    api = linked.tenant.api
    export = api.finished(api.create(with_doctypes=["io.cozy.contacts"])["id"])
    assert {"share", "share_status"}.isdisjoint(export["links"])
    for path in (f"/move/exports/{export['id']}", f"/move/exports/data/{export['id']}"):
        assert get(f"{stack.link_api_url}{path}")[0] == 404
    assert api.delete(export["id"]).status == 200


def test_a_running_export_can_be_seen_but_not_downloaded_by_its_link(linked: Linked) -> None:
    api = linked.tenant.api
    export = api.create(layout="cozy", with_doctypes=["io.cozy.contacts"])
    status, body = get(export["links"]["share_status"])
    state = json.loads(body)["data"]["attributes"]["state"]
    assert (status, state in {"exporting", "done"}) == (200, True)
    part = get(export["links"]["share_status"].replace("/exports/", "/exports/data/"))[0]
    assert part == 409 or api.get(export["id"])["attributes"]["state"] == "done"
    api.finished(export["id"])
    assert api.delete(export["id"]).status == 200


def test_deleting_the_export_revokes_the_link_and_drops_its_secret(linked: Linked, aws: Aws, stack: Stack) -> None:
    api = linked.tenant.api
    export = api.finished(api.create(layout="cozy", with_doctypes=["io.cozy.contacts"])["id"])
    status_url = manifest_url(export["links"]["share"])
    part_url = status_url.replace("/exports/", "/exports/data/")
    table = stack.resources["jobs_table"]
    assert [get(url)[0] for url in (status_url, part_url)] == [200, 200]

    assert api.delete(export["id"]).status == 200

    assert [get(url)[0] for url in (status_url, part_url)] == [404, 404]
    tombstone = aws.dynamodb.get_item(
        TableName=table, Key={"pk": {"S": linked.tenant.id}, "sk": {"S": f"export#{export['id']}"}}
    )["Item"]
    assert "link_secret" not in tombstone
    assert api.call("GET", f"/move/exports/{export['id']}").status == 410


def test_neither_link_nor_secret_stands_in_a_log_or_in_what_the_workflow_keeps(
    linked: Linked, aws: Aws, stack: Stack
) -> None:
    get(linked.part_url("io.cozy.files/0"))
    link = linked.status_url.rpartition("/")[2]
    record = {"pk": {"S": linked.tenant.id}, "sk": {"S": f"export#{linked.export['id']}"}}
    job = aws.dynamodb.get_item(TableName=stack.resources["jobs_table"], Key=record)["Item"]
    secret = job["link_secret"]["B"]
    assert len(secret) == 32
    hidden = [link, repr(secret), base64.b64encode(secret).decode(), secret.hex()]
    logged = [
        event["message"]
        for groups in aws.logs.get_paginator("describe_log_groups").paginate()
        for group in groups["logGroups"]
        for page in aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    arn = stack.resources["export_workflow_arn"].replace(":stateMachine:", ":execution:")
    execution = aws.stepfunctions.describe_execution(executionArn=f"{arn}:{linked.export['id']}")
    assert any("unknown_cursor" in message for message in logged)
    for text in (*logged, execution["input"], execution.get("output", "")):
        assert not [each for each in hidden if each in text]
