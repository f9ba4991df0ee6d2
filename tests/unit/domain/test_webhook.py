"""A webhook's secrets and filter, and the signatures of what is sent to it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from waybill.domain.errors import InvalidWebhookName, TooManySecrets
from waybill.domain.webhook import MOST_SECRETS, MOST_WAIT, ROTATION, Outcome, Webhook, check_name, new_webhook
from waybill.domain.webhook_message import WebhookMessage, signed_headers

URL = "https://hooks.example.org/"
BODY = '{"type":"waybill.export.done","timestamp":"2026-03-01T12:00:00+00:00","data":{"path":"/move/exports/ä"}}'


def webhook(*events: str, now: datetime | None = None) -> Webhook:
    return new_webhook("alice", "shop", url=URL, events=events, enabled=True, now=now or datetime.now(UTC))


def test_what_is_signed_is_taken_by_the_library_of_the_standard() -> None:
    now = datetime.now(UTC)
    made = webhook()

    headers = signed_headers("id/1", BODY.encode(), made.signing_keys(now), now)

    assert Verifier(made.secret).verify(BODY, headers)["type"] == "waybill.export.done"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_changed_header_is_noticed(name: str) -> None:
    now = datetime.now(UTC)
    made = webhook()
    headers = signed_headers("id/1", BODY.encode(), made.signing_keys(now), now)
    fourth = headers[name][3]  # of the signature the first letter that all bits of count
    headers[name] = headers[name][:3] + ("1" if fourth != "1" else "2") + headers[name][4:]

    with pytest.raises(WebhookVerificationError):
        Verifier(made.secret).verify(BODY, headers)


def test_a_changed_body_and_another_secret_are_noticed() -> None:
    now = datetime.now(UTC)
    made = webhook()
    headers = signed_headers("id/1", BODY.encode(), made.signing_keys(now), now)

    for secret, body in ((made.secret, BODY + " "), (webhook().secret, BODY)):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(body, headers)


def test_for_a_day_the_old_secret_signs_beside_the_new_one() -> None:
    now = datetime.now(UTC)
    old = webhook(now=now)
    new = old.rotated(now)

    headers = signed_headers("id/1", BODY.encode(), new.signing_keys(now), now)

    assert new.secret != old.secret
    for secret in (old.secret, new.secret):
        assert Verifier(secret).verify(BODY, headers)
    assert new.signing_keys(now + ROTATION - timedelta(seconds=1)) == [new.key, old.key]
    assert new.signing_keys(now + ROTATION) == [new.key]


def test_a_rotation_whose_answer_was_lost_can_be_asked_for_again() -> None:
    now = datetime.now(UTC)
    known = webhook(now=now)

    again = known.rotated(now).rotated(now + timedelta(minutes=1))

    assert known.key in again.signing_keys(now + timedelta(minutes=2))


def test_more_secrets_than_can_sign_are_refused_until_one_has_ended() -> None:
    now = datetime.now(UTC)
    made = webhook(now=now)
    for _ in range(MOST_SECRETS - 1):
        made = made.rotated(now)

    with pytest.raises(TooManySecrets):
        made.rotated(now + ROTATION - timedelta(seconds=1))
    assert len(made.rotated(now + ROTATION).signing_keys(now + ROTATION)) == 2


def test_it_wants_all_types_or_those_that_it_names_and_nothing_when_it_is_off() -> None:
    assert webhook().wants("waybill.export.done")
    assert webhook("waybill.export.done").wants("waybill.export.done")
    assert not webhook("waybill.export.failed").wants("waybill.export.done")
    assert not webhook().disabled().wants("waybill.export.done")


def test_its_text_has_neither_address_nor_secret() -> None:
    made = webhook().rotated(datetime.now(UTC))

    assert not [each for each in (URL, made.secret, made.key.hex(), str(made.key)) if each in repr(made)]


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a" * 33, "a/b", "ä", "a\n", "a#delivery"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidWebhookName):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "0", "my-shop-2", "a" * 32])
def test_what_can_be_a_name_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (204, True), (299, True), (301, False), (500, False)])
def test_only_2xx_is_taken(status: int, taken: bool) -> None:
    assert Outcome(status).taken is taken


def test_no_answer_is_not_taken_and_410_is_the_end() -> None:
    assert not Outcome(None, "timeout").taken
    assert Outcome(410).gone
    assert not Outcome(404).gone


def test_a_message_is_small() -> None:
    message = WebhookMessage("x", "waybill.export.started", "2026-03-01T12:00:00+00:00", {"export_id": "0" * 32})
    assert len(json.dumps(message.document())) < 20_000


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (503, "120", 120),
        (429, " 1 ", 1),
        (503, "Sun, 01 Mar 2026 12:00:30 GMT", 30),
        (503, "Sun, 01 Mar 2026 12:00:30 -0000", 30),
        (503, "Fri, 31 Dec 2027 23:59:59 GMT", 21_600),
        (429, "999999999", 21_600),
        (503, "0", None),
        (503, "Sun, 01 Mar 2026 11:59:59 GMT", None),
        (503, "-5", None),
        (503, "soon", None),
        (503, "\u0665", None),
        (503, "9" * 5000, None),
        (503, "", None),
        (500, "120", None),
        (204, "120", None),
        (None, "120", None),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(status: int | None, retry_after: str, seconds: int | None) -> None:
    wait = Outcome(status, retry_after=retry_after).wait_asked(NOON)
    assert (None if wait is None else wait.total_seconds()) == seconds


@given(st.text(max_size=64) | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{1,6}"))
def test_whatever_it_says_it_is_none_or_a_while(text: str) -> None:
    wait = Outcome(503, retry_after=text).wait_asked(NOON)
    assert wait is None or timedelta(0) < wait <= MOST_WAIT
