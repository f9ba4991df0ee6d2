"""Laws of judging: batches and pauses change nothing, and what passes is what a plain reading of the rules allows."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.court import COMMENT, NOW, REPLY, ROOM, USER, Target, rows

from waybill.domain.import_options import OnConflict
from waybill.rules.judge import judge
from waybill.rules.rulebook import rules_of
from waybill.rules.seen import SqliteSeen
from waybill.rules.verdict import Verdict

EMAILS = st.sampled_from([f"{name}@example.com" for name in "abcd"])
FEW = st.sampled_from(["1", "2", "3", "4"])
MORE = st.sampled_from([str(number) for number in range(1, 13)])


def one_of(row: dict[str, Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda **drawn: {**row, **drawn}, **fields)


USERS = one_of(USER, Email=EMAILS, AuthenticationToken=MORE, Name=st.sampled_from(["Ada", 7]))
ROOMS = one_of(
    ROOM,
    UniqueId=MORE,
    Type=st.sampled_from(["group", "single"]),
    CreatorEmail=EMAILS,
    ParticipantEmails=st.lists(EMAILS, min_size=1, max_size=3),
)
TEXTS = one_of(
    COMMENT,
    UniqueId=MORE,
    CreatorEmail=EMAILS,
    RoomUniqueId=FEW,
    Message=st.sampled_from(["Halo", "Hi", "m" * 4_000, "", "m" * 4_001]),
)
REPLIES = one_of(
    REPLY,
    UniqueId=MORE,
    CreatorEmail=EMAILS,
    RoomUniqueId=FEW,
    ParentCommentUniqueId=st.one_of(FEW, st.just("")),
    Payload=st.sampled_from(
        [
            REPLY["Payload"],
            {**REPLY["Payload"], "replied_comment_sender_email": "a@example.com"},
            {"text": REPLY["Message"], "replied_comment_id": 1.0},
            {"text": "else", "replied_comment_id": 1},
            None,
        ]
    ),
)
INPUT = st.fixed_dictionaries(
    {
        "users": st.lists(USERS, max_size=6),
        "rooms": st.lists(ROOMS, max_size=6),
        "comments": st.lists(st.one_of(TEXTS, REPLIES), max_size=8),
    }
).map(lambda sent: {name: sent[name] for name in ("users", "rooms", "comments")})
EVERYBODY = [{"Email": f"{name}@example.com", "AuthenticationToken": name} for name in "abcd"]
SOMEBODY = st.lists(
    st.builds(lambda email, token: {"Email": email, "AuthenticationToken": token}, EMAILS, MORE),  # Email names it
    max_size=3,
    unique_by=(lambda each: each["Email"], lambda each: each["AuthenticationToken"]),
)
TARGET = st.fixed_dictionaries(
    {
        "users": st.one_of(st.just(EVERYBODY), SOMEBODY),
        "rooms": st.lists(st.fixed_dictionaries({"UniqueId": FEW}), max_size=4),
        "comments": st.lists(st.fixed_dictionaries({"UniqueId": FEW}), max_size=2),
    }
)
CONFLICTS = st.sampled_from(OnConflict)


def judged(
    sent: dict[str, list[dict[str, Any]]],
    target: Target,
    on_conflict: OnConflict,
    *,
    batch: int = 1_000,
    pauses: Sequence[int] = (),
    seen_too_much: bool = False,
) -> list[Verdict]:
    """Judge everything; after as many verdicts as ``pauses`` say, stop and go on with a stored copy of the index.

    The copy is of the moment of the pause, at which a batch may have been judged beyond the verdicts that were taken.
    To have ``seen_too_much``, the index is of a run that went on to the end before its verdicts were lost.
    """
    found: list[Verdict] = []
    wait = list(pauses)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0"
        if seen_too_much:
            with SqliteSeen(path) as seen:
                for name, values in sent.items():
                    list(judge(rows(values), rules_of(name, [], NOW), seen=seen, existing=target,
                               on_conflict=on_conflict))  # fmt: skip
        for name, values in sent.items():
            done = 0
            while done < len(values):
                stop = wait.pop(0) if wait else len(values)
                with SqliteSeen(path) as seen:
                    given = judge(
                        rows(values)[done:],
                        rules_of(name, [], NOW),
                        seen=seen,
                        existing=target,
                        on_conflict=on_conflict,
                        judged=done,
                        batch=batch,
                    )
                    taken = [verdict for _, verdict in zip(range(stop), given, strict=False)]
                    path = Path(shutil.copy(seen.settle(), Path(folder) / str(len(list(Path(folder).iterdir())))))
                found += taken
                done += len(taken)
    return found


@given(
    sent=INPUT,
    stands=TARGET,
    on_conflict=CONFLICTS,
    batch=st.integers(1, 7),
    pauses=st.lists(st.integers(1, 5), max_size=4),
    seen_too_much=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_neither_batches_nor_pauses_change_a_verdict(
    *,
    sent: dict[str, list[dict[str, Any]]],
    stands: dict[str, list[dict[str, str]]],
    on_conflict: OnConflict,
    batch: int,
    pauses: list[int],
    seen_too_much: bool,
) -> None:
    target = Target(stands)
    found = judged(sent, target, on_conflict, batch=batch, pauses=pauses, seen_too_much=seen_too_much)

    assert found == judged(sent, target, on_conflict)


@given(INPUT, TARGET, CONFLICTS)
@settings(max_examples=200, deadline=None)
def test_what_passes_is_what_a_plain_reading_of_the_rules_lets_pass(
    sent: dict[str, list[dict[str, Any]]], stands: dict[str, list[dict[str, str]]], on_conflict: OnConflict
) -> None:
    found = judged(sent, Target(stands), on_conflict)

    assert [str(each.outcome) for each in found] == Plainly(sent, stands, on_conflict).outcomes()


class Plainly:
    """The rules once more, one row after the other, looking through all rows before it each time."""

    def __init__(
        self, sent: dict[str, list[dict[str, Any]]], stands: dict[str, list[dict[str, str]]], on_conflict: OnConflict
    ) -> None:
        self.sent = sent
        self.stands = stands
        self.on_conflict = on_conflict
        self.accepted: dict[str, list[dict[str, Any]]] = {"users": [], "rooms": [], "comments": []}

    def outcomes(self) -> list[str]:
        found = []
        for name, values in self.sent.items():
            for position, row in enumerate(values):
                outcome = self.outcome(name, row, values[:position])
                if outcome == "accepted":
                    self.accepted[name].append(row)
                found.append(outcome)
        return found

    def outcome(self, name: str, row: dict[str, Any], before: list[dict[str, Any]]) -> str:
        key = "Email" if name == "users" else "UniqueId"
        stands = any(each[key] == row[key] for each in self.stands[name])
        if any(each[key] == row[key] for each in before) or not getattr(self, name)(row, before):
            return "failed"
        if stands and self.on_conflict != "replace":
            return "failed" if self.on_conflict == "fail" else "skipped"
        return "accepted"

    def users(self, row: dict[str, Any], before: list[dict[str, Any]]) -> bool:
        token = row["AuthenticationToken"]
        taken = [each for each in self.stands["users"] if each["AuthenticationToken"] == token]
        return (
            isinstance(row["Name"], str)
            and not any(each["AuthenticationToken"] == token for each in before)
            and all(each["Email"] == row["Email"] for each in taken)
        )

    def rooms(self, row: dict[str, Any], before: list[dict[str, Any]]) -> bool:
        people = row["ParticipantEmails"]
        two = len(people) == 2 and row["CreatorEmail"] in people
        return (
            len(set(people)) == len(people)
            and (row["Type"] == "group" or two)
            and all(self.there("users", "Email", email) for email in [*people, row["CreatorEmail"]])
        )

    def comments(self, row: dict[str, Any], before: list[dict[str, Any]]) -> bool:
        good = (
            1 <= len(row["Message"]) <= 4_000
            and self.there("rooms", "UniqueId", row["RoomUniqueId"])
            and self.there("users", "Email", row["CreatorEmail"])
        )
        if row["Type"] == "text":
            return good
        payload = row["Payload"]
        return (
            good
            and payload is not None
            and payload["text"] == row["Message"]
            and type(payload["replied_comment_id"]) is int
            and self.there("comments", "UniqueId", row["ParentCommentUniqueId"])
        )

    def there(self, name: str, field: str, value: str) -> bool:
        return any(each[field] == value for each in [*self.stands[name], *self.accepted[name]])
