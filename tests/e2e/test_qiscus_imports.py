"""The Qiscus imports as a client of Qiscus uses them: users, rooms and comments go in by a key, and come out again."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from local import web
from local.stack_file import Stack
from tests.e2e.support import Tenant
from tests.e2e.test_qiscus import Client, download, new_key
from tests.qiscus_samples import IMPORT_CREATED, IMPORT_LIST, shape

pytestmark = pytest.mark.e2e

_PATH = "/api/v2.1/rest/imports"
_WHEN = "2017-05-10T11:46:30Z"
MOST = 4_000_000
"""Bytes of a file (seed 003)."""

USERS = [
    {
        "Email": email,
        "Name": name,
        "AvatarUrl": "https://avatars.example.org/1.png",
        "AuthenticationToken": f"token of {name}",
        "Password": f"password of {name}",
        "CreateAt": _WHEN,
    }
    for email, name in [("a@example.org", "Ana"), ("b@example.org", "Budi")]
]
ROOM = {
    "Name": "a@example.org b@example.org",
    "Type": "single",
    "Options": "{}",
    "CreatorEmail": "a@example.org",
    "CreatedAt": _WHEN,
    "AvatarUrl": "",
    "UniqueId": "room-1",
    "ParticipantEmails": ["a@example.org", "b@example.org"],
}
COMMENT = {
    "Message": "Halo",
    "DisableLinkPreview": False,
    "Type": "text",
    "UniqueId": "comment-1",
    "CreatorEmail": "a@example.org",
    "RoomUniqueId": "room-1",
    "CreatedAt": _WHEN,
    "Payload": None,
    "ParentCommentUniqueId": "",
}
REPLY = COMMENT | {
    "Message": "Halo juga",
    "Type": "reply",
    "UniqueId": "comment-2",
    "CreatorEmail": "b@example.org",
    "Payload": {"text": "Halo juga", "replied_comment_id": 1},
    "ParentCommentUniqueId": "comment-1",
}


class Importer:
    """A client of Qiscus that brings rows in."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = f"{url}{_PATH}"
        self._headers = headers

    def send(self, kind: str, content: bytes) -> web.Answer:
        """Send the form that curl makes of ``-F type=… -F file=@….json``."""
        head = f'--x\r\nContent-Disposition: form-data; name="type"\r\n\r\n{kind}\r\n--x\r\n'
        head += f'Content-Disposition: form-data; name="file"; filename="{kind}.json"\r\n'
        body = f"{head}Content-Type: application/json\r\n\r\n".encode() + content + b"\r\n--x--\r\n"
        headers = {**self._headers, "Content-Type": "multipart/form-data; boundary=x"}
        return web.request("POST", self._url, headers=headers, body=body)

    def listed(self) -> list[dict[str, Any]]:
        answer = web.request("GET", self._url, headers=self._headers)
        assert answer.status == 200, answer.body
        return list(answer.document["results"]["backup_histories"])

    def ended(self, kind: str, rows: list[dict[str, Any]], *, padding: int = 0) -> dict[str, Any]:
        """Import rows, wait until the list shows them as no longer running, and return the first entry of the list."""
        answer = self.send(kind, json.dumps(rows).encode() + b" " * padding)
        assert answer.status == 200, answer.body
        assert shape(answer.document) == shape(IMPORT_CREATED)
        made = answer.document["results"]["backup_history"]
        deadline = time.monotonic() + 120
        while (shown := self.listed()[0])["status"] == "started":
            assert time.monotonic() < deadline, shown
            time.sleep(0.5)
        assert shown["unique_id"] == made["unique_id"]
        return shown


@pytest.fixture(scope="module")
def chat(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("chat-import")


@pytest.fixture(scope="module")
def key(stack: Stack, chat: Tenant) -> dict[str, str]:
    return new_key(stack, chat.id)


@pytest.fixture(scope="module")
def importer(stack: Stack, key: dict[str, str]) -> Importer:
    return Importer(stack.api_url, key)


@pytest.fixture(scope="module")
def imported(importer: Importer) -> list[dict[str, Any]]:
    """The three imports of a chat in their order, as the list shows them; one of the comments is bad."""
    bad = COMMENT | {"UniqueId": "comment-3", "RoomUniqueId": "no such room"}
    chat: list[tuple[str, list[dict[str, Any]]]] = [
        ("users", USERS),
        ("rooms", [ROOM]),
        ("comments", [COMMENT, REPLY, bad]),
    ]
    return [importer.ended(kind, rows) for kind, rows in chat]


def test_the_list_shows_what_became_of_the_rows(importer: Importer, imported: list[dict[str, Any]]) -> None:
    assert [each["resource_name"] for each in importer.listed()] == ["comments", "rooms", "users"]
    assert [each["status"] for each in imported] == ["finished"] * 3
    assert [each["total_rows"] for each in imported] == [2, 1, 3]
    assert [each["errors"] for each in imported[:2]] == [{}, {}]
    assert shape(imported[0]) == shape(IMPORT_LIST["results"]["backup_histories"][0])
    (fault,) = imported[2]["errors"]["Data"]
    assert (fault["row"], fault["code"], fault["pointer"]) == (3, "reference_missing", "/RoomUniqueId")
    assert "1" in imported[2]["errors"]["Message"]


def test_what_was_imported_is_exported_but_for_its_secrets(
    stack: Stack, key: dict[str, str], imported: list[dict[str, Any]]
) -> None:
    secrets = {"AuthenticationToken", "Password"}
    users = [{name: value for name, value in user.items() if name not in secrets} for user in USERS]
    client = Client(stack.api_url, key)

    for kind, rows in {"users": users, "rooms": [ROOM], "comments": [COMMENT, REPLY]}.items():
        export = client.finished(client.create(type=kind)["unique_id"])
        assert json.loads(download(export["download_url"])[0]) == rows


def test_a_row_that_is_there_already_is_told_and_not_written(
    importer: Importer, imported: list[dict[str, Any]]
) -> None:
    again = importer.ended("rooms", [ROOM])

    assert again["status"] == "finished"
    assert [(fault["row"], fault["code"]) for fault in again["errors"]["Data"]] == [(1, "exists")]


def test_a_file_may_have_four_megabytes_and_not_one_byte_more(importer: Importer) -> None:
    rows = [{**USERS[0], "Email": "c@example.org", "AuthenticationToken": "another"}]
    size = len(json.dumps(rows))

    largest = importer.ended("users", rows, padding=MOST - size)
    refused = importer.send("users", b" " * (MOST + 1))

    assert (largest["size"], largest["status"], largest["errors"]) == (MOST, "finished", {})
    assert (refused.status, refused.document["error"]["message"]) == (413, "body_too_large")
    assert importer.listed()[0]["unique_id"] == largest["unique_id"]


def test_a_key_that_may_only_export_imports_nothing(stack: Stack, chat: Tenant) -> None:
    narrow = Importer(stack.api_url, new_key(stack, chat.id, "--scope", "exports.read"))

    assert narrow.send("users", json.dumps(USERS).encode()).status == 403
