"""Every row of a chat comes once, whatever Qiscus's limits cut, and what may be missing is named."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.systems.qiscus.data import Chat, made_up
from tests.systems.qiscus.server import SECRET, QiscusServer
from tests.unit.sources.qiscus.reading import SINCE, Reader, gaps, rows

from waybill.domain.errors import SourceNotReady, SourceUnavailable

CAPS = {"users": 10, "rooms": 10, "comments": 40}


@pytest.fixture
def chat() -> Chat:
    return made_up()


@pytest.fixture
def reader(chat: Chat) -> Reader:
    return Reader(QiscusServer(chat, caps=CAPS))


@pytest.mark.parametrize("kind", ["users", "rooms", "comments"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_every_row_comes_once_and_as_it_is(reader: Reader, chat: Chat, kind: str, exclusive: bool) -> None:
    reader.server.faults.exclusive = exclusive

    items = reader.read(kind)

    assert rows(items) == chat.rows[kind]
    assert gaps(items) == []


def test_rows_are_named_by_what_they_call_themselves(reader: Reader) -> None:
    assert reader.read("users")[0].id == "user0@example.org"
    assert reader.read("comments")[0].id == "android_00000000"


def test_no_window_has_more_than_thirty_days_and_those_at_the_cap_are_halved(reader: Reader) -> None:
    reader.read()

    asked = [(date.fromisoformat(first), date.fromisoformat(last)) for _, first, last in reader.server.windows]
    assert max((last - first).days for first, last in asked) == 29
    assert min((last - first).days for first, last in asked) < 15
    assert asked[0][0] == SINCE
    assert max(last for _, last in asked) >= date(2026, 2, 20)


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_the_format_shows_by_the_content(reader: Reader, chat: Chat, form: str) -> None:
    reader.server.faults.form = form

    found = rows(reader.read("comments"))

    assert [each["UniqueId"] for each in found] == [each["UniqueId"] for each in chat.rows["comments"]]
    assert [each["Message"] for each in found] == [each["Message"] for each in chat.rows["comments"]]


@pytest.mark.parametrize("faults", [{"nested": True}, {"flat": True}, {"nested": True, "flat": True}])
def test_both_forms_of_answers_are_understood(reader: Reader, chat: Chat, faults: dict[str, Any]) -> None:
    reader.server.set_faults(faults)

    assert rows(reader.read("rooms")) == chat.rows["rooms"]


def test_secrets_are_left_out(reader: Reader) -> None:
    items = reader.read("users", leave_out=("Password", "AuthenticationToken"))

    assert b"secret" not in b"".join(item.line or b"" for item in items)
    assert len(rows(items)) == 20


def test_the_host_of_the_files_gets_to_see_no_secret(reader: Reader) -> None:
    reader.read("users")

    assert reader.server.leaked == []


def test_keys_grow_and_reading_goes_on_behind_any_of_them(reader: Reader) -> None:
    whole = reader.read()
    keys = [item.key for item in whole]
    shard = reader.shard()
    assert keys == sorted(set(keys))
    assert all(shard.first <= key < shard.last for key in keys if shard.first and shard.last)
    asked = len(reader.server.asked)

    for count in range(1, len(whole), 17):
        assert reader.read(after=whole[count - 1].key) == whole[count:]
    assert len(reader.server.asked) == asked, "nothing is asked for again"


def test_what_was_made_after_the_plan_is_not_waited_for(reader: Reader) -> None:
    assert reader.shard().last == "2026-02-21"
    reader.clock.advance(hours=6)
    assert reader.shard().last == "2026-02-22", "by the clock of Qiscus it is the next day"


@settings(max_examples=15, deadline=None)
@given(
    cap=st.integers(2, 60),
    comments=st.integers(0, 120),
    length=st.integers(1, 80),
    exclusive=st.booleans(),
    polls=st.integers(1, 3),
)
def test_whatever_the_cap_all_that_is_there_comes_or_is_named(
    cap: int, comments: int, length: int, exclusive: bool, polls: int
) -> None:
    chat = made_up(comments=comments, days=length)
    reader = Reader(QiscusServer(chat, caps={**CAPS, "comments": cap}))
    reader.server.faults.exclusive, reader.server.faults.polls = exclusive, polls

    items = reader.read()

    found = rows(items)
    assert len({each["UniqueId"] for each in found}) == len(found), "nothing comes twice"
    assert [each for each in chat.rows["comments"] if each in found] == found
    missing = [each for each in chat.rows["comments"] if each not in found]
    assert not missing or gaps(items)
    if not missing and not exclusive:
        assert all(code == "rows_cut" for _, code in gaps(items))


class TestADayAtTheCap:
    def test_it_is_named_and_only_it(self) -> None:
        chat = made_up(comments=0)
        chat.rows["comments"] = [
            {"UniqueId": f"c{number:03}", "CreatedAt": f"2025-12-{day:02}T05:{number // 60:02}:{number % 60:02}Z"}
            for number, day in enumerate([10] * 5 + [11] * 50 + [12] * 5)
        ]
        reader = Reader(QiscusServer(chat, caps=CAPS))

        items = reader.read()

        assert gaps(items) == [("2025-12-11", "rows_cut")]
        assert len(rows(items)) == 5 + 40 + 5

    def test_one_that_has_many_only_with_the_next_is_read_alone(self) -> None:
        chat = made_up(comments=0)
        chat.rows["comments"] = [
            {"UniqueId": f"c{number:03}", "CreatedAt": f"2025-12-{day:02}T05:{number // 60:02}:{number % 60:02}Z"}
            for number, day in enumerate([10] * 30 + [11] * 30 + [12] * 30)
        ]
        reader = Reader(QiscusServer(chat, caps=CAPS))

        items = reader.read()

        assert gaps(items) == []
        assert rows(items) == chat.rows["comments"]

    def test_an_older_server_without_a_cap_gives_all(self, chat: Chat) -> None:
        reader = Reader(QiscusServer(chat, caps={**CAPS, "comments": 10_000}))

        items = reader.read(cap=3)

        assert rows(items) == chat.rows["comments"]
        assert {code for _, code in gaps(items)} <= {"rows_cut"}


class TestWaiting:
    def test_nothing_sleeps_and_some_are_asked_for_ahead(self, reader: Reader) -> None:
        reader.server.faults.polls = 3

        with pytest.raises(SourceNotReady, match=r"making its export of qiscus\.comments of 2025-12-01 to 2025-12-29"):
            list(reader.once())

        assert len(reader.server.backups) == 3, "all the windows that there are"

    def test_what_is_waited_for_has_one_name_and_one_deadline(self, reader: Reader) -> None:
        reader.server.faults.never_finish = True
        told = []
        for _ in range(3):
            with pytest.raises(SourceNotReady) as waits:
                list(reader.once())
            told.append((str(waits.value), waits.value.deadline))
            reader.clock.advance(minutes=5)

        assert len(set(told)) == 1

    def test_one_that_never_ends_is_given_up_and_stays_given_up_for_a_while(self, reader: Reader) -> None:
        reader.server.faults.never_finish, reader.pace = True, 600
        with pytest.raises(SourceUnavailable, match="has not finished its export"):
            reader.read()
        asked = len(reader.server.asked)

        for _ in range(5):
            with pytest.raises(SourceUnavailable, match="has not finished its export"):
                list(reader.once())
        assert len(reader.server.asked) <= asked + 5

    def test_a_person_who_tries_again_later_begins_anew(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.never_finish, reader.pace = True, 600
        with pytest.raises(SourceUnavailable):
            reader.read()

        reader.server.faults.never_finish = False
        reader.clock.advance(hours=1)
        assert rows(reader.read()) == chat.rows["comments"]

    def test_a_status_that_is_not_known_is_waited_for_and_told(self, reader: Reader) -> None:
        reader.server.faults.odd_status, reader.pace = "hibernating", 600

        with pytest.raises(SourceUnavailable, match="status that is not known"):
            reader.read()
        assert "not known" in reader.messages[-1]
        assert "hibernating" not in reader.messages[-1]


class TestCleaningUp:
    def test_every_export_of_qiscus_is_deleted_there(self, reader: Reader) -> None:
        reader.read()

        assert len(reader.server.backups) > 3
        assert reader.server.left == []
        assert not [key for key in reader.archives.objects if key.startswith("debts/")]

    def test_unless_the_catalog_wants_them_to_stay(self, reader: Reader) -> None:
        reader.read(removes=False)

        assert reader.server.left == list(reader.server.backups)
        assert not [key for key in reader.archives.objects if key.startswith("debts/")]

    def test_what_is_not_read_yet_is_owed(self, reader: Reader) -> None:
        reader.server.faults.polls = 99
        with pytest.raises(SourceNotReady):
            list(reader.once())

        owed = {data for key, data in reader.archives.objects.items() if key.startswith("debts/")}
        assert owed == {each.encode() for each in reader.server.backups}
        for each in owed:
            reader.source().settle(each)
            reader.source().settle(each)
        assert reader.server.left == []

    def test_a_removal_that_is_refused_stops_nothing(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.status, reader.server.faults.times, reader.server.faults.only = 403, 99, "DELETE"

        assert rows(reader.read("rooms")) == chat.rows["rooms"]
        assert [key for key in reader.archives.objects if key.startswith("debts/")]


class TestWhatGoesWrong:
    def refused(self, reader: Reader, kind: str = "comments", **faults: Any) -> str:
        for name, value in faults.items():
            setattr(reader.server.faults, name, value)
        with pytest.raises(SourceUnavailable) as told:
            reader.read(kind)
        assert SECRET not in str(told.value)
        assert "http" not in str(told.value)
        return str(told.value)

    def test_a_wrong_secret(self, chat: Chat) -> None:
        told = self.refused(Reader(QiscusServer(chat), secret="wrong"))

        assert "POST /api/v2.1/rest/exports" in told
        assert "401" in told
        assert "wrong" not in told

    def test_an_export_that_fails_is_asked_for_anew(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.error_message = "out of memory at user7@example.org"
        with pytest.raises(SourceUnavailable, match=r"says that its export .* has failed") as told:
            reader.read()
        assert "user7" not in str(told.value)
        assert len(set(reader.server.windows)) < len(reader.server.windows)

        reader.server.faults.error_message = ""
        with pytest.raises(SourceUnavailable):
            reader.read()
        reader.clock.advance(minutes=16)
        assert rows(reader.read()) == chat.rows["comments"]

    def test_one_that_somebody_has_deleted_is_asked_for_anew(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.polls = 2
        with pytest.raises(SourceNotReady):
            list(reader.once())
        for each in reader.server.backups.values():
            each.deleted = True

        assert rows(reader.read()) == chat.rows["comments"]

    def test_a_download_that_breaks_off_goes_on_with_the_same_export(self, reader: Reader, chat: Chat) -> None:
        assert "broke off" in self.refused(reader, break_times=1)
        made = len(reader.server.backups)

        assert rows(reader.read("comments"))[:3] == chat.rows["comments"][:3]
        assert reader.server.windows.count(reader.server.windows[0]) == 1
        assert made

    def test_a_file_that_is_gone_is_made_anew(self, reader: Reader) -> None:
        assert "is not there" in self.refused(reader, download_status=404)
        assert max(map(reader.server.windows.count, reader.server.windows)) == 3

    @pytest.mark.parametrize("spoil", ["<html>login</html>", "\0\0\0", "null"])
    def test_a_file_without_rows_is_no_file(self, reader: Reader, spoil: str) -> None:
        assert "cannot be read" in self.refused(reader, spoil=spoil)

    def test_a_file_that_breaks_off_is_made_anew_and_then_taken_as_far_as_it_goes(self, reader: Reader) -> None:
        reader.server.faults.spoil = "truncated"

        items = reader.read("rooms")

        assert {code for _, code in gaps(items)} == {"rows_missing"}
        assert rows(items)
        assert reader.server.windows.count(reader.server.windows[0]) == 3

    def test_a_file_that_lacks_rows_is_named(self, reader: Reader) -> None:
        reader.server.faults.short = 1

        items = reader.read("rooms")

        assert all(code == "rows_missing" for _, code in gaps(items))
        assert gaps(items)

    def test_a_row_that_is_no_object_is_named(self, reader: Reader) -> None:
        reader.server.faults.spoil = json.dumps([{"UniqueId": "a"}, 7, {"UniqueId": "b"}] + [{"UniqueId": "c"}] * 9)

        items = reader.read("rooms")

        assert {code for _, code in gaps(items)} == {"invalid_json"}

    @pytest.mark.parametrize(
        "faults",
        [{"truncate": True}, {"status": 500, "times": 99}, {"status": 403, "times": 99}, {"status": 400, "times": 1}],
    )
    def test_an_api_that_does_not_answer_as_it_should(self, reader: Reader, faults: dict[str, Any]) -> None:
        assert "/api/v2.1/rest/exports" in self.refused(reader, **faults)

    def test_an_api_that_wants_fewer_requests_gets_fewer(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.status, reader.server.faults.times = 429, 3
        reader.server.faults.retry_after = 600

        assert rows(reader.read("rooms")) == chat.rows["rooms"]
        assert 60 in reader.waits

    def test_but_not_for_ever(self, reader: Reader) -> None:
        reader.server.faults.status, reader.server.faults.times, reader.server.faults.retry_after = 429, 9999, 600
        deadlines = set()
        for _ in range(5):
            with pytest.raises(SourceNotReady) as waits:
                list(reader.once())
            deadlines.add(waits.value.deadline)
            reader.clock.advance(minutes=10)

        assert len(deadlines) == 1

    def test_a_short_refusal_is_waited_out(self, reader: Reader, chat: Chat) -> None:
        reader.server.faults.status, reader.server.faults.times, reader.server.faults.only = 500, 2, "GET"

        assert rows(reader.read("rooms")) == chat.rows["rooms"]

    def test_what_was_read_stays_when_a_later_window_fails(self, reader: Reader, chat: Chat) -> None:
        reading = reader.once()
        items = [next(reading)]
        reader.server.faults.status, reader.server.faults.times = 403, 99
        with pytest.raises(SourceUnavailable):
            items.extend(reading)
        reader.server.faults.times = 0

        rest = reader.read(after=items[-1].key)
        assert rows([*items, *rest]) == chat.rows["comments"]
