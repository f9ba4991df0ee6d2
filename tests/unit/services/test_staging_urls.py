"""URLs and links to exports as inputs: fetched piece by piece, over any calls."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fake_uploads import RemoteFile
from tests.fakes import FakeBudget
from tests.unit.intake.archives import a_zip
from tests.unit.services.staging import Import

from waybill.domain import import_keys
from waybill.domain.errors import InputRefused
from waybill.domain.import_limits import MOST_INPUTS, ImportLimits
from waybill.ports import LinkedPart
from waybill.services import fetch_input
from waybill.services.fetch_input import MOST_TRIES, PIECE

URL = "https://example.org/contacts.json"
ROWS = [{"_id": str(number), "text": "x" * 1000} for number in range(20_000)]
LARGE = json.dumps(ROWS).encode()
assert 2 * PIECE < len(LARGE) < 3 * PIECE


def importing(file: RemoteFile, limits: ImportLimits | None = None) -> Import:
    made = Import()
    made.limits = limits or made.limits
    made.client.files[URL] = file
    made.url(URL)
    return made


def refused(made: Import, *budgets: int, **options: Any) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        made.stage(budgets, doctype="io.cozy.contacts", **options)
    return caught.value


def fetched(made: Import) -> bytes:
    return made.archives.objects[import_keys.fetched(made.now.id, 0)]


def test_a_small_file_is_fetched_and_read() -> None:
    made = importing(RemoteFile(b'[{"_id":"a"}]', name="contacts.json"))

    staged = made.stage(doctype="io.cozy.contacts")

    assert (made.values(), staged.inputs[0].name) == ([{"_id": "a"}], "contacts.json")
    assert made.client.asked == [(URL, 0)]


def test_an_empty_answer_is_an_empty_file() -> None:
    assert refused(importing(RemoteFile(b""))).reason == "empty"


@settings(deadline=None, max_examples=60)
@given(
    budgets=st.lists(st.integers(22, 30), max_size=6),  # enough for a piece in spite of a break
    breaks=st.lists(st.integers(1, 2_999), max_size=1),
    resumable=st.booleans(),
)
def test_a_download_goes_on_where_it_stopped_or_broke(budgets: list[int], breaks: list[int], resumable: bool) -> None:
    data = json.dumps([{"_id": str(number)} for number in range(200)]).encode()[:3_000]
    file = RemoteFile(data, resumable=resumable, breaks_at=sorted(breaks), chunk_size=100)
    made = importing(file, ImportLimits(input_bytes=5_000))
    made.archives.least_piece = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch_input, "PIECE", 1_000)
        made.create(doctype="io.cozy.contacts", allow_partial=True)
        for steps in budgets if resumable else ():
            made.step(FakeBudget(steps))
        made.step()

    assert fetched(made) == data
    assert all(start % 1_000 == 0 for _, start in made.client.asked)
    assert not made.archives.uploads


def test_only_what_was_not_stored_is_asked_for_again() -> None:
    made = importing(RemoteFile(LARGE))
    made.create(doctype="io.cozy.contacts")
    assert not made.step(FakeBudget(150))
    made.step()

    assert [start for _, start in made.client.asked] == [0, PIECE]
    assert made.staged.rows == len(ROWS)


def test_where_a_server_cannot_take_it_up_it_begins_anew() -> None:
    made = importing(RemoteFile(LARGE, resumable=False, breaks_at=[PIECE + 1]))
    made.stage(doctype="io.cozy.contacts")

    assert fetched(made) == LARGE
    assert [start for _, start in made.client.asked] == [0, PIECE]


def test_another_version_is_fetched_from_its_beginning() -> None:
    made = importing(RemoteFile(LARGE))
    made.create(doctype="io.cozy.contacts")
    assert not made.step(FakeBudget(150))
    made.client.files[URL] = RemoteFile(LARGE.replace(b"x", b"y"))
    made.step()

    assert fetched(made) == LARGE.replace(b"x", b"y")


def test_a_server_that_never_gets_through_is_given_up() -> None:
    made = importing(RemoteFile(LARGE, breaks_at=[1000] * 100))

    assert refused(made).reason == "url_broken"
    assert len(made.client.asked) == MOST_TRIES
    assert not made.archives.objects.keys() & {import_keys.fetched(made.now.id, 0)}


def test_what_takes_longer_than_a_call_and_cannot_be_taken_up_is_refused_in_the_end() -> None:
    made = importing(RemoteFile(LARGE, resumable=False))

    assert refused(made, *[150] * 10).reason == "url_too_slow"
    assert len(made.client.asked) == 2


@pytest.mark.parametrize("tells_size", [True, False])
def test_a_body_that_is_too_large_or_does_not_end_is_refused(tells_size: bool) -> None:
    made = importing(RemoteFile(LARGE, tells_size=tells_size), ImportLimits(input_bytes=PIECE + 1))

    assert refused(made).reason == "input_too_large"
    assert len(made.archives.puts) == (0 if tells_size else 1)


@pytest.mark.parametrize("reason", ["url_not_allowed", "url_status", "url_unreachable", "url_too_slow", "url_changed"])
def test_what_the_client_refuses_ends_the_import_with_its_reason(reason: str) -> None:
    made = importing(RemoteFile(b"", refusal=InputRefused("Why.", reason)))

    assert refused(made).reason == reason


def test_a_file_is_fetched_once_however_often_the_step_comes() -> None:
    made = importing(RemoteFile(json.dumps(ROWS[:50]).encode()))
    made.stage([1] * 60, doctype="io.cozy.contacts")

    assert len(made.client.asked) == 1
    assert made.values() == ROWS[:50]


# ---------------------------------------------------------------- Links to exports

LINK = "https://alice-settings.example.org/#/exports/abcdefgh"


def a_part(number: int) -> bytes:
    content = b"content %d" % number
    record = {"_id": f"f{number}", "type": "file", "name": "x", "size": str(len(content))}
    return a_zip(
        ("My Cozy/Data/instance.json", b"{}"),
        (f"My Cozy/Data/io.cozy.files/f{number}.json", json.dumps(record).encode()),
        (f"My Cozy/Files/x{number}", content),
        streamed=True,
    )


def linked(*parts: bytes) -> Import:
    made = Import()
    made.url(LINK)
    urls = [f"https://alice.example.org/move/exports/data/abcdefgh?{number}" for number in range(len(parts))]
    made.client.links[LINK] = [
        LinkedPart(number, len(parts), f"part-{number:05}.zip", url) for number, url in enumerate(urls, start=1)
    ]
    made.client.files = {url: RemoteFile(data, resumable=False) for url, data in zip(urls, parts, strict=True)}
    return made


def test_a_link_to_an_export_is_its_parts() -> None:
    made = linked(a_part(1), a_part(2), a_part(3))
    staged = made.stage([20] * 8)

    assert [value["_id"] for value in made.values()] == ["f1", "f2", "f3"]
    assert made.contents == {("io.cozy.files", f"f{n}"): b"content %d" % n for n in (1, 2, 3)}
    assert [each.name for each in staged.inputs] == [f"part-{n:05}.zip" for n in (1, 2, 3)]


@pytest.mark.parametrize("data", [a_zip(), a_zip(("My Cozy/Files/x", b"x")), b"<html>", a_part(1)[:-10]])
def test_an_export_that_was_emptied_or_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(InputRefused) as caught:
        linked(data, a_part(2)).stage()

    assert caught.value.reason == "export_unreadable"
    assert "abcdefgh" not in str(caught.value)


def test_an_export_of_too_many_parts_is_refused() -> None:
    made = linked(a_part(1))
    made.client.links[LINK] *= MOST_INPUTS + 1
    with pytest.raises(InputRefused) as caught:
        made.stage()

    assert caught.value.reason == "too_many_inputs"


def test_a_link_is_nowhere_but_where_staging_stopped() -> None:
    made = linked(a_part(1), a_part(2))
    made.create()
    made.step(FakeBudget(1))
    keys = [key for key, data in made.archives.objects.items() if b"abcdefgh" in data]
    made.step()

    assert keys == [import_keys.staging(made.now.id)]
    assert b"abcdefgh" not in made.archives.objects[import_keys.inputs(made.now.id)]


def test_a_break_at_the_end_of_a_call_is_no_more_than_a_break() -> None:
    made = importing(RemoteFile(LARGE, breaks_at=[PIECE + 1]))
    made.create(doctype="io.cozy.contacts")
    asked_until_the_break = PIECE // 65_536 + 1

    assert not made.step(FakeBudget(asked_until_the_break))
    made.step()

    assert fetched(made) == LARGE
