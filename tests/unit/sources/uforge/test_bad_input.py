"""Whatever UForge does, the export says which system and which request, and claims nothing that it did not read."""

import ssl

import pytest
from tests.rest_fakes import FakeApi
from tests.systems.uforge.server import UForge
from tests.unit.sources.uforge.account import Account, records

from waybill.domain.errors import SourceUnavailable

ASKED = "UForge at uforge.example.org, asked for GET /api/users/{user}/appliances?count=50&offset=0,"
SECRETS = ("bob", "s3cret", "PUB", "SEC", "signature")


def told(account: Account) -> str:
    """What the export says when the appliances cannot be read."""
    with pytest.raises(SourceUnavailable) as met:
        account.read("appliances", fetches=False)
    text = str(met.value)
    assert not [secret for secret in SECRETS if secret in text]
    return text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "it refuses connections, so look whether it runs, and at the url in the catalog"),
        (TimeoutError(), "it was silent for too long"),
        (ssl.SSLError("handshake"), "no TLS connection to it could be made"),
        (ConnectionResetError(), "the connection broke off"),
    ],
)
def test_a_server_that_cannot_be_reached(error: Exception, words: str) -> None:
    account = Account()

    def refuse(_: object) -> None:
        raise error

    account.api = FakeApi(refuse)  # type: ignore[arg-type]
    text = told(account)
    assert text.startswith(ASKED)
    assert words in text


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("malformed", "was answered with what is not XML"),
        ("truncated", "was answered with what is not XML"),
        ("doctype", "was answered with what is XML with a document type, which is not read"),
        ("other", "was answered with XML that is no appliances of UForge's"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for(what: str, words: str) -> None:
    account = Account()
    account.fault("appliances", what)

    text = told(account)

    assert text.startswith(ASKED)
    assert words in text


def test_a_page_that_breaks_off_is_asked_for_again() -> None:
    account = Account(UForge(appliances=120))
    account.fault("offset=50", "breaks", times=2)

    assert len(account.read("appliances", fetches=False)) == 120


@pytest.mark.parametrize("what", ["500", "502", "503"])
def test_a_server_that_is_down_for_a_moment_is_asked_again(what: str) -> None:
    account = Account()
    account.fault("appliances", what, times=2)

    assert len(account.read("appliances", fetches=False)) == 3
    assert len(account.time.slept) == 2


def test_a_server_that_is_overloaded_is_left_alone_as_long_as_it_asks() -> None:
    account = Account()
    account.fault("appliances", "429", times=1, headers=(("Retry-After", "7"),))

    assert len(account.read("appliances", fetches=False)) == 3
    assert account.time.slept == [7.0]


def test_one_page_that_fails_fails_the_list_and_says_which() -> None:
    account = Account(UForge(appliances=120))
    account.fault("offset=100", "500")

    text = told(account)

    assert "GET /api/users/{user}/appliances?count=50&offset=100, was answered with 500" in text
    assert "What was read until then is kept." in text


def test_a_list_that_repeats_its_first_page_for_ever_ends() -> None:
    account = Account(UForge(appliances=500))
    account.fault("appliances", "first-page")

    assert "the same page as before, so the list would never end" in told(account)
    assert len(account.api.asked) < 20


def test_a_list_that_never_has_as_many_as_it_says_is_not_passed_as_whole() -> None:
    account = Account(UForge(appliances=3))
    account.uforge.lists["appliances"][2] = account.uforge.lists["appliances"][0]

    assert "UForge said that there are 3 appliances, and gave 2, 3 times" in told(account)


@pytest.mark.parametrize("number", ["", "twelve", "-4", "1" * 30])
def test_an_object_that_cannot_be_told_from_others_stops_the_reading(number: str) -> None:
    account = Account()
    account.uforge.lists["appliances"][1]["dbId"] = number

    assert "an object without a number (dbId)" in told(account)


def test_a_sign_in_that_ends_in_the_middle_keeps_what_was_fetched() -> None:
    account = Account(UForge(polls=1))
    answer = account.uforge.answer

    def ending(method: str, target: str, *rest: object) -> object:
        told = answer(method, target, *rest)  # type: ignore[arg-type]
        account.uforge.account.revoked |= target.endswith("/downloads")
        return told

    account.uforge.answer = ending  # type: ignore[method-assign, assignment]
    with pytest.raises(SourceUnavailable, match="401"):
        account.read_waiting("appliances")
    assert len([key for key in account.archives.objects if "/kept/" in key]) == 1

    account.uforge.account.revoked = False
    account.uforge.answer = answer  # type: ignore[method-assign]
    items, _ = account.read_waiting("appliances")

    assert [record["dbId"] for record in records(items)] == [10, 17, 24]
    assert all(item.file is not None for item in items)
    assert account.uforge.tickets.asked == 3


def test_a_status_that_cannot_be_read_is_not_taken_for_an_end() -> None:
    account = Account(UForge(appliances=1))
    account.fault("/status", "other")

    with pytest.raises(SourceUnavailable, match=r"/status, was answered with XML that is no status of UForge's"):
        account.read("appliances")
    assert account.debts()


def test_a_ticket_without_a_number_is_refused() -> None:
    account = Account(UForge(appliances=1))
    account.fault("^POST", "other")

    with pytest.raises(SourceUnavailable, match="XML that is no applianceExport of UForge's"):
        account.read("appliances")
