"""What the tests of rules share: good rows, a target in memory, and a judge that is quick to call."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waybill.domain.catalog import Doctype, TableSource
from waybill.domain.import_options import OnConflict
from waybill.rules.doctype_rules import Checked, DoctypeRules
from waybill.rules.judge import judge
from waybill.rules.rulebook import rules_of
from waybill.rules.seen import SqliteSeen
from waybill.rules.verdict import Finding, Row, Verdict

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body")

USER: dict[str, Any] = {
    "Email": "ada@example.com",
    "Name": "Ada",
    "AvatarUrl": "https://example.com/a.png",
    "AuthenticationToken": "token-of-ada",
    "Password": "correct horse",
    "CreateAt": "2017-05-10T11:46:30Z",
}
ROOM: dict[str, Any] = {
    "Name": "Family",
    "Type": "group",
    "Options": "",
    "CreatorEmail": "ada@example.com",
    "CreatedAt": "2017-05-11T06:35:27Z",
    "AvatarUrl": "",
    "UniqueId": "room-1",
    "ParticipantEmails": ["ada@example.com", "bob@example.com", "cy@example.com"],
}
SINGLE: dict[str, Any] = {**ROOM, "Type": "single", "ParticipantEmails": ["bob@example.com", "ada@example.com"]}
COMMENT: dict[str, Any] = {
    "Message": "Halo doc",
    "DisableLinkPreview": False,
    "Type": "text",
    "UniqueId": "comment-1",
    "CreatorEmail": "ada@example.com",
    "RoomUniqueId": "room-1",
    "CreatedAt": "2017-05-11T19:14:24Z",
    "Payload": None,
    "ParentCommentUniqueId": "",
}
REPLY: dict[str, Any] = {
    **COMMENT,
    "Message": "Maaf mau tanya..",
    "Type": "reply",
    "UniqueId": "comment-2",
    "Payload": {"text": "Maaf mau tanya..", "replied_comment_id": 1},
    "ParentCommentUniqueId": "comment-1",
}


def doctype(
    name: str,
    schema: str = '{"type": "object"}',
    *,
    unique: tuple[str, ...] = (),
    references: Mapping[str, str] | None = None,
) -> Doctype:
    return Doctype(name, TABLE, schema, unique=unique, references=references or {})


class Target:
    """The records of a tenant: by doctype, the fields that can be asked for, the first of which names the record."""

    def __init__(self, records: Mapping[str, Sequence[Mapping[str, str]]] | None = None) -> None:
        self._records = records or {}
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def existing(self, doctype: str, field: str, keys: Sequence[str]) -> Mapping[str, str]:
        assert 0 < len(keys) <= 100, "A question has at most a hundred keys."
        assert len(set(keys)) == len(keys), "No key is asked for twice in a question."
        self.asked.append((doctype, field, tuple(keys)))
        holders = {each[field]: next(iter(each.values())) for each in self._records.get(doctype, ()) if field in each}
        return {key: holders[key] for key in keys if key in holders}


PEOPLE = [{"Email": f"{name}@example.com", "AuthenticationToken": f"token of {name}"} for name in ("bob", "cy", "dan")]
TOWN = Target({"users": [{"Email": "ada@example.com"}, *PEOPLE]})


def rules(name: str, doctypes: Iterable[Doctype] = ()) -> DoctypeRules:
    return rules_of(name, doctypes, NOW)


def checked(name: str, value: dict[str, Any], doctypes: Iterable[Doctype] = ()) -> Checked:
    return rules(name, doctypes).check(value)


def told(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """Code and pointer of each finding."""
    return {(str(each.code), each.pointer) for each in findings}


def faults(name: str, value: dict[str, Any], doctypes: Iterable[Doctype] = ()) -> set[tuple[str, str]]:
    return told(checked(name, value, doctypes).faults)


def rows(values: Iterable[dict[str, Any]]) -> list[Row]:
    return [Row(number, value) for number, value in enumerate(values, 1)]


def verdicts(
    name: str,
    values: Iterable[dict[str, Any]],
    target: Target | None = None,
    on_conflict: OnConflict = OnConflict.FAIL,
    doctypes: Iterable[Doctype] = (),
) -> list[Verdict]:
    """Judge rows of one doctype, with nothing before them."""
    with tempfile.TemporaryDirectory() as folder, SqliteSeen(Path(folder) / "seen") as seen:
        return list(
            judge(
                rows(values),
                rules(name, doctypes),
                seen=seen,
                existing=target or Target(),
                on_conflict=on_conflict,
            )
        )
